"""`winnow-compile --budget`: the limits against the files and against `--evaluate`, the
recipe against other recipes and against what it reproduces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from calibration import calibrate
from evaluation import TEXT, evaluate
from programs import Artifacts, Programs, recipe, size_of

FORMATS = ("q8_0", "q5_1", "q4_0")
OPTIONS = (f"--budget-formats={','.join(FORMATS)}", "--budget-rounds=4")
SUFFIXES = (".so", ".weights", ".json", ".h")


@pytest.fixture(scope="module")
def statistics(
    encodable: Path,
    programs: Programs,
    text: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("statistics") / "statistics"
    return calibrate(programs, encodable, path, text, "--observe=channels,gram,similarity")


def divergence(programs: Programs, name: Path, plain: Path, text: Path) -> float:
    """On the sample that statistics keep, which is the whole text here."""
    return evaluate(programs, name, text, "--against", plain, "--context", 256)["kl"]


def search(
    programs: Programs, model: Path, folder: Path, budget: str, statistics: Path, *more: object
) -> tuple[Path, Path]:
    """The artifact and the recipe."""
    folder.mkdir()
    name, found = folder / "name", folder / "found.recipe"
    programs.compile(
        *(model, name, f"--budget={budget}", f"--statistics={statistics}"),
        *(f"--write-recipe={found}", *OPTIONS, *more),
    )
    return name, found


def test_size(
    encodable: Path,
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    statistics: Path,
    tmp_path: Path,
) -> None:
    """No uniform format of this size or less is nearer to the model."""
    plain = artifacts.get(encodable)
    name, found = search(programs, encodable, tmp_path / "search", "size=20%", statistics)
    assert size_of(name) <= size_of(plain) // 5
    header = re.match(
        r"# (\d+) bytes of (\d+) \([0-9.]+ %\); divergence ([0-9.]+)", found.read_text()
    )
    assert header
    assert (int(header[1]), int(header[2])) == (size_of(name), size_of(plain))
    mine = divergence(programs, name, plain, text)
    assert mine == pytest.approx(float(header[3]), abs=6e-5)

    # The recipe alone makes the same files.
    (tmp_path / "again").mkdir()
    again = programs.compile(
        encodable, tmp_path / "again" / "name", f"--recipe={found}", f"--statistics={statistics}"
    )
    for suffix in SUFFIXES:
        one, other = (path.with_name(path.name + suffix) for path in (name, again))
        assert one.read_bytes() == other.read_bytes(), suffix

    others = 0
    for number, line in enumerate(
        [f"winnow-quantize-weights{{format={f} method=rtn}}" for f in FORMATS]
        + ["winnow-mixed-precision{size=20% formats=keep,q8_0,q5_1,q4_0}"]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        other = programs.compile(
            encodable, folder / "name", recipe(folder, line), f"--statistics={statistics}"
        )
        if size_of(other) <= size_of(plain) // 5:
            others += 1
            assert mine <= divergence(programs, other, plain, text) * (1 + 1e-6), line
    assert others >= 2


def test_divergence_alone_gives_the_smallest_within(
    encodable: Path,
    programs: Programs,
    artifacts: Artifacts,
    statistics: Path,
    tmp_path: Path,
) -> None:
    """On a text of one's own."""
    plain = artifacts.get(encodable)
    coarse = programs.compile(
        encodable, tmp_path / "coarse", recipe(tmp_path, "winnow-quantize-weights{format=q4_0}")
    )
    text, own = tmp_path / "other.txt", ("--evaluate-on", tmp_path / "other.txt")
    text.write_text(TEXT[::-1])
    most = divergence(programs, coarse, plain, text) / 4
    name, _ = search(programs, encodable, tmp_path / "search", f"kl={most}", statistics, *own)
    assert size_of(name) < size_of(plain)
    assert divergence(programs, name, plain, text) <= most


def test_what_cannot_be(
    tiny_paths: dict[str, Path],
    encodable: Path,
    programs: Programs,
    statistics: Path,
    tmp_path: Path,
) -> None:
    name = tmp_path / "name"
    recipe_path = tmp_path / "found.recipe"

    def message(budget: str, *options: object, model: Path = encodable) -> str:
        return programs.failure(
            *("winnow-compile", model, "-o", name, f"--budget={budget}", *options)
        )

    given = (f"--statistics={statistics}", f"--write-recipe={recipe_path}")
    given = (*given, "--budget-formats=q4_0", "--budget-rounds=0")
    assert re.search(
        r"cannot keep the budget: formats and layers that may go leave at least \d+ bytes, and "
        r"1000 are allowed$",
        message("size=1KB", *given),
    )
    assert "cannot keep the budget" in message("time=0.0001x", *given)
    assert "the least divergence that was found is" in message("size=40%,kl=0.0000001", *given)
    other = message("size=20%", *given, model=tiny_paths["llama-f32"])
    assert "holds statistics of another model" in other
    assert message("size=20%") == (
        "--budget needs --statistics=FILE, written by winnow-compile --calibrate"
    )
    for budget, said in {
        "size=0%": "expects 'size' to be a share of at most 100%",
        "size=101%": "expects 'size' to be a share of at most 100%",
        "time=1.5x": "expects 'time' to be a factor of at most 1, such as 0.7x; found '1.5x'",
        "time=0.7": "expects 'time' to be a factor",
        "kl=-1": "expects 'kl' to be a number above 0; found '-1'",
        "size=20%,size=40%": "expects each limit once",
        "speed=2": "expects size=..., time=... or kl=..., separated by commas; found 'speed=2'",
        "": "expects size=..., time=... or kl=...",
    }.items():
        assert said in message(budget, *given), budget
    assert "does not go with --budget" in message(
        "size=20%", *given, recipe(tmp_path, "winnow-quantize-weights{format=q4_0}")
    )
    assert "--budget-formats expects keep" in message(
        "size=20%", f"--statistics={statistics}", "--budget-formats=q9"
    )
    assert "goes with --budget" in programs.failure(
        "winnow-compile", encodable, "-o", name, f"--write-recipe={recipe_path}"
    )
    assert not recipe_path.exists() and not list(tmp_path.glob("name*"))
