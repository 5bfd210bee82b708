"""Variants of tokenizer.json as model families have them, made from the two
trained vocabularies byte_level.json and metaspace.json in test/Golden/tokenizer.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

from hugging_face_token_rules import RULE_TOKENS, draw_rule_texts
from tokenizer_strings import draw_strings

GOLDEN = Path(__file__).resolve().parent.parent / "test" / "Golden" / "tokenizer"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
MARKER = "\u2581"
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": MARKER}
PREPEND = {"type": "Prepend", "prepend": MARKER}


def draw_texts() -> list[str]:
    """The test strings, and some of them decomposed (of characters for which that
    is the same in all versions of Unicode)."""
    texts = [text.decode(errors="replace") for text in draw_strings()]
    old = [
        text
        for text in texts[:4000]
        if all(point < 0x3000 or 0xAC00 <= point <= 0xD7A3 for point in map(ord, text))
    ]
    changed = [unicodedata.normalize("NFD", text) for text in old]
    texts += [text for text, other in zip(changed, old, strict=True) if text != other]
    return texts + draw_rule_texts()


def sequence(key: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", key: list(parts)}


def split(expression: str, behavior: str = "Isolated", invert: bool = False) -> dict[str, Any]:
    return {
        "type": "Split",
        "pattern": {"Regex": expression},
        "behavior": behavior,
        "invert": invert,
    }


def metaspace(scheme: str, split: bool) -> dict[str, Any]:
    return {
        "type": "Metaspace",
        "replacement": MARKER,
        "prepend_scheme": scheme,
        "split": split,
    }


def template(before: list[str], after: list[str], ids: dict[str, int]) -> dict[str, Any]:
    def pieces(*texts: str) -> list[dict[str, Any]]:
        first = [{"SpecialToken": {"id": name, "type_id": 0}} for name in before]
        last = [{"SpecialToken": {"id": name, "type_id": 0}} for name in after]
        return [*first, *({"Sequence": {"id": text, "type_id": 0}} for text in texts), *last]

    return {
        "type": "TemplateProcessing",
        "single": pieces("A"),
        "pair": pieces("A", "B"),
        "special_tokens": {
            name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in (*before, *after)
        },
    }


def with_added(
    model: dict[str, Any], tokens: dict[str, dict[str, bool]]
) -> tuple[dict[str, Any], dict[str, int]]:
    """A tokenizer with added tokens, new ones behind the vocabulary, and their ids."""
    ids: dict[str, int] = {}
    added = []
    first = len(model["vocab"])
    for text, flags in tokens.items():
        ids[text] = model["vocab"].get(text, first)
        first = max(first, ids[text] + 1)
        flags = {"special": True, "normalized": False} | flags
        rest = {name: False for name in ("single_word", "lstrip", "rstrip")}
        added.append({"id": ids[text], "content": text, **rest, **flags})
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
        "model": model,
    }  # fmt: skip
    return tokenizer, ids


PLAIN = {"special": False}
CHAT = {name: {} for name in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")}
TOOLS = {
    name: PLAIN for name in ("<tool_call>", "</tool_call>", "<tool", "call></", "<0x0A>", "日本")
}


def variants() -> dict[str, dict[str, Any]]:
    """The contents of tokenizer.json by the name of the family."""
    byte_level = json.loads((GOLDEN / "byte_level.json").read_text())
    vocabulary = json.loads((GOLDEN / "metaspace.json").read_text())
    result = {}

    qwen, _ = with_added(byte_level, CHAT | TOOLS)
    qwen["normalizer"] = {"type": "NFC"}
    qwen["pre_tokenizer"] = sequence(
        "pretokenizers", split(QWEN2), BYTE_LEVEL | {"use_regex": False}
    )
    qwen["post_processor"] = BYTE_LEVEL
    result["qwen"] = qwen

    names = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|eot_id|>")
    # Words that no merge makes: ignore_merges finds them.
    words = ("Ġextraordinary", "counterrevolutionary", "ĠUNBELIEVABLE", "日本")
    vocab = dict(byte_level["vocab"])
    for word in words:
        vocab.setdefault(word, len(vocab))
    llama3, ids = with_added(
        byte_level | {"ignore_merges": True, "vocab": vocab}, {name: {} for name in names}
    )
    llama3["pre_tokenizer"] = sequence(
        "pretokenizers", split(LLAMA3), BYTE_LEVEL | {"use_regex": False}
    )
    llama3["post_processor"] = sequence(
        "processors", BYTE_LEVEL, template(["<|begin_of_text|>"], [], ids)
    )
    # Merges as version 0.20 writes them.
    llama3["model"]["merges"] = [merge.split(" ") for merge in byte_level["merges"]]
    result["llama3"] = llama3

    runs = {" " * count: PLAIN | {"normalized": True} for count in range(2, 25)}
    neox, _ = with_added(byte_level, {"<|endoftext|>": {}} | runs)
    neox["normalizer"] = {"type": "NFC"}
    neox["pre_tokenizer"] = BYTE_LEVEL
    result["gpt_neox"] = neox

    smollm, _ = with_added(byte_level, CHAT)
    smollm["pre_tokenizer"] = sequence(
        "pretokenizers", {"type": "Digits", "individual_digits": True},
        BYTE_LEVEL | {"use_regex": True},
    )  # fmt: skip
    result["smollm"] = smollm

    roles = {"<unk>": {}, "<s>": {}, "</s>": {}}
    llama2, ids = with_added(vocabulary, roles)
    llama2["normalizer"] = sequence("normalizers", PREPEND, SPACES)
    llama2["post_processor"] = template(["<s>"], [], ids)
    result["llama2"] = llama2

    phi3, _ = with_added(
        vocabulary, roles | {"<|im_end|>": {"rstrip": True}, "<|endoftext|>": {"rstrip": True}}
    )
    phi3["normalizer"] = sequence("normalizers", PREPEND, SPACES)
    result["phi3"] = phi3

    for scheme in ("first", "always"):
        mistral, ids = with_added(vocabulary, roles)
        mistral["pre_tokenizer"] = metaspace(scheme, False)
        mistral["post_processor"] = template(["<s>"], ["</s>"], ids)
        result[f"mistral-{scheme}"] = mistral

    gemma, ids = with_added(
        vocabulary,
        roles
        | {"<bos>": {}, "<start_of_turn>": {}}
        | {name: PLAIN for name in ("\n\n", "\n\n\n", "\t", "<h1>", "<strong>", "[multimodal]")},
    )
    gemma["normalizer"] = SPACES
    gemma["pre_tokenizer"] = {
        "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
        "invert": False,
    }  # fmt: skip
    gemma["post_processor"] = template(["<bos>"], [], ids)
    result["gemma"] = gemma
    return (
        result | token_rule_variants(byte_level, vocabulary) | cut_variants(byte_level, vocabulary)
    )


def token_rule_variants(
    byte_level: dict[str, Any], vocabulary: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Added tokens with all rules, under each way to normalize."""
    roles = {"<unk>": {}, "<s>": {}, "</s>": {}}
    normalizers = {
        "prepend": sequence("normalizers", PREPEND, SPACES),
        "replace": sequence("normalizers", {"type": "NFC"}, SPACES),
    }
    result = {}
    for name, normalizer in normalizers.items():
        result[f"rules-{name}"], _ = with_added(vocabulary, roles | RULE_TOKENS)
        result[f"rules-{name}"]["normalizer"] = normalizer
    for scheme in ("always", "first", "never"):
        mistral, _ = with_added(vocabulary, roles | RULE_TOKENS)
        mistral["normalizer"] = {"type": "NFC"}
        mistral["pre_tokenizer"] = metaspace(scheme, scheme != "never")
        result[f"rules-{scheme}"] = mistral
    qwen, _ = with_added(byte_level, CHAT | RULE_TOKENS)
    qwen["normalizer"] = {"type": "NFC"}
    qwen["pre_tokenizer"] = sequence(
        "pretokenizers", split(QWEN2), BYTE_LEVEL | {"use_regex": False}
    )
    result["rules-bytes"] = qwen
    return result


