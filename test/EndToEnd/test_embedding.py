"""Artifacts inside other programs: C programs that link one or two, sessions
side by side, a caller's threads."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact, Part
from conftest import ROOT
from programs import Artifacts, Programs

MODELS = ("gemma3-k-quants", "qwen2-blocks-160")
IDS = [1, 5, 9, 40, 71]
COUNT = 12

# main(WEIGHTS_0, WEIGHTS_1, COUNT, ID...) runs one example after the other.
TWO_EXAMPLES = """
int generate_0(int, char **);
int generate_1(int, char **);
int main(int argc, char **argv) {
  char *second = argv[2];
  argv[2] = argv[1];
  if (generate_0(argc - 1, argv + 1))
    return 1;
  argv[2] = second;
  return generate_1(argc - 1, argv + 1);
}
"""


def run(*command: object) -> str:
    """Runs a command that has to succeed and returns what it printed."""
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def suffixed(name: Path, suffix: str) -> Path:
    """NAME with a suffix."""
    return name.with_name(name.name + suffix)


@pytest.fixture(params=["static", "shared"])
def kind(request: pytest.FixtureRequest) -> str:
    """How an artifact is linked."""
    return request.param


def build(kind: str, model: Path, artifacts: Artifacts) -> tuple[Path, Path, list[str]]:
    """The artifact's name, its library, and what a linker needs beside it."""
    if kind == "static":
        name = artifacts.get(model, "--emit=static")
        return name, suffixed(name, ".a"), ["-lm"]
    name = artifacts.get(model)
    return name, suffixed(name, ".so"), [f"-Wl,-rpath,{name.parent}"]


