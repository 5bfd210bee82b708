"""Writes small inputs, good and bad, for the fuzzers.

    make_fuzz_seeds.py BUILD DIRECTORY

Makes DIRECTORY/KIND for each fuzzer fuzz-KIND. The programs are those of test/
and small models that the winnow-compile of BUILD imports.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from gguf import GGMLQuantizationType as Type

import fuzz_seed_directories
import fuzz_seed_files
import fuzz_seed_gguf
from make_tiny_models import TinyModel, make_model

ROOT = Path(__file__).resolve().parent.parent

MODELS = (
    TinyModel("llama", "llama", 1, 8, 8, 2, 1, 4, rope_factors=True),
    TinyModel("qwen2", "qwen2", 1, 8, 8, 2, 1, 4),
    TinyModel("qwen3", "qwen3", 1, 32, 32, 2, 2, 4, (Type.Q4_0, Type.Q8_0), Type.F16, Type.Q5_1),
    TinyModel("gemma3", "gemma3", 1, 32, 32, 2, 1, 4, (Type.Q5_0,), tied=True, window=16),
)

TEXT = "The in\x00 \U0001f600 <s>\n 12345 caf\u00e9 \u4e2d, abab".encode() + b"\xff"
SENTENCE_PIECE, BYTE_BPE, WORD_PIECE = 1, 2, 3
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
NONE = -1


def tokenizer_file(
    model: int,
    pieces: dict[str, int],
    flags: int = 0,
    roles: Sequence[int] = (NONE, NONE, NONE, NONE),
    merges: Sequence[tuple[str, str, str]] = (),
    expressions: Sequence[str] = (),
    ends: Sequence[int] = (),
) -> bytes:
    """NAME.tokenizer with pieces of these types; TokenizerData.h describes the file."""
    symbols = list(pieces)
    for merge in merges:
        symbols += [text for text in merge if text not in symbols]
    strings = [text.encode() for text in (*symbols, *expressions, "qwen2", "{{ x }}")]
    triples = [symbols.index(text) for merge in merges for text in merge]
    sizes = [len(pieces), len(symbols) - len(pieces), len(merges), len(expressions), len(ends)]
    numbers = [2, model, flags, *roles, *sizes, sum(map(len, strings))]
    numbers += accumulate(map(len, strings))
    numbers += [struct.unpack("<i", struct.pack("<f", -rank))[0] for rank in range(len(pieces))]
    numbers += [*triples, *ends]
    head = b"WNWTOKEN" + struct.pack(f"<{len(numbers)}i", *numbers)
    cuts = bytes(index % 5 | index % 2 << 3 for index in range(len(expressions)))
    return head + bytes(pieces.values()) + cuts + b"".join(strings)


def tokenizers() -> dict[str, bytes]:
    """The files behind a text."""
    letters = dict.fromkeys([*"abceiTh12", "in", "ab", "abab"], NORMAL)
    byte_level = letters | {"\u0120": NORMAL, "\u0120a": NORMAL, "<s>": CONTROL | 8}
    merges = [("a", "b", "ab"), ("ab", "ab", "abab"), ("i", "n", "in"), ("1", "2", "12")]
    cuts = [r"\p{N}", r"'s|\s?\p{L}+|\s+(?!\S)|\s+"]
    bytes_ = {f"<0x{byte:02X}>": BYTE for byte in (0x41, 0xFF, 0xC3)}
    pieces = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL, "\u2581": NORMAL,
              "\u2581a": NORMAL, "1 2": USER, "x": UNUSED}  # fmt: skip
    words = {"[UNK]": CONTROL, "[CLS]": CONTROL, "[SEP]": CONTROL, "the": NORMAL, "in": NORMAL,
             "cafe": NORMAL, "##12": NORMAL, "##345": NORMAL, ",": NORMAL, "ab": NORMAL,
             "##ab": NORMAL, "\u4e2d": NORMAL}  # fmt: skip
    files = {
        "byte-level": tokenizer_file(BYTE_BPE, byte_level, 0, (NONE, 14, NONE, NONE),
                                     merges, cuts, [14]),
        "whole-words": tokenizer_file(BYTE_BPE, byte_level, 8 | 256 | 2048, merges=merges,
                                      expressions=cuts[:1]),
        "bad-expression": tokenizer_file(BYTE_BPE, byte_level, expressions=["("]),
        "scores": tokenizer_file(SENTENCE_PIECE, pieces | letters | bytes_, 1 | 2 | 4,
                                 (1, 2, 0, NONE), ends=[2]),
        "merges": tokenizer_file(SENTENCE_PIECE, pieces | letters | bytes_, 4 | 512 | 1024 | 256,
                                 (1, 2, 0, NONE), merges),
        "marked-words": tokenizer_file(SENTENCE_PIECE, pieces | letters | {"<s>": CONTROL | 120},
                                       4 | 1024 | 4096 | 16384 | 32768, (1, 2, 0, NONE), merges,
                                       cuts),
        "prefix-first": tokenizer_file(SENTENCE_PIECE, pieces | {"ab": USER | 64 | 16},
                                       4 | 8192 | 16384, (1, 2, 0, NONE), merges, cuts),
        "words": tokenizer_file(WORD_PIECE, words, 1 | 2 | 4 | 16 | 32 | 64 | 128, (1, 2, 0, NONE)),
        "cased-words": tokenizer_file(WORD_PIECE, words, 4, (NONE, NONE, 0, NONE)),
        "empty": tokenizer_file(SENTENCE_PIECE, {}),
    }  # fmt: skip
    return {name: bytes([len(TEXT)]) + TEXT + file for name, file in files.items()}


def chat_templates() -> dict[str, bytes]:
    golden = ROOT / "test" / "Golden" / "chat"
    files = {path.stem: path.read_bytes() for path in sorted(golden.glob("*.jinja"))}
    snippets = (golden / "snippets.txt").read_text().split("\n")
    return files | {f"snippet{i}": text.encode() for i, text in enumerate(snippets) if text}


def import_models(compiler: Path, directory: Path) -> None:
    """The small models as files and as the programs that they become."""
    with tempfile.TemporaryDirectory() as temporary:
        for model in MODELS:
            path = Path(temporary) / f"{model.name}.gguf"
            make_model(model, path)
            packed = fuzz_seed_directories.pack((0, path.read_bytes()))
            (directory / "import" / model.name).write_bytes(packed)
            program = directory / "program" / model.name
            command = [compiler, "--quiet", path, "-o", program, "--emit=mlir"]
            subprocess.run(command, check=True)


def write_programs(directory: Path) -> None:
    """The test programs without their comments, those of one file apart."""
    for path in sorted((ROOT / "test").rglob("*.mlir")):
        parts = re.split(r"^// -----.*$", path.read_text(), flags=re.MULTILINE)
        for number, part in enumerate(parts):
            text = re.sub(r"^\s*//.*\n", "", part, flags=re.MULTILINE).strip()
            folder = "-".join(path.relative_to(ROOT / "test").parent.parts)
            (directory / f"{folder}-{path.stem}-{number}").write_text(text + "\n")


def main() -> None:
    build, directory = map(Path, sys.argv[1:])
    for part in (fuzz_seed_gguf, fuzz_seed_directories, fuzz_seed_files):
        part.write(directory)
    for kind, seeds in {"tokenizer": tokenizers(), "chat": chat_templates()}.items():
        (directory / kind).mkdir(exist_ok=True)
        for name, contents in seeds.items():
            (directory / kind / name).write_bytes(contents)
    (directory / "import").mkdir(exist_ok=True)
    (directory / "program").mkdir(exist_ok=True)
    import_models(build / "bin" / "winnow-compile", directory)
    write_programs(directory / "program")
    shutil.copytree(directory / "program", directory / "ir", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
