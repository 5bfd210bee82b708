"""`winnow-mixed-precision`: errors against those that uniform artifacts report, the
choice against all choices, the size against the file."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from calibration import calibrate
from programs import Artifacts, Programs, manifest, recipe, size_of

FORMATS = ("q8_0", "q5_1", "q4_0")
MODEL = "llama-blocks-96"
ONLY = "blk.0|^output"
LINE = "winnow-mixed-precision{{size={} formats={} only={}}}"


def header_of(name: Path) -> dict:
    data = name.with_name(name.name + ".weights").read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def file_size(header: dict, shapes: dict[str, list[int]]) -> int:
    """Of a file like the one with this header, but where weights have other bytes."""
    written = {"__metadata__": header["__metadata__"]}
    offset = 0
    for name, entry in header.items():
        if name == "__metadata__" or name.startswith("winnow.padding."):
            continue
        shape = shapes.get(name, entry["shape"])
        end = offset + int(np.prod(shape)) * (4 if entry["dtype"] == "F32" else 1)
        number = sum(not key.startswith("winnow.padding.") for key in written) - 1
        written[name] = {"dtype": entry["dtype"], "shape": shape, "data_offsets": [offset, end]}
        offset = -(-end // 64) * 64
        if offset != end:
            padding = {"dtype": "U8", "shape": [offset - end], "data_offsets": [end, offset]}
            written[f"winnow.padding.{number}"] = padding
    text = json.dumps(written, separators=(",", ":"), ensure_ascii=False).encode()
    return -(-(8 + len(text)) // 4096) * 4096 + offset


def remarks_of(path: Path) -> list[tuple[str, str, str]]:
    """Kind, name and text of each remark of the pass."""
    found = []
    for part in path.read_text().split("--- !")[1:]:
        if "Pass:            mixed-precision" not in part and "Pass: mixed-precision" not in part:
            continue
        name = re.search(r"^Name:\s+(\S+)$", part, re.M)
        said = "".join(re.findall(r"Remark:\s+(.*(?:\n {6,}.*)*)", part))
        assert name, part
        found.append((part.split()[0], name[1].strip("'\""), re.sub(r"\s+", " ", said)))
    return found


class Choice:
    """What the pass said and did."""

    def __init__(
        self, programs: Programs, model: Path, name: Path, line: str, statistics: Path
    ) -> None:
        remarks = name.with_name(name.name + ".yaml")
        options = (f"--statistics={statistics}", f"--remarks={remarks}")
        programs.compile(model, name, recipe(name.parent, line), *options)
        self.errors: dict[str, dict[str, tuple[float, int]]] = {}
        self.weights = ""
        for kind, weight, said in remarks_of(remarks):
            if kind == "Analysis" and weight == "weights":
                self.weights = said
            elif kind == "Analysis":
                found = re.search(r"(\w+): error ([0-9.e+-]+), (\d+) bytes", said)
                assert found, said
                entry = (float(found[2]), int(found[3]))
                self.errors.setdefault(weight, {})[found[1]] = entry
        facts = manifest(name)
        self.formats = {weight["name"]: weight["format"] for weight in facts["weights"]}
        self.decisions = facts.get("decisions", [])
        self.size = size_of(name)

    @property
    def error(self) -> float:
        return sum(each[self.formats[weight]][0] for weight, each in self.errors.items())


@pytest.mark.parametrize("method", ["rtn", "gptq"])
def test_choice_and_size(
    method: str,
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths[MODEL]
    statistics = calibrate(programs, path, tmp_path / "statistics", text, "--observe=gram")
    plain = artifacts.get(path)
    header = header_of(plain)
    assert file_size(header, {}) == size_of(plain)
    uniform, shapes, sizes = {}, {}, []
    for number_format in FORMATS:
        line = f"winnow-quantize-weights{{format={number_format} method={method} only={ONLY}}}"
        folder = tmp_path / number_format
        folder.mkdir()
        name = programs.compile(
            path, folder / "name", recipe(tmp_path, line), f"--statistics={statistics}"
        )
        sizes.append(size_of(name))
        uniform[number_format] = {w["name"]: w for w in manifest(name)["weights"]}
        shapes[number_format] = {
            key: entry["shape"]
            for key, entry in header_of(name).items()
            if key != "__metadata__" and not key.startswith("winnow.padding.")
        }

    previous, fits = 1e9, False
    for share in (20, 50, 80):
        name = tmp_path / f"at{share}"
        budget = min(sizes) + (max(sizes) - min(sizes)) * share // 100
        line = LINE.format(budget, ",".join(FORMATS), f'"{ONLY}" method={method}')
        choice = Choice(programs, path, name, line, statistics)
        weights = sorted(choice.errors)
        assert len(weights) == 8
        assert choice.size <= budget
        # The predicted size is the file's, and what Python makes of the header.
        assert f"{choice.size} bytes, {budget} allowed;" in choice.weights
        chosen = {
            weight: shapes[choice.formats[weight]][weight]
            for weight in weights
            if choice.formats[weight] in FORMATS
        }
        # Rows that fit no format stay what they are.
        assert len(chosen) == 7
        assert file_size(header, chosen) == choice.size
        # Errors are those of the artifacts in one format.
        for weight in weights:
            for number_format, (error, bytes_) in choice.errors[weight].items():
                if number_format not in FORMATS:
                    assert error == 0 and len(choice.errors[weight]) == 1
                    continue
                fact = uniform[number_format][weight]
                assert bytes_ == -(-int(np.prod(shapes[number_format][weight])) // 64) * 64
                if fact.get("checkpoint_format", number_format) == number_format:
                    assert error == 0
                else:
                    expected = fact["relative_output_error"] ** 2
                    np.testing.assert_allclose(error, expected, rtol=1e-4, atol=1e-12)
        # No choice is better by more than the remark says.
        best = min(
            sum(choice.errors[w][f][0] for w, f in zip(weights, formats, strict=True))
            for formats in itertools.product(*(choice.errors[w] for w in weights))
            if file_size_fits(choice, weights, formats, budget)
        )
        bound = re.search(r"less by more than ([0-9.e+-]+)", choice.weights)
        assert bound and choice.error <= best + float(bound[1]) + 1e-12
        assert choice.error <= previous
        previous = choice.error
        # The same program as by winnow-quantize-weights, one by one, but that codes are
        # only fitted where rounding loses something.
        lines = "\n".join(
            f"winnow-quantize-weights{{format={choice.formats[w]} method={method} "
            f'only="^{re.escape(w)}$"}}'
            for w in chosen
        )
        options = (f"--statistics={statistics}", "--emit=compressed")
        programs.compile(path, tmp_path / "mixed.mlir", recipe(tmp_path, line), *options)
        programs.compile(path, tmp_path / "lines.mlir", recipe(tmp_path, lines), *options)
        mixed, single = ((tmp_path / f"{n}.mlir").read_text() for n in ("mixed", "lines"))
        fits |= 'codes<gptq, "' in mixed
        fitted = re.compile(r' \{codes = #winnow\.codes<gptq, "[^"]*">\}')
        assert fitted.sub("", mixed) == fitted.sub("", single)
    assert fits == (method == "gptq")


def test_without_gram_matrices_channels_are_independent(
    tiny_paths: dict[str, Path], programs: Programs, text: Path, tmp_path: Path
) -> None:
    """The same errors as with Gram matrices that have nothing but their diagonals."""
    path = tiny_paths[MODEL]
    line = LINE.format("99%", ",".join(FORMATS), f'"{ONLY}"')
    channels = calibrate(programs, path, tmp_path / "channels", text, "--observe=channels")
    diagonal = calibrate(programs, path, tmp_path / "diagonal", text, "--observe=gram")
    data = bytearray(diagonal.read_bytes())
    size = int.from_bytes(data[:8], "little")
    for key, entry in json.loads(data[8 : 8 + size]).items():
        if key.startswith("gram.mean/"):
            width, start = entry["shape"][0], 8 + size + entry["data_offsets"][0]
            gram = np.frombuffer(data, "<f4", width * width, start).reshape(width, width)
            gram[...] = np.diag(np.diag(gram))
    diagonal.write_bytes(data)
    found = [
        Choice(programs, path, tmp_path / f"by_{statistics.name}", line, statistics).errors
        for statistics in (channels, diagonal)
    ]
    assert found[0].keys() == found[1].keys() and len(found[0]) == 8
    for weight, each in found[0].items():
        for number_format, (error, _) in each.items():
            np.testing.assert_allclose(error, found[1][weight][number_format][0], rtol=1e-4)
    assert max(error for each in found[0].values() for error, _ in each.values()) > 1e-3


def file_size_fits(
    choice: Choice, weights: list[str], formats: tuple[str, ...], budget: int
) -> bool:
    """By bytes: header and padding are the same for all choices of one model but for
    digits, which 4096 bytes take in."""
    mine = sum(choice.errors[w][choice.formats[w]][1] for w in weights)
    other = sum(choice.errors[w][f][1] for w, f in zip(weights, formats, strict=True))
    return choice.size - mine + other <= budget


def test_what_cannot_be_is_told_with_the_least(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths[MODEL]
    statistics = calibrate(programs, path, tmp_path / "statistics", text)
    name, option = tmp_path / "name", f"--statistics={statistics}"

    def message(size: str, formats: str = "q4_0", *options: object) -> str:
        line = recipe(tmp_path, f"winnow-mixed-precision{{size={size} formats={formats}}}")
        return programs.failure("winnow-compile", path, "-o", name, line, *options)

    found = re.search(
        r"cannot have weights of 1000 bytes, as 'size' of winnow-mixed-precision says: the "
        r"least that its formats allow are (\d+)$",
        message("1KB", "q4_0", option),
    )
    assert found
    assert f"are {found[1]}" in message(str(int(found[1]) - 1), "q8_0,q4_0", option)
    assert not list(tmp_path.glob("name*"))
    line = f"winnow-mixed-precision{{size={found[1]} formats=q8_0,q4_0}}"
    assert Choice(programs, path, name, line, statistics).size == int(found[1])
    assert "'channels.rms/" in message("50%") and "--calibrate" in message("50%")


def test_all_may_stay(
    tiny_paths: dict[str, Path],
    programs: Programs,
    artifacts: Artifacts,
    text: Path,
    tmp_path: Path,
) -> None:
    path = tiny_paths[MODEL]
    statistics = calibrate(programs, path, tmp_path / "statistics", text)
    plain = artifacts.get(path)

    def files(name: Path) -> list[bytes]:
        return [name.with_name(name.name + s).read_bytes() for s in (".so", ".weights", ".json")]

    for folder, options in (("a", "size=100% formats=keep"), ("b", "size=100% formats=keep,q4_0")):
        (tmp_path / folder).mkdir()
        name = tmp_path / folder / plain.name
        line = f"winnow-mixed-precision{{{options}}}"
        choice = Choice(programs, path, name, line, statistics)
        assert choice.decisions == [] and files(name) == files(plain)
    (tmp_path / "c").mkdir()
    name = tmp_path / "c" / plain.name
    line = "winnow-mixed-precision{size=99% formats=keep,q4_0}"
    choice = Choice(programs, path, name, line, statistics)
    assert choice.decisions and choice.size <= 0.99 * size_of(plain)
    assert all(a != b for a, b in zip(files(name), files(plain), strict=True))
