"""Records llama.cpp's ids of the test strings: test/Golden/tokenizer/ids.npz.

    record_tokenizer_goldens.py GEMMA.gguf

For each case (a vocabulary and a mode) the file has a CRC-32 of the ids of each
string and the ids themselves of the first strings. Needs requirements-peers.txt;
train_small_vocabularies.py goes before it.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
import tempfile
import zlib
from pathlib import Path

import llama_cpp
import numpy as np

from tokenizer_strings import draw_strings
from tokenizer_vocabularies import GOLDEN, small_vocabularies, write_gguf

FULL = 200
"""How many strings have all their ids recorded."""


class LlamaTokenizer:
    """llama.cpp's tokenizer of a GGUF file."""

    def __init__(self, path: Path) -> None:
        callback = llama_cpp.llama_log_callback(lambda *_: None)
        llama_cpp.llama_log_set(callback, ctypes.c_void_p())
        self.callback = callback
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.model:
            raise ValueError(f"{path}: llama.cpp does not load it")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)

    def encode(self, text: bytes, parse_special: bool, add_special: bool) -> np.ndarray:
        size = len(text) * 4 + 8
        ids = (ctypes.c_int32 * size)()
        count = llama_cpp.llama_tokenize(
            self.vocabulary, text, len(text), ids, size, add_special, parse_special
        )
        if count < 0:
            raise ValueError(f"{text!r}: llama.cpp gives {count}")
        return np.array(ids[:count], "<i4")


def record(path: Path, name: str, strings: list[bytes], arrays: dict[str, np.ndarray]) -> None:
    """Adds both modes of one vocabulary."""
    tokenizer = LlamaTokenizer(path)
    for mode, parse_special in (("special", True), ("plain", False)):
        ids = [tokenizer.encode(text, parse_special, True) for text in strings]
        key = f"{name}/{mode}"
        arrays[f"{key}/crc"] = np.array([zlib.crc32(row.tobytes()) for row in ids], np.uint32)
        arrays[f"{key}/ids"] = np.concatenate(ids[:FULL])
        arrays[f"{key}/counts"] = np.array([len(row) for row in ids[:FULL]], np.int32)
        print(f"{key}: {sum(map(len, ids))} ids of {len(strings)} strings")


def main() -> None:
    strings = draw_strings()
    digest = hashlib.sha256(b"".join(b"%d:%s" % (len(text), text) for text in strings))
    arrays = {"strings": np.frombuffer(digest.digest(), np.uint8)}
    record(Path(sys.argv[1]), "gemma", strings, arrays)
    with tempfile.TemporaryDirectory() as directory:
        for name, vocabulary in small_vocabularies().items():
            path = Path(directory) / f"{name}.gguf"
            write_gguf(vocabulary, path)
            full = name in ("qwen2", "llama3", "sentencepiece")
            record(path, name, strings if full else strings[:2000], arrays)
    np.savez_compressed(GOLDEN / "ids.npz", **arrays)


if __name__ == "__main__":
    main()
