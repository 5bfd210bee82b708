"""Speed of llama.cpp on one model: one JSON object.

    llama_cpp_speed.py MODEL --threads T [--prefill 512 --decode 64]

The library's default settings; T threads for prompts and for single tokens;
logits of the last token only. Times start after a warm-up of the same shape.
Needs requirements-peers.txt.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import time

import llama_cpp
import numpy as np


class Runner:
    """A model and a context of the low-level interface."""

    def __init__(self, path: str, threads: int, context: int) -> None:
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = context
        parameters.n_batch = parameters.n_ubatch = 512
        parameters.n_threads = parameters.n_threads_batch = threads
        model_parameters = llama_cpp.llama_model_default_params()
        self._model = llama_cpp.llama_model_load_from_file(path.encode(), model_parameters)
        if not self._model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        self._context = llama_cpp.llama_init_from_model(self._model, parameters)
        self._batch = llama_cpp.llama_batch_init(context, 0, 1)
        vocabulary = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)

    def clear(self) -> None:
        """Forgets all tokens."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def evaluate(self, ids: list[int], position: int) -> float:
        """Seconds for tokens from `position` on, with logits of the last."""
        batch = self._batch
        batch.n_tokens = len(ids)
        for index, token in enumerate(ids):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = index == len(ids) - 1
        start = time.perf_counter()
        if llama_cpp.llama_decode(self._context, batch) != 0:
            raise SystemExit("llama_decode failed")
        llama_cpp.llama_get_logits_ith(self._context, len(ids) - 1)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=64)
    arguments = parser.parse_args()

    log = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(log, ctypes.c_void_p())
    runner = Runner(arguments.model, arguments.threads, arguments.prefill + arguments.decode)
    ids = np.random.default_rng(1).integers(4, runner.vocabulary, arguments.prefill).tolist()

    def prefill() -> float:
        runner.clear()
        return sum(
            runner.evaluate(ids[start : start + 512], start) for start in range(0, len(ids), 512)
        )

    prefill()
    runner.evaluate(ids[:1], len(ids))
    prefill_seconds = prefill()
    decode_seconds = sum(
        runner.evaluate([ids[step]], len(ids) + step) for step in range(arguments.decode)
    )
    report = {
        "prefill_tokens_per_second": arguments.prefill / prefill_seconds,
        "decode_tokens_per_second": arguments.decode / decode_seconds,
        "threads": arguments.threads,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
