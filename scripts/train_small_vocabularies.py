"""Trains the small vocabularies of test/Golden/tokenizer with Hugging Face's
`tokenizers` (requirements-peers.txt) and writes them as GGUF files.

    qwen2.gguf          byte-level BPE, Qwen2's expression
    llama3.gguf         byte-level BPE, Llama 3's, with whole words that no merge
                        makes, so that its ignore_merges rule shows
    sentencepiece.gguf  SentencePiece with byte pieces, a space prefix and
                        scores that tie, as in Llama 2
"""

from __future__ import annotations

import json

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from tokenizer_strings import draw_strings
from tokenizer_vocabularies import (
    BYTE,
    CONTROL,
    GOLDEN,
    NORMAL,
    UNKNOWN,
    USER_DEFINED,
    Vocabulary,
    write_gguf,
)

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN2_SPECIAL = {
    "<|endoftext|>": CONTROL, "<|im_start|>": CONTROL, "<|im_end|>": CONTROL,
    "<tool_call>": USER_DEFINED, "</tool_call>": USER_DEFINED, "<tool": USER_DEFINED,
    "call></": USER_DEFINED,
}  # fmt: skip
LLAMA3_SPECIAL = {
    "<|begin_of_text|>": CONTROL, "<|end_of_text|>": CONTROL, "<|start_header_id|>": CONTROL,
    "<|end_header_id|>": CONTROL, "<|eot_id|>": CONTROL,
}  # fmt: skip
WHOLE_WORDS = ["Ġextraordinary", "counterrevolutionary", "Ġtokenizer", "ĠWE", "日本"]


def corpus() -> list[str]:
    """Text that shares words with the test strings and is none of them."""
    return [text.decode(errors="ignore") for text in draw_strings(12_000, seed=7)]


def byte_level(pre: str, expression: str, size: int, special: dict[str, int]) -> Vocabulary:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(expression), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    state = json.loads(tokenizer.to_str())["model"]
    learned = sorted(state["vocab"], key=state["vocab"].get)
    pieces = [piece for piece in learned if piece not in special]
    if pre == "llama-bpe":
        pieces += [word for word in WHOLE_WORDS if word not in state["vocab"]]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in state["merges"]]
    first = len(pieces)
    names = list(special)
    end = next(name for name in names if "end" in name and "of" in name)
    return Vocabulary(
        model="gpt2",
        pre=pre,
        pieces=[piece.encode() for piece in pieces + names],
        types=[NORMAL] * first + list(special.values()),
        merges=[merge.encode() for merge in merges],
        bos=first,
        eos=first + names.index(end),
        add_bos=pre == "llama-bpe",
    )


def sentence_piece(size: int) -> Vocabulary:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, limit_alphabet=600)
    tokenizer.train_from_iterator(corpus(), trainer)
    state = json.loads(tokenizer.to_str())["model"]
    special = ["<unk>", "<s>", "</s>", "<start_of_turn>", "<h1>"]
    learned = sorted(state["vocab"], key=state["vocab"].get)
    byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    # llama.cpp reads pieces as C strings.
    taken = {*special, *byte_pieces, "\0"}
    learned = [piece for piece in learned if piece not in taken and "\0" not in piece]
    pieces = special + byte_pieces + learned
    types = [UNKNOWN, CONTROL, CONTROL, CONTROL, USER_DEFINED] + [BYTE] * 256
    first = len(types)
    return Vocabulary(
        model="llama",
        pre="default",
        pieces=[piece.encode() for piece in pieces],
        types=types + [NORMAL] * len(learned),
        # Eight pieces share each score.
        scores=[0.0] * first + [-float(index // 8) for index in range(len(learned))],
        bos=1,
        eos=2,
        unknown=0,
        add_bos=True,
        add_eos=True,
        add_space_prefix=True,
    )


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    write_gguf(byte_level("qwen2", QWEN2, 2500, QWEN2_SPECIAL), GOLDEN / "qwen2.gguf")
    write_gguf(byte_level("llama-bpe", LLAMA3, 2500, LLAMA3_SPECIAL), GOLDEN / "llama3.gguf")
    write_gguf(sentence_piece(3000), GOLDEN / "sentencepiece.gguf")


if __name__ == "__main__":
    main()
