"""Records what the Gemma tests compare with: test/Golden/gemma/gemma.{json,npz}.

    record_gemma_goldens.py [CHECKPOINT]

Per prompt of test/Golden/gemma/prompts: token ids by llama.cpp, llama.cpp's KL
divergence from the NumPy reference, the reference's greedy continuation, and for
each position the reference's 16 largest logits and its log-sum-exp, which show
when the reference itself changes. Needs requirements-peers.txt.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from comparison import kl_divergence, log_softmax, pieces  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from llama_peer import LlamaPeer, version  # noqa: E402
from reference import Cache, Transformer  # noqa: E402

GOLDEN = ROOT / "test" / "Golden" / "gemma"
GENERATED = 32
KEPT = 16


def summarize(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices and values of the largest logits, and log-sum-exp, per position."""
    top = np.argpartition(-logits, KEPT, axis=-1)[:, :KEPT]
    values = np.take_along_axis(logits, top, axis=-1)
    order = np.argsort(-values, axis=-1, kind="stable")
    top = np.take_along_axis(top, order, axis=-1)
    values = np.take_along_axis(values, order, axis=-1)
    log_sum = values[:, 0] - np.take_along_axis(log_softmax(logits), top[:, :1], axis=-1)[:, 0]
    return top.astype(np.int32), values, log_sum.astype(np.float32)


def smallest_margin(model: Transformer, ids: list[int], continuation: list[int]) -> float:
    """How close the two likeliest tokens came during the continuation: a small
    value would make a greedy comparison meaningless."""
    hidden = model.hidden(ids + continuation[:-1], Cache())[-len(continuation) :]
    largest = np.sort(model.logits(hidden), axis=-1)[:, -2:]
    return float((largest[:, 1] - largest[:, 0]).min())


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else gemma_path()
    model, peer = Transformer(path), LlamaPeer(path)
    prompts, arrays = [], {}
    for file in sorted((GOLDEN / "prompts").glob("*.txt")):
        ids = peer.tokenize(file.read_text().removesuffix("\n"))
        other = peer.logits(ids)
        hidden = model.hidden(ids)
        divergences, summaries = [], []
        for piece in pieces(len(ids)):
            logits = model.logits(hidden[piece])
            divergences.append(kl_divergence(logits, other[piece]))
            summaries.append(summarize(logits))
        continuation = model.generate(ids, GENERATED)
        prompt = {
            "name": file.stem,
            "ids": ids,
            "llama_cpp_kl": float(np.concatenate(divergences).mean()),
            "greedy": continuation,
            "greedy_margin": round(smallest_margin(model, ids, continuation), 4),
        }
        print(f"{file.stem}: {len(ids)} tokens, KL {prompt['llama_cpp_kl']:.3e},", end=" ")
        print(f"smallest greedy margin {prompt['greedy_margin']}")
        prompts.append(prompt)
        for part, name in zip(zip(*summaries, strict=True), ("top", "logits", "lse"), strict=True):
            arrays[f"{file.stem}_{name}"] = np.concatenate(part)
    np.savez_compressed(GOLDEN / "gemma.npz", **arrays)
    lines = ",\n  ".join(json.dumps(prompt) for prompt in prompts)
    (GOLDEN / "gemma.json").write_text(
        f'{{"recorded_with": "{version()}", "prompts": [\n  {lines}\n]}}\n'
    )


if __name__ == "__main__":
    main()
