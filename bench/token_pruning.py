"""What token pruning does to all-MiniLM-L6-v2: a table of recipes with the error of
embeddings and the time saved, beside the time that fewer operations should save.

    token_pruning.py [--build build] [--folder build/token_pruning] [--threads 1]
        [--length 128] [--batch 8] [--rounds 7] [--output FILE.json]

Errors are those of `winnow-run --evaluate`: 1 - cosine, the mean over the paragraphs
of the evaluation text of scripts/fetch_texts.py, against the model without pruning.
Times are the best of rounds in which all artifacts encode texts of one length in turn,
each in other memory. The predicted share is that of the operations of linear layers and
attention, which bound the time.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from commands import run, run_json  # noqa: E402
from elsewhere import in_turn, open_elsewhere  # noqa: E402
from fetch_minilm import minilm_path  # noqa: E402
from fetch_texts import texts  # noqa: E402

# Shares of tokens kept behind attention layers; the last column of the table is the
# share that reaches the end.
RECIPES = [
    (policy, layers, keep)
    for policy in ("evit", "tome")
    for layers, keep in (((1,), 0.7), ((1,), 0.5), ((0, 2), 0.7), ((0, 1), 0.7), ((0, 2), 0.55))
] + [("evit", (1,), 0.3)]


def paragraphs(text: Path, folder: Path) -> Path:
    """The paragraphs of a text, a line each."""
    path = folder / "paragraphs.txt"
    found = re.split(r"\n\s*\n", text.read_text(encoding="utf-8"))
    lines = [" ".join(paragraph.split()) for paragraph in found]
    path.write_text("\n".join(line for line in lines if len(line) > 100) + "\n")
    return path


def operations(config: dict, length: int, layers: tuple[int, ...], keep: float) -> float:
    """Multiplications and additions of one text."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    total, tokens = 0.0, length
    for layer in range(config["num_hidden_layers"]):
        total += 2 * tokens * (4 * width * width + 2 * tokens * width)
        if layer in layers:
            tokens = 1 + math.ceil(keep * (tokens - 1))
        total += 2 * tokens * 2 * width * inner
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "token_pruning")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tools = options.build / "bin"
    text = paragraphs(texts().evaluation, options.folder)
    config = json.loads((minilm_path() / "config.json").read_text())

    names = [options.folder / "plain"]
    run(tools / "winnow-compile", minilm_path(), "-o", names[0])
    for number, (policy, layers, keep) in enumerate(RECIPES):
        recipe = options.folder / f"{number}.recipe"
        listed = ",".join(map(str, layers))
        recipe.write_text(f"winnow-prune-tokens{{policy={policy} layer={listed} keep={keep}}}\n")
        names.append(options.folder / f"recipe{number}")
        run(tools / "winnow-compile", minilm_path(), "-o", names[-1], f"--recipe={recipe}")

    rng = np.random.default_rng(0)
    ids = list(rng.integers(1000, 30000, (options.batch, options.length)).astype(np.int32))

    def time_encoder(name: Path) -> float:
        with open_elsewhere(name.resolve(), options.threads) as session:
            # The first run touches all memory.
            session.encode(ids)
            start = time.perf_counter()
            session.encode(ids)
            return time.perf_counter() - start

    seconds = [min(times) for times in in_turn(names, options.rounds, time_encoder)]
    whole = operations(config, options.length, (), 1)

    rows = []
    print("| policy | layers | keep | cosine error | time | saved | predicted | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for (policy, layers, keep), name, mine in zip(RECIPES, names[1:], seconds[1:], strict=True):
        flags = ("--against", names[0], "--json", "--threads", options.threads)
        quality = run_json(tools / "winnow-run", name, "--evaluate", text, *flags)
        saved = 1 - mine / seconds[0]
        predicted = 1 - operations(config, options.length, layers, keep) / whole
        row = {
            "policy": policy,
            "layers": list(layers),
            "keep": keep,
            "cosine_error": quality["cosine_error"],
            "texts": quality["texts"],
            "milliseconds": 1000 * mine,
            "saved": saved,
            "predicted": predicted,
            "ratio": saved / predicted,
        }
        rows.append(row)
        print(
            f"| {policy} | {', '.join(map(str, layers))} | {keep} | {row['cosine_error']:.4f} "
            f"| {row['milliseconds']:.1f} ms | {100 * saved:.1f} % | {100 * predicted:.1f} % "
            f"| {row['ratio']:.2f} |",
            flush=True,
        )
    print(f"\nwithout pruning: {1000 * seconds[0]:.1f} ms", flush=True)
    if options.output:
        report = {"milliseconds": 1000 * seconds[0], "recipes": rows}
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
