"""Records the ids of Hugging Face's `tokenizers` of the test strings, in
test/Golden/tokenizer/word_piece.npz, after training a small vocabulary,
word_piece.txt beside it.

    record_word_piece_goldens.py VOCAB.TXT

VOCAB.TXT is the vocabulary of MiniLM (fetch_minilm.py). The arrays are those of
record_tokenizer_goldens.py. Needs requirements-peers.txt.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_strings import draw_strings
from tokenizer_vocabularies import (
    BERT_CASES,
    CLEAN_TEXT,
    GOLDEN,
    LOWERCASE,
    SEPARATE_CHINESE,
    STRIP_ACCENTS,
)

FULL = 200
"""How many strings have all their ids recorded."""
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_tokenizer(pieces: list[str], rules: int) -> Tokenizer:
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=bool(rules & CLEAN_TEXT),
        handle_chinese_chars=bool(rules & SEPARATE_CHINESE),
        strip_accents=bool(rules & STRIP_ACCENTS),
        lowercase=bool(rules & LOWERCASE),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if pieces:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
        )
        tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def train(strings: list[bytes]) -> list[str]:
    """A vocabulary of letters of many scripts and pieces of English."""
    tokenizer = make_tokenizer([], CLEAN_TEXT | SEPARATE_CHINESE)
    trainer = trainers.WordPieceTrainer(
        vocab_size=3000, limit_alphabet=1200, special_tokens=SPECIAL, show_progress=False
    )
    texts = [text.decode(errors="replace") for text in strings]
    tokenizer.train_from_iterator(texts + [text.lower() for text in texts], trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.get)


def main() -> None:
    strings = draw_strings()
    digest = hashlib.sha256(b"".join(b"%d:%s" % (len(text), text) for text in strings))
    arrays = {"strings": np.frombuffer(digest.digest(), np.uint8)}
    small = train(strings[:4000])
    (GOLDEN / "word_piece.txt").write_text("".join(f"{piece}\n" for piece in small))
    minilm = Path(sys.argv[1]).read_text().split("\n")
    cases = [(name, small, rules) for name, rules in BERT_CASES.items()]
    for name, pieces, rules in [*cases, ("minilm", [*filter(None, minilm)], 240)]:
        tokenizer = make_tokenizer(pieces, rules)
        drawn = strings if name in ("uncased", "minilm") else strings[:2000]
        ids = [
            np.array(tokenizer.encode(text.decode(errors="replace")).ids, "<i4") for text in drawn
        ]
        arrays[f"{name}/crc"] = np.array([zlib.crc32(row.tobytes()) for row in ids], np.uint32)
        arrays[f"{name}/ids"] = np.concatenate(ids[:FULL])
        arrays[f"{name}/counts"] = np.array([len(row) for row in ids[:FULL]], np.int32)
        unknown = sum(int((row == pieces.index("[UNK]")).sum()) for row in ids)
        print(f"{name}: {sum(map(len, ids))} ids, {unknown} unknown, of {len(drawn)} strings")
    np.savez_compressed(GOLDEN / "word_piece.npz", **arrays)


if __name__ == "__main__":
    main()
