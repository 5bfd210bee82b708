"""Writes small valid inputs for the fuzzers.

    make_fuzz_seeds.py BUILD DIRECTORY

Makes DIRECTORY/gguf, /safetensors, /tokenizer-json, /tokenizer and /program, with
the winnow-compile of BUILD: models of one layer, small tokenizers, vocabularies
behind a text, and the programs of test/.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import gguf
from gguf import GGMLQuantizationType as Type

from hugging_face_tokenizers import variants
from make_tiny_models import TinyModel, make_model

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from hugging_face import write_small_llama  # noqa: E402

MODELS = (
    TinyModel("llama", "llama", 1, 8, 8, 2, 1, 4, rope_factors=True),
    TinyModel("qwen2", "qwen2", 1, 8, 8, 2, 1, 4),
    TinyModel("qwen3", "qwen3", 1, 32, 32, 2, 2, 4, (Type.Q4_0, Type.Q8_0), Type.F16, Type.Q5_1),
    TinyModel("gemma3", "gemma3", 1, 32, 32, 2, 1, 4, (Type.Q5_0,), tied=True, window=16),
)

TEXT = "The in\x00 \U0001f600 <s>\n 12345".encode() + b"\xff"


BYTE_PIECES = [*"abcdefgh0123456789", "Ġ", "ab", "Ġa", "<|endoftext|>"]


def byte_level_model(path: Path) -> None:
    """A model file that holds nothing but a byte-level vocabulary."""
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(BYTE_PIECES)
    writer.add_token_types([1] * (len(BYTE_PIECES) - 1) + [3])
    writer.add_token_merges(["a b", "Ġ a"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def byte_level_tokenizer() -> bytes:
    """The same as NAME.tokenizer; TokenizerData.h describes the file."""
    expressions = [r"\p{N}", r"'s|\s?\p{L}+|\s+(?!\S)|\s+"]
    strings = [text.encode() for text in (*BYTE_PIECES, *expressions, "qwen2", "")]
    count = len(BYTE_PIECES)
    symbols = [BYTE_PIECES.index(text) for text in ("a", "b", "ab", "Ġ", "a", "Ġa")]
    sizes = [count, 0, len(symbols) // 3, len(expressions), 1, sum(map(len, strings))]
    numbers = [1, 2, 0, -1, count - 1, -1, -1, *sizes, *accumulate(map(len, strings))]
    numbers += [0] * count + symbols + [count - 1]
    types = bytes([1] * (count - 1) + [3])
    return b"WNWTOKEN" + struct.pack(f"<{len(numbers)}i", *numbers) + types + b"".join(strings)


def write_hugging_face(directory: Path) -> None:
    """The variants of tokenizer.json with next to no pieces, and a small model."""
    for name, tokenizer in variants().items():
        model = tokenizer["model"]
        kept = [*(f"<0x{byte:02X}>" for byte in range(256)), *"ab1", "ab", "\u2581"]
        model["vocab"] = {piece: index for index, piece in enumerate(kept)}
        model["merges"] = ["a b"]
        text = json.dumps(tokenizer | {"added_tokens": tokenizer["added_tokens"][:3]})
        (directory / "tokenizer-json" / name).write_text(text)
    model = directory / "small"
    write_small_llama(model, 4)
    shutil.move(model / "model.safetensors", directory / "safetensors" / "llama")
    shutil.rmtree(model)


def write_programs(directory: Path) -> None:
    """The test programs without their comments, those of one file apart."""
    for path in sorted((ROOT / "test").rglob("*.mlir")):
        parts = re.split(r"^// -----.*$", path.read_text(), flags=re.MULTILINE)
        for number, part in enumerate(parts):
            text = re.sub(r"^\s*//.*\n", "", part, flags=re.MULTILINE).strip()
            (directory / f"{path.stem}-{number}").write_text(text + "\n")


def main() -> None:
    build, directory = map(Path, sys.argv[1:])
    for name in ("gguf", "safetensors", "tokenizer-json", "tokenizer", "program"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        path = directory / "gguf" / f"{model.name}.gguf"
        make_model(model, path)
        artifact = directory / model.name
        compiler = [build / "bin" / "winnow-compile", "--quiet", path, "-o"]
        subprocess.run([*compiler, artifact], check=True)
        vocabulary = artifact.with_suffix(".tokenizer").read_bytes()
        (directory / "tokenizer" / model.name).write_bytes(bytes([len(TEXT)]) + TEXT + vocabulary)
        for file in directory.glob(f"{model.name}.*"):
            file.unlink()
        program = directory / "program" / model.name
        subprocess.run([*compiler, program, "--emit=mlir"], check=True)
    byte_level_model(directory / "gguf" / "vocabulary.gguf")
    seed = bytes([len(TEXT)]) + TEXT + byte_level_tokenizer()
    (directory / "tokenizer" / "byte-level").write_bytes(seed)
    write_hugging_face(directory)
    write_programs(directory / "program")


if __name__ == "__main__":
    main()