def cut_variants(
    byte_level: dict[str, Any], vocabulary: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Pre-tokenizers that cut in other ways than those of the families."""
    roles = {"<unk>": {}, "<s>": {}, "</s>": {}}
    digits = {"type": "Digits", "individual_digits": False}
    spaces = {"type": "WhitespaceSplit"}
    comma = {"type": "CharDelimiterSplit", "delimiter": ","}
    cuts = {
        "words-always": sequence("pretokenizers", spaces, metaspace("always", True)),
        "words-first": sequence("pretokenizers", spaces, comma, metaspace("first", False)),
        "words-never": sequence("pretokenizers", digits, metaspace("never", True)),
        "behind": sequence(
            "pretokenizers", metaspace("always", True), digits,
            split(r"[a-z]\.", "MergedWithPrevious"),
        ),
    }  # fmt: skip
    for scheme in ("always", "first", "never"):
        cuts[f"metaspace-{scheme}"] = metaspace(scheme, True)
    result = {}
    for name, cut in cuts.items():
        result[name], _ = with_added(vocabulary, roles)
        result[name]["pre_tokenizer"] = cut
    bytes_as_they_are = BYTE_LEVEL | {"use_regex": False}
    literal = {"type": "Split", "pattern": {"String": ". "}, "invert": False}
    behaviors = ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous")
    for behavior in behaviors:
        for invert in (False, True):
            name = f"split-{behavior}{'-inverted' * invert}"
            result[name], _ = with_added(byte_level, CHAT)
            result[name]["pre_tokenizer"] = sequence(
                "pretokenizers", split(r"[aeiou]|\p{N}| ", behavior, invert), bytes_as_they_are
            )
        name = f"split-{behavior}-string"
        result[name], _ = with_added(byte_level, CHAT)
        result[name]["pre_tokenizer"] = sequence(
            "pretokenizers", literal | {"behavior": behavior}, bytes_as_they_are
        )
        # Matches of nothing.
        name = f"split-{behavior}-empty"
        result[name], _ = with_added(byte_level, CHAT)
        result[name]["pre_tokenizer"] = sequence(
            "pretokenizers", split(r"(?=[aeiou])|\s*", behavior), bytes_as_they_are
        )
    result["gpt2-prefix"], _ = with_added(byte_level, CHAT)
    result["gpt2-prefix"]["pre_tokenizer"] = BYTE_LEVEL | {"add_prefix_space": True}
    return result
