"""llama.cpp through llama-cpp-python: the peer that goldens are recorded from.

Nothing that runs in the tests imports this (see requirements-peers.txt).
"""

from __future__ import annotations

from pathlib import Path

import llama_cpp
import numpy as np


class LlamaPeer:
    """A model in llama.cpp with the library's default settings (no flash
    attention); with `exact_cache` keys and values stay float32."""

    def __init__(
        self,
        path: Path | str,
        context: int = 1024,
        threads: int = 2,
        exact_cache: bool = False,
    ) -> None:
        cache = llama_cpp.GGML_TYPE_F32 if exact_cache else None
        self._llama = llama_cpp.Llama(
            str(path),
            n_ctx=context,
            n_threads=threads,
            n_threads_batch=threads,
            logits_all=True,
            type_k=cache,
            type_v=cache,
            verbose=False,
        )

    def tokenize(self, text: str) -> list[int]:
        """Ids of a text, with the beginning-of-sequence rule of the checkpoint."""
        return self._llama.tokenize(text.encode())

    def logits(self, ids: list[int]) -> np.ndarray:
        """float32 [tokens, vocabulary] of one sequence from position 0."""
        self._llama.reset()
        self._llama.eval(ids)
        return self._llama.scores[: len(ids)].copy()


def version() -> str:
    """The package's version, recorded beside what it said."""
    return f"llama-cpp-python {llama_cpp.__version__}"
