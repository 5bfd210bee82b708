"""Records the ids that Hugging Face's `tokenizers` (requirements-peers.txt) gives
for the test strings under the variants of hugging_face_tokenizers.py; with
--train, after training byte_level.json and metaspace.json in
test/Golden/tokenizer anew.

    record_hugging_face_tokenizer_goldens.py [--train]

hugging_face.npz has per variant a CRC of the ids of each group of strings, and
all ids of the first strings.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib

import numpy as np
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from hugging_face_tokenizers import GOLDEN, QWEN2, draw_texts, variants
from tokenizer_strings import draw_strings

GROUP = 32
FULL = 60


def corpus() -> list[str]:
    """Text that shares words with the test strings and is none of them."""
    return [text.decode(errors="ignore") for text in draw_strings(12_000, seed=7)]


def save(tokenizer: Tokenizer, name: str, extra: dict[str, int]) -> None:
    model = json.loads(tokenizer.to_str())["model"]
    pieces = [piece for piece in model["vocab"] if piece not in extra]
    pieces.sort(key=model["vocab"].get)
    model["vocab"] = extra | {piece: len(extra) + i for i, piece in enumerate(pieces)}
    if extra:
        model |= {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
    model["merges"] = [
        pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]
    ]
    (GOLDEN / name).write_text(json.dumps(model, ensure_ascii=False) + "\n")


def train() -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        corpus(),
        trainers.BpeTrainer(vocab_size=2000, initial_alphabet=alphabet, show_progress=False),
    )
    save(tokenizer, "byte_level.json", {})

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    tokenizer.train_from_iterator(
        corpus(), trainers.BpeTrainer(vocab_size=2200, show_progress=False, limit_alphabet=400)
    )
    roles = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    save(tokenizer, "metaspace.json", {name: index for index, name in enumerate(roles)})


def main() -> None:
    # Training breaks ties differently each time.
    if "--train" in sys.argv:
        train()
    strings = draw_texts()
    digest = hashlib.sha256("\n".join(strings).encode())
    arrays = {"strings": np.frombuffer(digest.digest(), np.uint8)}
    for name, content in variants().items():
        tokenizer = Tokenizer.from_str(json.dumps(content))
        ids = [np.array(encoding.ids, "<i4") for encoding in tokenizer.encode_batch(strings)]
        groups = [b"".join(map(bytes, ids[i : i + GROUP])) for i in range(0, len(ids), GROUP)]
        arrays[f"{name}/crc"] = np.array([zlib.crc32(group) for group in groups], np.uint32)
        arrays[f"{name}/ids"] = np.concatenate(ids[:FULL])
        arrays[f"{name}/counts"] = np.array([len(row) for row in ids[:FULL]], np.int32)
        print(f"{name}: {sum(map(len, ids))} ids")
    np.savez_compressed(GOLDEN / "hugging_face.npz", **arrays)


if __name__ == "__main__":
    main()
