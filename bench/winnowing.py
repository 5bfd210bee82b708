"""What compression passes do to Gemma 3 270M: a table of recipes with size, quality
and speed of the compiled program.

    winnowing.py [--build build] [--folder build/winnowing] [--threads 2]
        [--tokens 4096] [--rounds 3] [--skip quality|speed] [--output FILE.json]

Perplexity, KL and agreement are those of `winnow-run --evaluate` on the evaluation
text of scripts/fetch_texts.py, in windows of 512 tokens, against the model as the
checkpoint has it. Recipes that choose by statistics have those of the calibration text,
Gram matrices among them, and those that measure candidates do it on the beginning of
that text. Artifacts whose recipe did not change are kept in the folder.

Speeds are medians of `winnow-run --bench`, all artifacts in turn in each round, each
time from another copy of its weights in memory. Beside the time that a recipe saves
stands what it should save at the ceilings of the same run: a phase takes as long as
reading its bytes at the bandwidth of memory, or as its operations at the peak of 8-bit
products, whichever is longer.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from commands import make_parser, open_folder, run, run_json  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from fetch_texts import texts  # noqa: E402

WINDOW = 512
PHASES = ("prefill", "decode")
DROPPED = (1, 2, 3, 4, 5, 6)
BLOCKS = (1, 2)
MIXED = (90, 80, 70, 60)
KEPT = (0.9, 0.75)
MIXED_FORMATS = "keep,q8_0,q6_k,q5_k,q5_0,q4_k,iq4_nl,iq4_xs,q3_k"
FORMATS = {
    "all q8_0": ["winnow-quantize-weights{format=q8_0}"],
    "all q6_k": ["winnow-quantize-weights{format=q6_k}"],
    "all q5_k": ["winnow-quantize-weights{format=q5_k}"],
    "all q4_k": ["winnow-quantize-weights{format=q4_k}"],
    "all q4_0": ["winnow-quantize-weights{format=q4_0}"],
    "all int4_g32": ["winnow-quantize-weights{format=int4_g32}"],
    "all q4_0, gptq": ["winnow-quantize-weights{format=q4_0 method=gptq}"],
    "all int4_g32, gptq": ["winnow-quantize-weights{format=int4_g32 method=gptq}"],
    "layers int8_g32_2of4, gptq": [
        "winnow-quantize-weights{format=int8_g32_2of4 method=gptq only=blk}"
    ],
    "embedding q6_k": ["winnow-quantize-weights{format=q6_k only=token_embd}"],
    "embedding q4_k": ["winnow-quantize-weights{format=q4_k only=token_embd}"],
}

CHOOSING = ("count=", "gptq", "mixed", "sparsify")
"""What lines have that choose by statistics."""


@dataclass(frozen=True)
class Workshop:
    """The programs, and where artifacts are kept."""

    programs: Path
    folder: Path
    threads: int

    def compile(self, name: str, recipe: list[str]) -> Path:
        """The artifact of a recipe."""
        path = self.folder / re.sub(r"\W+", "_", name)
        manifest = path.with_name(path.name + ".json")
        if manifest.exists() and json.loads(manifest.read_text()).get("recipe", []) == recipe:
            return path
        file = path.with_name(path.name + ".recipe")
        file.write_text("\n".join(recipe) + "\n")
        options = [f"--recipe={file}"]
        if any("metric=kl" in line for line in recipe):
            options += ["--evaluate-on", texts().calibration]
        elif any(word in line for line in recipe for word in CHOOSING):
            options.append(f"--statistics={self.statistics()}")
        run(self.programs / "winnow-compile", gemma_path(), "-o", path, *options)
        return path

    def statistics(self) -> Path:
        """What a calibration finds, once."""
        path = self.folder / "gemma.statistics"
        if not path.exists():
            text = texts().calibration
            kinds = "--observe=channels,gram,similarity"
            run(self.programs / "winnow-compile", gemma_path(), "--calibrate", text, kinds,
                f"--statistics={path}")  # fmt: skip
        return path

    def evaluate(self, name: Path, text: Path, other: Path) -> dict[str, float]:
        """Quality on a text."""
        options = ("--against", other, "--context", WINDOW, "--json", "--threads", self.threads)
        return run_json(self.programs / "winnow-run", name, "--evaluate", text, *options)

    def bench(self, name: Path) -> dict[str, float]:
        """Speed at a prompt of WINDOW tokens, of weights in another place: how fast
        they are read depends on where in memory they happen to lie."""
        weights, copy = (name.with_name(name.name + end) for end in (".weights", ".copy"))
        shutil.copyfile(weights, copy)
        copy.replace(weights)
        options = ("--bench", "--json", "--threads", self.threads)
        return run_json(self.programs / "winnow-run", name, *options)


def beginning(text: Path, tokens: int, folder: Path) -> Path:
    """About that many tokens of a text, in whole paragraphs: 4.4 bytes make one."""
    size, lines = 0, []
    for line in text.read_text(encoding="utf-8").splitlines():
        if size >= 4.4 * tokens:
            break
        lines.append(line)
        size += len(line.encode())
    path = folder / f"{text.stem}_{tokens}.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def drop(layers: list[int], granularity: str = "attention") -> list[str]:
    """The recipe without some layers."""
    listed = ",".join(map(str, sorted(layers)))
    return [f"winnow-drop-layers{{granularity={granularity} layers={listed}}}"]


def rank(workshop: Workshop) -> list[int]:
    """Attention layers, those first that cost the least KL alone."""
    line = f"winnow-drop-layers{{granularity=attention count={max(DROPPED)} metric=kl}}"
    name = workshop.compile(f"{max(DROPPED)} attention layers less, by kl", [line])
    manifest = json.loads(name.with_name(name.name + ".json").read_text())
    return [int(entry["name"].split(".")[1]) for entry in manifest["decisions"]]


def summarize(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Medians over the rounds, and the ceilings of each."""
    row = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    row["read_ceiling"] = statistics.median(
        run["read_bytes_per_second"] / run["share_of_read_bandwidth"] for run in runs
    )
    return row


