"""What compression passes do to Gemma 3 270M: a table of recipes with size, quality
and speed of the compiled program.

    winnowing.py [--build build] [--folder build/winnowing] [--threads 2]
        [--tokens 4096] [--rounds 5] [--skip quality|speed] [--output FILE.json]

Perplexity, KL and agreement are those of `winnow-run --evaluate` on the evaluation
text of scripts/fetch_texts.py, in windows of 512 tokens, against the model as the
checkpoint has it. Recipes that choose by statistics have those of the calibration text,
Gram matrices among them, and those that measure candidates do it on the beginning of
that text. Artifacts whose recipe did not change are kept in the folder.

Speeds are those of a prompt of 512 tokens and of 64 more, the best of rounds in which
all artifacts run in turn, three times in other memory. Beside the time that a recipe saves
stands what it should save at the ceilings of the same run: each stage takes as long as
reading its bytes at the bandwidth of memory, or as its operations at the peaks of f32
and 8-bit products, whichever is longer.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from commands import make_parser, open_folder, run, run_json  # noqa: E402
from elsewhere import in_turn, time_decoder  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from fetch_texts import texts  # noqa: E402

WINDOW = 512
DECODED = 64
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
class Stage:
    """What a call of a kernel reads and computes."""

    read: float
    float_operations: float
    integer_operations: float

    def least_seconds(self, ceilings: dict[str, float]) -> float:
        """At the ceilings that `winnow-run --bench` found."""
        computing = (
            self.float_operations / ceilings["f32_operations_per_second"]
            + self.integer_operations / ceilings["int8_operations_per_second"]
        )
        return max(self.read / ceilings["read_bytes_per_second"], computing)


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

    def profile(self, name: Path) -> tuple[dict[str, float], list[list[Stage]]]:
        """The ceilings, and the stages of each call: of a prompt, and of a token."""
        trace = self.folder / "trace.json"
        options = ("--bench", "--decode", 1, "--json", "--threads", self.threads)
        facts = run_json(self.programs / "winnow-run", name, *options, "--profile", trace)
        calls: dict[tuple[str, int], list[Stage]] = {}
        for event in json.loads(trace.read_text())["traceEvents"]:
            if args := event.get("args", {}):
                stage = Stage(args["bytes"], args["operations"], args["integer_operations"])
                calls.setdefault((event["cat"], args["call"]), []).append(stage)
        return facts, list(calls.values())


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


def add_speeds(workshop: Workshop, rows: list[dict[str, Any]], rounds: int) -> None:
    """Tokens per second."""
    artifacts = [workshop.compile(row["recipe"], row["passes"]) for row in rows]
    timed = in_turn(
        artifacts, rounds, lambda path: time_decoder(path, workshop.threads, WINDOW, DECODED, 3)
    )
    for row, times in zip(rows, timed, strict=True):
        row["prefill_tokens_per_second"] = WINDOW / min(one.prefill for one in times)
        row["decode_tokens_per_second"] = DECODED / min(one.decode for one in times)


def add_least_seconds(workshop: Workshop, rows: list[dict[str, Any]]) -> None:
    """The time that each call would take at the ceilings."""
    profiles = [workshop.profile(workshop.compile(row["recipe"], row["passes"])) for row in rows]
    ceilings, _ = profiles[0]
    for row, (_, calls) in zip(rows, profiles, strict=True):
        seconds = [sum(stage.least_seconds(ceilings) for stage in call) for call in calls]
        row["prefill_least_seconds"], row["decode_least_seconds"] = max(seconds), min(seconds)


def add_savings(rows: list[dict[str, Any]]) -> None:
    """What share of the first row's time each row saves, and what it should save."""
    plain = rows[0]
    for row in rows[1:]:
        for phase in PHASES:
            speed, least = f"{phase}_tokens_per_second", f"{phase}_least_seconds"
            row[f"{phase}_saved"] = 1 - plain[speed] / row[speed]
            row[f"{phase}_predicted"] = 1 - row[least] / plain[least]


def cell(row: dict[str, Any], key: str, digits: int) -> str:
    return f"{row[key]:.{digits}f}" if key in row else ""


def savings(row: dict[str, Any], phase: str) -> str:
    """What is saved, and should be, in percent."""
    if f"{phase}_saved" not in row:
        return ""
    return " / ".join(f"{100 * row[f'{phase}_{what}']:.1f}" for what in ("saved", "predicted"))


def quality(row: dict[str, Any]) -> list[str]:
    """Cells of perplexity, KL and top-1 agreement."""
    return [
        cell(row, "perplexity", 2),
        cell(row, "kl", 4),
        cell(row, "top1_agreement", 3),
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| recipe | MB | perplexity | KL | top-1 | prefill | saved, % | decode | saved, % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["recipe"], f"{row['bytes'] / 1e6:.1f}", *quality(row)]
        for phase in PHASES:
            cells += [cell(row, f"{phase}_tokens_per_second", 0), savings(row, phase)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = make_parser(__doc__, threads=2, tokens=4096)
    parser.add_argument("--rounds", type=int, default=5)
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
        add_speeds(workshop, rows, options.rounds)
        add_least_seconds(workshop, rows)
        add_savings(rows)
    print(table(rows))
    if options.output:
        report = {"ranking": ranking, "window": WINDOW, "rows": rows}
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
