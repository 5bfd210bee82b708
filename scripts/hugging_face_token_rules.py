"""Added tokens of tokenizer.json with rules (lstrip, rstrip, single_word and
normalized), and texts in which they meet what the rules are about."""

from __future__ import annotations

import numpy as np

RULE_TOKENS: dict[str, dict[str, bool]] = {
    "<l>": {"lstrip": True},
    "<r>": {"rstrip": True},
    "<lr>": {"lstrip": True, "rstrip": True},
    "<w>": {"single_word": True},
    "<wlr>": {"single_word": True, "lstrip": True, "rstrip": True, "special": False},
    "cat": {"single_word": True, "special": False},
    "dog": {"single_word": True, "special": False, "normalized": True},
    "\u00e9t\u00e9": {"special": False, "normalized": True},
    "e\u0301e": {"special": False, "normalized": True},
    "o\u0308x": {"special": False},
    "the end": {"special": False, "normalized": True},
    "The End": {"special": False},
    "<n>": {"normalized": True, "lstrip": True},
    "<nr>": {"normalized": True, "rstrip": True, "special": False},
    "\n\t": {"special": False},
    "\u65e5\u672c": {"single_word": True, "special": False},
}

AROUND = (
    *RULE_TOKENS, *RULE_TOKENS,
    " ", "  ", "\n", "\t", "\u00a0", "\u3000", "\u2028", "\u180e", "\u200b", "\u2581",
    "a", "Z", "7", "_", "-", ".", "\u00e9", "e", "\u0301", "\u200d", "\u203f", "\u00bd", "\u2163",
    "\u24d0", "\u4e2d", "\U0001f600", "\U0001f130", "\u0903", "\u0669", "the", "end", " the end",
    "dogs", "a cat", " dog ", "\u00e9t", "\ufffd", "\u00ad",
)  # fmt: skip


def draw_rule_texts(count: int = 3000, seed: int = 11) -> list[str]:
    random = np.random.default_rng(seed)
    texts = []
    for size in random.integers(1, 9, count).tolist():
        texts.append("".join(AROUND[i] for i in random.integers(0, len(AROUND), size)))
    return texts
