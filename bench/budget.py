"""Whether a search under a budget finds the best: Gemma 3 270M, compiled with what
`winnow-compile --budget` finds, beside recipes that people would write.

    budget.py [--budget size=60%] [--build build] [--folder build/winnowing]
        [--threads 2] [--tokens 4096] [--rounds 9] [--output FILE.json]

Divergence is that of `winnow-run --evaluate` on the evaluation text of
scripts/fetch_texts.py, which the search does not see. Time is that of a prompt of 512
tokens and 64 more, as a share of what the model as it is takes: the median of rounds in
which all artifacts run in turn, each in other memory. The table tells which recipes keep
the budget; of those the search's should have the least divergence. It also has how long the
search took and how far what it expected of the plans that it ran was off. Artifacts are kept
in the folder, but for that of the search.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from commands import make_parser, open_folder, run  # noqa: E402
from elsewhere import in_turn, time_decoder  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from fetch_texts import texts  # noqa: E402
from winnowing import Workshop, beginning, drop  # noqa: E402

UNIFORM = (
    *("q8_0", "q6_k", "q5_k", "q5_0", "q4_k", "q4_0", "iq4_nl", "q3_k"),
    *("int4_g32", "int4_g64"),
)
Q4_0 = ["winnow-quantize-weights{format=q4_0}"]
RECIPES: dict[str, list[str]] = {
    **{f"all {f}": [f"winnow-quantize-weights{{format={f}}}"] for f in UNIFORM},
    "all q4_0, gptq": ["winnow-quantize-weights{format=q4_0 method=gptq}"],
    "all int4_g32, gptq": ["winnow-quantize-weights{format=int4_g32 method=gptq}"],
    "q4_0, embedding q6_k": [*Q4_0, "winnow-quantize-weights{format=q6_k only=token_embd}"],
    "embedding q4_0": ["winnow-quantize-weights{format=q4_0 only=token_embd}"],
    "mixed, 60 %": ["winnow-mixed-precision{size=60% formats=keep,q8_0,q6_k,q5_0,q4_0,q3_k}"],
    "mixed, 70 %": ["winnow-mixed-precision{size=70% formats=keep,q8_0,q6_k,q5_0,q4_0,q3_k}"],
    "without attention 17, q4_0": [*drop([17]), *Q4_0],
    "without attention 16, 17, q4_0": [*drop([16, 17]), *Q4_0],
    "without attention 7, 9, 16, 17": drop([7, 9, 16, 17]),
    "without attention 7, 9, 16, 17, q4_0": [*drop([7, 9, 16, 17]), *Q4_0],
}
PROMPT, DECODED = 512, 64


def search(workshop: Workshop, budget: str) -> tuple[Path, dict[str, Any], float]:
    """The artifact, its report and the seconds that it took."""
    path = workshop.folder / f"budget_{re.sub(r'[^0-9a-z]+', '_', budget)}"
    recipe, report = (path.with_name(path.name + suffix) for suffix in (".recipe", ".report.json"))
    start = time.monotonic()
    run(
        *(workshop.programs / "winnow-compile", gemma_path(), "-o", path),
        *(f"--budget={budget}", f"--statistics={workshop.statistics()}"),
        *(f"--write-recipe={recipe}", f"--report={report}", "--threads", workshop.threads),
    )
    return path, json.loads(report.read_text()), time.monotonic() - start


def measure(workshop: Workshop, name: str, artifact: Path, text: Path, plain: Path) -> dict:
    size = artifact.with_name(artifact.name + ".weights").stat().st_size
    row = {"recipe": name, "bytes": size, **workshop.evaluate(artifact, text, plain)}
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def add_times(threads: int, artifacts: list[Path], rows: list[dict], rounds: int) -> None:
    """Their seconds in each round, and the share of what the first one takes."""
    timed = in_turn(artifacts, rounds, lambda path: time_decoder(path, threads, PROMPT, DECODED))
    for row, times in zip(rows, timed, strict=True):
        row["seconds"] = [one.prefill + one.decode for one in times]
    for row in rows:
        pairs = zip(row["seconds"], rows[0]["seconds"], strict=True)
        row["time"] = statistics.median(mine / plain for mine, plain in pairs)


def keeps(row: dict, plain: dict, budget: str) -> bool:
    """The budget's limits but for `kl`, which is of another text."""
    for part in budget.split(","):
        name, value = part.split("=")
        if name == "size" and value.endswith("%"):
            if row["bytes"] > plain["bytes"] * float(value[:-1]) / 100:
                return False
        elif name == "time" and row["time"] > float(value[:-1]):
            return False
    return True


def describe_errors(report: dict) -> str:
    """How far off expectations of the plans were."""
    plans = report["plans"]
    timed = [plan for plan in plans if {"seconds", "expected_seconds"} <= plan.keys()]
    off = [abs(plan["expected_seconds"] / plan["seconds"] - 1) for plan in timed]
    times = f"expected times off by at most {100 * max(off):.1f} %, " if off else ""
    ratio = [plan["divergence"] / plan["expected_divergence"] for plan in plans]
    return (
        f"{len(plans)} plans, {len(timed)} of them timed; {times}"
        f"divergences measured / expected "
        f"{min(ratio):.2f} to {max(ratio):.2f}"
    )


def main() -> None:
    parser = make_parser(__doc__, threads=2, tokens=4096)
    parser.add_argument("--budget", default="size=60%")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    folder = open_folder(options, "winnowing")
    workshop = Workshop(options.build.resolve() / "bin", folder, options.threads)
    text = beginning(texts().evaluation, options.tokens, folder)
    plain = workshop.compile("as the checkpoint has it", [])
    found, report, seconds = search(workshop, options.budget)
    artifacts = {"as the checkpoint has it": plain, f"--budget {options.budget}": found}
    artifacts |= {name: workshop.compile(name, recipe) for name, recipe in RECIPES.items()}
    rows = [measure(workshop, name, path, text, plain) for name, path in artifacts.items()]
    add_times(options.threads, list(artifacts.values()), rows, options.rounds)
    print(f"The search took {seconds:.0f} s: {describe_errors(report)}.\n")
    print("| recipe | MB | KL | time | keeps the budget |\n|---|---|---|---|---|")
    for row in rows:
        kept = "yes" if keeps(row, rows[0], options.budget) else ""
        print(f"| {row['recipe']} | {row['bytes'] / 1e6:.1f} | {row['kl']:.4f} "
              f"| {row['time']:.3f} | {kept} |")  # fmt: skip
    fitting = [row for row in rows[2:] if keeps(row, rows[0], options.budget)]
    if fitting:
        best = min(fitting, key=lambda row: row["kl"])
        print(f"\nThe best of the {len(fitting)} others that keep it: {best['recipe']}, "
              f"{best['kl']:.4f}; the search's: {rows[1]['kl']:.4f}.")  # fmt: skip
    if options.output:
        result = {"search_seconds": seconds, "rows": rows, "plans": report["plans"]}
        options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