def add_savings(rows: list[dict[str, Any]]) -> None:
    """What share of the first row's time each row saves, and what it should save."""
    read = statistics.median(row["read_ceiling"] for row in rows)
    peak = statistics.median(row["int8_operations_per_second"] for row in rows)

    def expect(row: dict[str, Any], phase: str) -> float:
        tokens = WINDOW if phase == "prefill" else 1
        operations = tokens * row["linear_operations_per_token"]
        return max(row["bytes_per_token"] / read, operations / peak)

    plain = rows[0]
    for row in rows[1:]:
        for phase in PHASES:
            speed = f"{phase}_tokens_per_second"
            row[f"{phase}_saved"] = 1 - plain[speed] / row[speed]
            row[f"{phase}_predicted"] = 1 - expect(row, phase) / expect(plain, phase)


def cell(row: dict[str, Any], key: str, digits: int) -> str:
    return f"{row[key]:.{digits}f}" if key in row else ""


def savings(row: dict[str, Any], phase: str) -> str:
    """What is saved, and should be, in percent."""
    if f"{phase}_saved" not in row:
        return ""
    return " / ".join(f"{100 * row[f'{phase}_{what}']:.1f}" for what in ("saved", "predicted"))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| recipe | MB | perplexity | KL | top-1 | prefill | saved, % | decode | saved, % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["recipe"], f"{row['bytes'] / 1e6:.1f}", cell(row, "perplexity", 2)]
        cells += [cell(row, "kl", 4), cell(row, "top1_agreement", 3)]
        for phase in PHASES:
            cells += [cell(row, f"{phase}_tokens_per_second", 0), savings(row, phase)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = make_parser(__doc__, threads=2, tokens=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", choices=["quality", "speed"])
    options = parser.parse_args()
    folder = open_folder(options, "winnowing")
    workshop = Workshop(options.build.resolve() / "bin", folder, options.threads)

    plain = workshop.compile("as the checkpoint has it", [])
    ranking = rank(workshop)
    recipes = {"as the checkpoint has it": []}
    for count in DROPPED:
        layers = ", ".join(map(str, sorted(ranking[:count])))
        recipes[f"without attention {layers}"] = drop(ranking[:count])
    for count in DROPPED:
        line = f"winnow-drop-layers{{granularity=attention count={count} metric=cosine}}"
        recipes[f"{count} attention layers less, by cosine"] = [line]
    for count in BLOCKS:
        line = f"winnow-drop-layers{{granularity=block count={count} metric=shortgpt}}"
        recipes[f"{count} blocks less, by shortgpt"] = [line]
    recipes |= FORMATS
    for share in MIXED:
        line = f"winnow-mixed-precision{{size={share}% formats={MIXED_FORMATS}}}"
        recipes[f"mixed, {share} % of the size"] = [line]
    for keep in KEPT:
        sparsify = f"winnow-sparsify{{keep={keep}}}"
        recipes[f"{keep} of the channels of MLPs"] = [sparsify]
        recipes[f"{keep} of the channels of MLPs, all q6_k"] = [sparsify, *FORMATS["all q6_k"]]
    mixed = drop(ranking[:2]) + FORMATS["all q6_k"]
    recipes["the two attention layers less, all q6_k"] = mixed

    text = beginning(texts().evaluation, options.tokens, folder)
    rows: list[dict[str, Any]] = []
    for name, recipe in recipes.items():
        artifact = workshop.compile(name, recipe)
        size = artifact.with_name(artifact.name + ".weights").stat().st_size
        row: dict[str, Any] = {"recipe": name, "passes": recipe, "bytes": size}
        if options.skip != "quality":
            row |= workshop.evaluate(artifact, text, plain)
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    if options.skip != "speed":
        runs: list[list[dict[str, float]]] = [[] for _ in rows]
        for _ in range(options.rounds):
            for row, timed in zip(rows, runs, strict=True):
                timed.append(workshop.bench(workshop.compile(row["recipe"], row["passes"])))
        for row, timed in zip(rows, runs, strict=True):
            row |= summarize(timed)
        add_savings(rows)
    print(table(rows))
    if options.output:
        report = {"ranking": ranking, "window": WINDOW, "rows": rows}
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
