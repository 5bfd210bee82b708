"""What pruning prompts does to Gemma 3 270M: a table of recipes with quality behind a
pruned prompt, the time that reading the prompt takes, and the time that fewer
operations should save.

    prompt_pruning.py [--policy fastv] [--build build] [--folder build/prompt_pruning]
        [--threads 2] [--prompt 1024] [--tokens 8192] [--rounds 7]
        [--output FILE.json]

Perplexity and KL are those of `winnow-run --evaluate --after`: windows of twice
`--prompt` tokens, the first half of which is pruned (but for its last 64 tokens), the
second half predicted; KL is against the model without pruning. Times are the best of
rounds in which all artifacts run in turn, each in other memory. The predicted share is
that of the linear layers' operations.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))

from commands import make_parser, open_folder, run, run_json  # noqa: E402
from elsewhere import in_turn, time_decoder  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from fetch_texts import texts  # noqa: E402

TAIL = 64
# By policy: the share that stays in front of blocks. PyramidDrop's are of the whole
# prompt, by blocks that see all tokens; the others' follow such blocks.
RECIPES: dict[str, list[dict[int, float]]] = {
    "fastv": [{6: 0.75}, {6: 0.5}, {6: 0.25}, {12: 0.5}, {6: 0.5, 12: 0.5}],
    "pyramiddrop": [{5: 0.5}, {5: 0.25}, {11: 0.5}, {5: 0.5, 11: 0.25, 17: 0.125}],
    "cut": [{6: 0}, {12: 0}, {17: 0}],
}


def beginning(text: Path, tokens: int, folder: Path) -> Path:
    """About that many tokens of a text: 4.4 bytes make one."""
    path = folder / "text.txt"
    path.write_bytes(text.read_bytes()[: int(4.4 * tokens)].rsplit(b"\n", 1)[0] + b"\n")
    return path


def line(policy: str, keep: dict[int, float]) -> str:
    """The recipe."""
    if not keep:
        return ""
    layers, shares = (",".join(map(str, part)) for part in (keep, keep.values()))
    amount = "" if policy == "cut" else f" keep={shares}"
    return f"winnow-prune-tokens{{policy={policy} layer={layers}{amount}}}\n"


def saved(policy: str, keep: dict[int, float], layers: int, prompt: int) -> float:
    """The share of the linear layers' operations that are left out."""
    left, total = float(prompt), 0.0
    for layer in range(layers):
        if layer in keep:
            whole = prompt if policy == "pyramiddrop" else left
            left = TAIL + keep[layer] * (whole - TAIL)
        total += left
    return 1 - total / (layers * prompt)


def main() -> None:
    parser = make_parser(__doc__, threads=2, tokens=8192)
    parser.add_argument("--policy", choices=RECIPES, default="fastv")
    parser.add_argument("--prompt", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    folder = open_folder(options, "prompt_pruning")
    tools = options.build.resolve() / "bin"
    text = beginning(texts().evaluation, options.tokens, folder)

    names, recipes = [], [{}, *RECIPES[options.policy]]
    for number, keep in enumerate(recipes):
        recipe = folder / f"{number}.recipe"
        recipe.write_text(line(options.policy, keep))
        names.append(folder / f"recipe{number}")
        run(tools / "winnow-compile", gemma_path(), "-o", names[-1], f"--recipe={recipe}")
    manifest = json.loads(names[0].with_name(names[0].name + ".json").read_text())
    layers = len(manifest["entries"][0]["caches"])

    flags = ("--json", "--threads", options.threads)
    timed = in_turn(
        names, options.rounds, lambda name: time_decoder(name, options.threads, options.prompt, 0)
    )
    seconds = [min(one.prefill for one in times) for times in timed]

    rows = []
    print("| keep in front of block | perplexity | KL | time | saved | predicted |")
    print("|---|---|---|---|---|---|")
    for keep, name, time in zip(recipes, names, seconds, strict=True):
        halves = ("--context", 2 * options.prompt, "--after", options.prompt)
        quality = (name, "--evaluate", text, "--against", names[0], *halves, *flags)
        found = run_json(tools / "winnow-run", *quality)
        row = found | {
            "keep": keep,
            "seconds": time,
            "saved": 1 - time / seconds[0],
            "predicted": saved(options.policy, keep, layers, options.prompt),
        }
        rows.append(row)
        told = ", ".join(f"{share} at {layer}" for layer, share in keep.items()) or "all"
        print(
            f"| {told} | {row['perplexity']:.2f} | {row['kl']:.4f} | {1000 * time:.0f} ms "
            f"| {100 * row['saved']:.1f} % | {100 * row['predicted']:.1f} % |",
            flush=True,
        )
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
