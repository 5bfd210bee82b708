"""How far off reports are in what they expect: Gemma 3 270M, ten recipes.

    predictions.py [--build build] [--folder build/winnowing] [--threads 2]
        [--output FILE.json]

Compiles each recipe with a report, which has the size, and the times of a prompt of 512
tokens and of 64 more behind it, as they were expected before the artifact was there, and
as they were measured then. Prints both, and how far they are apart at most.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from commands import make_parser, open_folder, run  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from winnowing import Workshop, drop  # noqa: E402

Q4_0 = "winnow-quantize-weights{format=q4_0}"
RECIPES: dict[str, list[str]] = {
    "all q8_0": ["winnow-quantize-weights{format=q8_0}"],
    "all q4_k": ["winnow-quantize-weights{format=q4_k}"],
    "all q4_0, gptq": ["winnow-quantize-weights{format=q4_0 method=gptq}"],
    "embedding q4_0": ["winnow-quantize-weights{format=q4_0 only=token_embd}"],
    "mixed, 70 %": ["winnow-mixed-precision{size=70% formats=keep,q8_0,q6_k,q5_0,q4_0,q3_k}"],
    "without attention 16, 17": drop([16, 17]),
    "without block 9, q6_k": [*drop([9], "block"), "winnow-quantize-weights{format=q6_k}"],
    "0.75 of the channels of MLPs": ["winnow-sparsify{keep=0.75}"],
    "0.75 of the channels of MLPs, q4_0": ["winnow-sparsify{keep=0.75}", Q4_0],
    "q4_0 and rank 16": [Q4_0, "winnow-low-rank{method=eora rank=16}"],
}


def report_of(workshop: Workshop, name: str, recipe: list[str]) -> dict[str, Any]:
    path = workshop.folder / ("predicted_" + re.sub(r"\W+", "_", name))
    file, report = (path.with_name(path.name + end) for end in (".recipe", ".report.json"))
    file.write_text("\n".join(recipe) + "\n")
    run(
        *(workshop.programs / "winnow-compile", gemma_path(), "-o", path, f"--recipe={file}"),
        *(f"--statistics={workshop.statistics()}", f"--report={report}"),
        *("--threads", workshop.threads),
    )
    return json.loads(report.read_text())


def main() -> None:
    options = make_parser(__doc__, threads=2).parse_args()
    folder = open_folder(options, "winnowing")
    workshop = Workshop(options.build.resolve() / "bin", folder, options.threads)
    reports = {}
    print("| recipe | bytes | expected | prefill, ms | expected | decode, ms | expected |")
    print("|---|---|---|---|---|---|---|")
    worst = {"prefill": 0.0, "decode": 0.0}
    exact = 0
    for name, recipe in RECIPES.items():
        report = reports[name] = report_of(workshop, name, recipe)
        cells = [name, str(report["bytes"]), str(report["expected_bytes"])]
        exact += report["bytes"] == report["expected_bytes"]
        for phase in report["phases"]:
            off = phase["expected_seconds"] / phase["seconds"] - 1
            worst[phase["name"]] = max(worst[phase["name"]], abs(off))
            cells.append(f"{1000 * phase['seconds']:.1f}")
            cells.append(f"{1000 * phase['expected_seconds']:.1f} ({100 * off:+.1f} %)")
        print("| " + " | ".join(cells) + " |", flush=True)
    print(
        f"\n{exact} of {len(RECIPES)} sizes are exact; prefill is off by at most "
        f"{100 * worst['prefill']:.1f} %, decode by {100 * worst['decode']:.1f} %."
    )
    if options.output:
        options.output.write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
