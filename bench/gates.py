"""What gates do to Gemma 3 270M: which share of the tokens passes layers over, what
that costs in quality, and what it saves in time.

    gates.py [--build build] [--folder build/gates] [--threads 2] [--tokens 4096]
        [--rounds 5] [--skip quality|speed] [--output FILE.json]

Thresholds are those for which a share of the first 512 tokens of the calibration text
passes over, as the forward pass in NumPy of test/EndToEnd/reference finds them; the
share of the table is that of the first 512 tokens of the evaluation text. Perplexity, KL
and agreement are those of `winnow-run --evaluate` on that text, in windows of 512
tokens, against the model as the checkpoint has it. Rows "without" are the same layers
left out for all tokens. Prompts are as long as windows; speeds are the best of some
rounds, all artifacts in turn (elsewhere.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("bench", "scripts", "test/EndToEnd")]

from commands import make_parser, open_folder  # noqa: E402
from evaluation import tokenize  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from fetch_texts import texts  # noqa: E402
from programs import Programs  # noqa: E402
from reference.gates import Gate, GatedTransformer  # noqa: E402
from winnowing import (  # noqa: E402
    PHASES,
    WINDOW,
    Workshop,
    add_speeds,
    beginning,
    cell,
    drop,
    quality,
)

BLOCKS = 18
LAYERS = (8, 9, 10, 11)
SHARES = (0.25, 0.5, 0.75)


def gates() -> dict[str, Gate]:
    """By what the table calls them."""
    found = {}
    for share in SHARES:
        for criterion in ("cosine", "norm", "random"):
            name = f"mlp, {criterion}, {share:.0%}"
            found[name] = Gate("mlp", criterion, LAYERS, share=share)
        found[f"attention, norm, {share:.0%}"] = Gate("attention", "norm", LAYERS, share=share)
    found["block 9, norm, 50%"] = Gate("block", "norm", (9,), share=0.5)
    found["exit at 15, norm, 25%"] = Gate("block", "norm", (15,), exit=True, share=0.25)
    return found


def measure_share(gate: Gate, calibration: list[int], evaluation: list[int]) -> float:
    """Sets thresholds, and tells which share of the rows of gated layers is left out."""
    GatedTransformer(gemma_path(), gate).hidden(calibration)
    model = GatedTransformer(gemma_path(), gate)
    model.hidden(evaluation)
    return float(np.mean(model.shares))


def without(gate: Gate) -> list[str]:
    """The recipe that leaves the layers out for all tokens."""
    layers = range(gate.layers[0], BLOCKS) if gate.exit else gate.layers
    return drop(list(layers), gate.granularity)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| gate | rows left out | perplexity | KL | top-1 | prefill | decode |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["recipe"], f"{row['share']:.0%}", *quality(row)]
        cells += [cell(row, f"{phase}_tokens_per_second", 0) for phase in PHASES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = make_parser(__doc__, threads=2, tokens=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip", choices=["quality", "speed"])
    options = parser.parse_args()
    folder = open_folder(options, "gates")
    workshop = Workshop(options.build.resolve() / "bin", folder, options.threads)

    plain = workshop.compile("as the checkpoint has it", [])
    programs = Programs(workshop.programs)
    calibration, evaluation = (
        tokenize(programs, plain, beginning(text, 2 * WINDOW, folder).read_bytes())[:WINDOW]
        for text in (texts().calibration, texts().evaluation)
    )
    recipes: dict[str, tuple[list[str], float]] = {"as the checkpoint has it": ([], 0)}
    for name, gate in gates().items():
        share = measure_share(gate, calibration, evaluation)
        recipes[name] = ([gate.text], share)
        recipes.setdefault(f"without {name.split(',')[0]}", (without(gate), 1))

    text = beginning(texts().evaluation, options.tokens, folder)
    rows: list[dict[str, Any]] = []
    for name, (recipe, share) in recipes.items():
        artifact = workshop.compile(name, recipe)
        row: dict[str, Any] = {"recipe": name, "passes": recipe, "share": share}
        if options.skip != "quality":
            row |= workshop.evaluate(artifact, text, plain)
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    if options.skip != "speed":
        add_speeds(workshop, rows, options.rounds)
    print(table(rows))
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
