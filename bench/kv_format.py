"""What the formats of caches do to Gemma 3 270M: a table with the bytes of the cache,
the time of a token behind a long prompt, and quality.

    kv_format.py [--build build] [--folder build/kv_format] [--threads 1]
        [--prompt 2048] [--tokens 8192] [--output FILE.json]

Times are the best of four rounds, all artifacts in turn (elsewhere.py). "read" is what a
token reads of the caches behind the prompt, keys and values of all tokens that a layer's
window shows, and "least" the time that reading the weights and that takes at the largest
read bandwidth which `winnow-run --bench` measures.
Perplexity and KL are those of `winnow-run --evaluate` in windows of `--prompt` tokens, KL
against caches of f32.
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
from winnowing import beginning  # noqa: E402

FORMATS = [("f32", "f32"), ("bf16", "bf16"), ("int8", "int8"), ("int8", "bf16")]
ROUNDS = 4
DECODED = 32


def read_bytes(manifest: dict, past: int) -> int:
    """What a decoded token reads of the caches behind `past` tokens."""
    total = 0
    for stage in manifest["entries"][0]["stages"]:
        for cost in stage["costs"]:
            keys = min(cost["window"], past) if cost["window"] else past
            total += cost["bytes"][2] * keys
    return total


def main() -> None:
    parser = make_parser(__doc__, threads=1, tokens=8192)
    parser.add_argument("--prompt", type=int, default=2048)
    options = parser.parse_args()
    folder = open_folder(options, "kv_format")
    tools = options.build.resolve() / "bin"
    text = beginning(texts().evaluation, options.tokens, folder)
    flags = ("--json", "--threads", options.threads)

    names, manifests = [], []
    for key, value in FORMATS:
        recipe = folder / f"{key}_{value}.recipe"
        recipe.write_text(f"winnow-kv-format{{k={key} v={value}}}\n")
        names.append(folder / f"gemma_{key}_{value}")
        run(tools / "winnow-compile", gemma_path(), "-o", names[-1], f"--recipe={recipe}")
        manifests.append(json.loads(names[-1].with_name(names[-1].name + ".json").read_text()))

    timed = in_turn(
        names,
        ROUNDS,
        lambda path: time_decoder(path, options.threads, options.prompt, DECODED, 2),
    )
    shape = ("--prefill", options.prompt, "--decode", DECODED)
    facts = run_json(tools / "winnow-run", names[0], "--bench", *shape, *flags)
    weights = facts["bytes_per_token"] - facts["kv_bytes_per_token"]
    bandwidth = facts["read_bytes_per_second"]

    rows = []
    print("| keys, values | bytes a token | read | decode | least | prefill | perplexity | KL |")
    print("|---|---|---|---|---|---|---|---|")
    for number, (formats, name) in enumerate(zip(FORMATS, names, strict=True)):
        quality = (name, "--evaluate", text, "--against", names[0], "--context", options.prompt)
        found = run_json(tools / "winnow-run", *quality, *flags)
        stored = sum(manifests[number]["entries"][0]["cache_bytes_per_token"])
        read = read_bytes(manifests[number], options.prompt)
        row = found | {
            "formats": formats,
            "cache_bytes_per_token": stored,
            "read_bytes": read,
            "decode_seconds": min(one.decode for one in timed[number]) / DECODED,
            "prefill_seconds": min(one.prefill for one in timed[number]),
            "least_seconds": (weights + read) / bandwidth,
        }
        rows.append(row)
        print(
            f"| {', '.join(formats)} | {stored} | {read / 1e6:.1f} MB "
            f"| {1000 * row['decode_seconds']:.2f} ms | {1000 * row['least_seconds']:.2f} ms "
            f"| {1000 * row['prefill_seconds']:.0f} ms "
            f"| {row['perplexity']:.3f} | {row['kl']:.2e} |",
            flush=True,
        )
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