def compile_example(name: Path, output: Path, *options: object, source: str = "generate.c") -> None:
    """Compiles an example for an artifact, with its own header alone."""
    run(
        *("clang-22", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"),
        *(f'-DMODEL_HEADER="{suffixed(name, ".h")}"', f"-DMODEL_API={name.name}_winnow_api"),
        *(ROOT / "examples" / source, "-o", output, *options),
    )


def expected(name: Path, programs: Programs) -> str:
    """What winnow-run generates."""
    return ",".join(map(str, programs.generate(name, IDS, COUNT))) + "\n"


def test_example(
    kind: str,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    programs: Programs,
    tmp_path: Path,
) -> None:
    model = tiny_paths[MODELS[0]]
    name, library, flags = build(kind, model, artifacts)
    program = tmp_path / "generate"
    compile_example(name, program, library, *flags)
    weights = suffixed(name, ".weights")
    assert run(program, weights, COUNT, *IDS) == expected(artifacts.get(model), programs)

    for arguments, status, message in (
        ((weights, COUNT, 1, 77), 8, "77"),
        ((weights, COUNT, "word"), 8, "-1"),
        ((tmp_path / "none.weights", COUNT, 1), 2, "none.weights"),
        ((suffixed(name, ".json"), COUNT, 1), 3, ".json"),
        ((weights, 300, 1), 9, "256"),
    ):
        result = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 1
        assert result.stderr.startswith(f"error {status}: ") and message in result.stderr


def test_resume(
    tiny_paths: dict[str, Path], artifacts: Artifacts, programs: Programs, tmp_path: Path
) -> None:
    """Two runs of examples/resume.c write what one run of winnow-run does."""
    name, library, flags = build("shared", tiny_paths[MODELS[0]], artifacts)
    program, state = tmp_path / "resume", tmp_path / "state"
    compile_example(name, program, library, *flags, source="resume.c")
    weights = suffixed(name, ".weights")
    first = run(program, weights, state, COUNT, *IDS).strip().split(",")
    more = [3, 4]
    second = run(program, weights, state, COUNT, *more)
    ids = [*IDS, *map(int, first), *more]
    assert first == expected(name, programs).strip().split(",")
    assert second == ",".join(map(str, programs.generate(name, ids, COUNT))) + "\n"

    before = state.read_bytes()
    result = subprocess.run(
        [program, weights, state, "1", "77"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("WINNOW_TOKEN_OUT_OF_RANGE: token id 77")
    assert state.read_bytes() == before


def test_two_models_in_one_program(
    kind: str,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    programs: Programs,
    tmp_path: Path,
) -> None:
    libraries: list[object] = []
    for index, model in enumerate(MODELS):
        name, library, flags = build(kind, tiny_paths[model], artifacts)
        part = tmp_path / f"generate_{index}.o"
        compile_example(name, part, "-c", f"-Dmain=generate_{index}")
        libraries += [part, library, *flags]
    main = tmp_path / "main.c"
    main.write_text(TWO_EXAMPLES)
    program = tmp_path / "both"
    run("clang-22", "-std=c11", "-Wall", "-Werror", main, *libraries, "-o", program)
    names = [artifacts.get(tiny_paths[model]) for model in MODELS]
    weights = [
        suffixed(build(kind, tiny_paths[model], artifacts)[0], ".weights") for model in MODELS
    ]
    printed = run(program, *weights, COUNT, *IDS)
    assert printed == "".join(expected(name, programs) for name in names)


def test_two_models_in_two_threads(
    kind: str,
    tiny_paths: dict[str, Path],
    artifacts: Artifacts,
    programs: Programs,
    tmp_path: Path,
) -> None:
    parts = [build(kind, tiny_paths[model], artifacts) for model in MODELS]
    program = tmp_path / "both"
    run(
        *("clang-22", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pthread"),
        *("-I", ROOT / "include", ROOT / "test" / "EndToEnd" / "two_models.c", "-o", program),
        *(f"-DAPI_{index}={name.name}_winnow_api" for index, (name, _, _) in enumerate(parts)),
        *(flag for _, library, flags in parts for flag in (library, *flags)),
    )
    weights = [suffixed(name, ".weights") for name, _, _ in parts]
    printed = run(program, *weights, COUNT, *IDS)
    names = [artifacts.get(tiny_paths[model]) for model in MODELS]
    assert printed == "".join(expected(name, programs) for name in names)


def test_static_library_defines_one_symbol(
    tiny_paths: dict[str, Path], artifacts: Artifacts
) -> None:
    name = artifacts.get(tiny_paths[MODELS[0]], "--emit=static")
    printed = run("llvm-nm-22", "--defined-only", "--extern-only", suffixed(name, ".a"))
    symbols = [line.split()[-1] for line in printed.splitlines() if " " in line]
    assert symbols == [f"{name.name}_winnow_api"]


@pytest.fixture
def artifact(tiny_paths: dict[str, Path], artifacts: Artifacts) -> Iterator[Artifact]:
    """An open artifact."""
    with Artifact(artifacts.get(tiny_paths[MODELS[0]])) as opened:
        yield opened


def sequence(seed: int) -> list[int]:
    """Ids to compute."""
    return np.random.default_rng(seed).integers(3, 77, 40).tolist()


def test_sessions_in_two_threads(artifact: Artifact) -> None:
    """Two sessions that compute at the same time do not disturb each other."""

    def compute(seed: int, rounds: int) -> list[np.ndarray]:
        ids = sequence(seed)
        results = []
        with artifact.session(threads=1 + seed) as session:
            for _ in range(rounds):
                session.reset()
                results.append(session.prefill(ids[:30]))
                results += [session.decode(token) for token in ids[30:]]
        return results

    alone = [compute(seed, 1) for seed in range(2)]
    found: dict[int, list[np.ndarray]] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: found.update({seed: compute(seed, 5)}))
        for seed in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(2):
        assert len(found[seed]) == 5 * len(alone[seed])
        for index, logits in enumerate(found[seed]):
            np.testing.assert_array_equal(logits, alone[seed][index % len(alone[seed])])


@pytest.mark.parametrize("count", [1, 3])
def test_executor_of_the_caller(artifact: Artifact, count: int) -> None:
    ids = sequence(3)
    with artifact.session() as session:
        alone = [session.prefill(ids[:30]), session.decode(ids[30])]
    counts = []

    def execute(_: int | None, parts: int, part: Part, context: int | None) -> None:
        counts.append(parts)
        threads = [
            threading.Thread(target=part, args=(context, index, parts)) for index in range(parts)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with artifact.session(threads=count, executor=execute) as session:
        for expected_logits, logits in zip(
            alone, [session.prefill(ids[:30]), session.decode(ids[30])], strict=True
        ):
            np.testing.assert_array_equal(logits, expected_logits)
    assert counts and set(counts) == {count}


def test_guide_quotes_the_example() -> None:
    guide = (ROOT / "docs" / "Embedding.md").read_text()
    example = (ROOT / "examples" / "generate.c").read_text()
    quotes = re.findall(r"^```c\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(quotes) == 2
    for quote in quotes:
        assert quote in example
