"""Vocabularies of tokenizer tests: read from GGUF, changed, and written as GGUF
(for llama.cpp) and as NAME.tokenizer, the format that
include/winnow/Tokenizer/TokenizerData.h describes. The writer here is
independent of the one in C++, so that a file which only its writer understands
shows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

import gguf
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "test" / "Golden" / "tokenizer"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


@dataclass(frozen=True)
class Vocabulary:
    """What `tokenizer.ggml.*` says; `model` is "llama", "gpt2" or "bert"."""

    model: str
    pre: str
    pieces: list[bytes]
    types: list[int]
    scores: list[float] = field(default_factory=list)
    merges: list[bytes] = field(default_factory=list)
    bos: int = -1
    eos: int = -1
    unknown: int = -1
    padding: int = -1
    add_bos: bool = False
    add_eos: bool = False
    add_space_prefix: bool = False
    bert_rules: int = 0
    """The flags of BERT's cleaning."""


def read_gguf(path: Path) -> Vocabulary:
    """The vocabulary of a GGUF file that states all add_* keys."""
    fields = gguf.GGUFReader(path).fields

    def get(key: str, default: object) -> object:
        name = f"tokenizer.ggml.{key}"
        return fields[name].contents() if name in fields else default

    def get_bytes(key: str) -> list[bytes]:
        name = f"tokenizer.ggml.{key}"
        if name not in fields:
            return []
        return [bytes(fields[name].parts[index]) for index in fields[name].data]

    return Vocabulary(
        model=get("model", ""),
        pre=get("pre", ""),
        pieces=get_bytes("tokens"),
        types=get("token_type", []),
        scores=get("scores", []),
        merges=get_bytes("merges"),
        bos=get("bos_token_id", -1),
        eos=get("eos_token_id", -1),
        unknown=get("unknown_token_id", -1),
        padding=get("padding_token_id", -1),
        add_bos=get("add_bos_token", False),
        add_eos=get("add_eos_token", False),
        add_space_prefix=get("add_space_prefix", False),
    )


def write_gguf(vocabulary: Vocabulary, path: Path) -> None:
    """A GGUF file with a vocabulary and no tensors."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.pieces)
    writer.add_token_types(vocabulary.types)
    if vocabulary.scores:
        writer.add_token_scores(vocabulary.scores)
    if vocabulary.merges:
        writer.add_token_merges([merge.decode() for merge in vocabulary.merges])
    for add, token in (
        (writer.add_bos_token_id, vocabulary.bos),
        (writer.add_eos_token_id, vocabulary.eos),
        (writer.add_unk_token_id, vocabulary.unknown),
        (writer.add_pad_token_id, vocabulary.padding),
    ):
        if token >= 0:
            add(token)
    writer.add_add_bos_token(vocabulary.add_bos)
    writer.add_add_eos_token(vocabulary.add_eos)
    writer.add_add_space_prefix(vocabulary.add_space_prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def tokenizer_file(vocabulary: Vocabulary) -> bytes:
    """The bytes of NAME.tokenizer, without expressions of the pre-tokenizer."""
    count = len(vocabulary.pieces)
    numbers: dict[bytes, int] = {}
    for index, piece in enumerate(vocabulary.pieces):
        numbers.setdefault(piece, index)
    extras: list[bytes] = []

    def number(text: bytes) -> int:
        if text not in numbers:
            numbers[text] = count + len(extras)
            extras.append(text)
        return numbers[text]

    merges = []
    for merge in vocabulary.merges:
        space = merge.index(b" ", 1)
        left, right = merge[:space], merge[space + 1 :]
        merges += [number(left), number(right), number(left + right)]
    texts = [*vocabulary.pieces, *extras, vocabulary.pre.encode(), b""]
    ends = np.cumsum([len(text) for text in texts])
    flags = vocabulary.add_bos | vocabulary.add_eos << 1 | vocabulary.add_space_prefix << 2
    flags |= vocabulary.bert_rules
    header = b"WNWTOKEN" + struct.pack(
        "<IIIiiiiIIIIII",
        2,
        ("llama", "gpt2", "bert").index(vocabulary.model) + 1,
        flags,
        vocabulary.bos,
        vocabulary.eos,
        vocabulary.unknown,
        vocabulary.padding,
        count,
        len(extras),
        len(merges) // 3,
        0,
        0,
        ends[-1],
    )
    sections = [
        ends.astype("<u4"),
        np.array(vocabulary.scores or [0.0] * count, "<f4"),
        np.array(merges, "<u4"),
        np.array(vocabulary.types, np.uint8),
    ]
    return header + b"".join(section.tobytes() for section in sections) + b"".join(texts)


def without_some_pieces(vocabulary: Vocabulary) -> Vocabulary:
    """Every seventh ordinary piece gets a text that never occurs: bytes without
    a piece, and merges whose parts and results are none."""
    pieces = [
        b"\xee\x80\x80%d" % index if index % 7 == 3 and kind == NORMAL else piece
        for index, (piece, kind) in enumerate(zip(vocabulary.pieces, vocabulary.types, strict=True))
    ]
    return replace(vocabulary, pieces=pieces)


def small_vocabularies() -> dict[str, Vocabulary]:
    """The trained vocabularies and their variants, by the name of the case."""
    qwen2 = read_gguf(GOLDEN / "qwen2.gguf")
    llama3 = read_gguf(GOLDEN / "llama3.gguf")
    sentencepiece = read_gguf(GOLDEN / "sentencepiece.gguf")
    cases = {"qwen2": qwen2, "llama3": llama3, "sentencepiece": sentencepiece}
    for pre in ("default", "gpt-2", "starcoder", "tekken", "gpt-4o"):
        cases[pre] = replace(qwen2, pre=pre)
    cases["incomplete"] = without_some_pieces(replace(qwen2, pre="gpt-2"))
    return cases


CLEAN_TEXT, SEPARATE_CHINESE, STRIP_ACCENTS, LOWERCASE = 16, 32, 64, 128
BERT_CASES = {
    "uncased": CLEAN_TEXT | SEPARATE_CHINESE | STRIP_ACCENTS | LOWERCASE,
    "cased": CLEAN_TEXT | SEPARATE_CHINESE,
    "stripped": STRIP_ACCENTS,
    "lowered": LOWERCASE | CLEAN_TEXT,
}
"""BERT's rules of each case of word_piece.npz."""


def bert_vocabulary(vocab_txt: Path, rules: int) -> Vocabulary:
    """A WordPiece vocabulary with BERT's special tokens, one piece a line."""
    pieces = vocab_txt.read_bytes().split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    special = {b"[PAD]", b"[UNK]", b"[CLS]", b"[SEP]", b"[MASK]"}
    return Vocabulary(
        model="bert",
        pre="",
        pieces=pieces,
        types=[CONTROL if piece in special else NORMAL for piece in pieces],
        bos=pieces.index(b"[CLS]"),
        eos=pieces.index(b"[SEP]"),
        unknown=pieces.index(b"[UNK]"),
        padding=pieces.index(b"[PAD]"),
        add_bos=True,
        add_eos=True,
        add_space_prefix=True,
        bert_rules=rules,
    )
