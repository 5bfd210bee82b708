"""Prints the table of docs/WeightFormats.md.

    weight_format_table.py BUILD

Errors are those of 32 x 1024 normal numbers of deviation 0.02, root mean square
over that of the numbers; llama.cpp's are those that record_encoder_errors.py
recorded for the same numbers.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from encoder_samples import normal_samples  # noqa: E402
from interpreter import recode  # noqa: E402

MODULE = """winnow.param @w from {random = 1 : i64} : tensor<16x1024xf32>
func.func @f(%x: tensor<?x1024xf32>) -> tensor<?x16xf32> {
  %w = winnow.use @w : tensor<16x1024xf32>
  %y = winnow.linear %x, %w : tensor<?x1024xf32>, tensor<16x1024xf32> -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
"""


def encode_weights(winnow_opt: Path, kind: str) -> str:
    """The remarks of the pass, or its error."""
    options = (f"--winnow-quantize-weights=format={kind}", "--remark-policy=all")
    filtered = (*options, "--remarks-filter=quantize-weights", "-o", "/dev/null")
    return subprocess.run(
        [winnow_opt, *filtered], input=MODULE, capture_output=True, text=True, check=False
    ).stderr


def formats(winnow_opt: Path) -> dict[str, float]:
    """Bits a weight of each format that weights can be encoded in."""
    choices = re.search(r"weights: keep, (.*?); found", encode_weights(winnow_opt, "?")).group(1)
    bits = {"f32": 32.0}
    for kind in choices.split(", ")[1:]:
        bits[kind] = float(
            re.search(r"weight become ([0-9.]+)", encode_weights(winnow_opt, kind)).group(1)
        )
    return bits


def table(winnow_opt: Path, folder: Path) -> str:
    """The lines of the table."""
    golden = ROOT / "test" / "Golden" / "Formats" / "encoders.json"
    recorded = json.loads(golden.read_text())["mean_squared_errors"]["normal"]
    name, numbers = next(normal_samples())
    assert name == "normal"
    size = np.sqrt(np.mean(numbers.astype(np.float64) ** 2))
    bits = formats(winnow_opt)
    kinds = [kind for kind in bits if kind != "f32"]
    decoded = recode(winnow_opt, folder, numbers, kinds) | {"f32": numbers}
    lines = ["| format | bits a weight | error | llama.cpp |", "|---|---|---|---|"]
    for kind, width in sorted(bits.items(), key=lambda item: -item[1]):
        ours = np.sqrt(np.mean((numbers.astype(np.float64) - decoded[kind]) ** 2)) / size
        theirs = f"{np.sqrt(recorded[kind]) / size:.2%}" if kind in recorded else ""
        lines.append(f"| {kind} | {width:g} | {ours:.2%} | {theirs} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        print(table(Path(sys.argv[1]) / "bin" / "winnow-opt", Path(directory)), end="")
