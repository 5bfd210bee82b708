"""Records how far products of MiniLM's matrices are off with llama.cpp's codes:
test/Golden/Formats/output_errors.json.

Each matrix is quantized by ggml_quantize_chunk, without an importance matrix and
with one (the mean squares of the inputs), and decoded. The error is that of the
products with the inputs of a calibration, as `relative_output_error` of a manifest:
the root of tr(D G Dᵀ) / tr(W G Wᵀ), D what the numbers are off and G the mean of
x xᵀ. Needs requirements-peers.txt and programs in build/bin (or the first argument).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import llama_cpp
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from calibration import statistics_of  # noqa: E402
from fetch_minilm import minilm_path  # noqa: E402
from fetch_texts import texts  # noqa: E402
from hugging_face import read_safetensors  # noqa: E402
from record_encoder_errors import load_quantizer, requantize  # noqa: E402

GOLDEN = ROOT / "test" / "Golden" / "Formats" / "output_errors.json"

FORMATS = ("Q4_0", "Q5_0", "Q4_K")


def calibrated(compiler: Path) -> dict[str, np.ndarray]:
    """The Gram matrix of each weight."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "statistics"
        subprocess.run(
            [
                compiler,
                minilm_path(),
                "--calibrate",
                texts().calibration,
                "--observe=gram",
                f"--statistics={output}",
            ],
            check=True,
        )
        return {
            key.removeprefix("gram.mean/"): array for key, array in statistics_of(output).items()
        }


def output_error(numbers: np.ndarray, stored: np.ndarray, gram: np.ndarray) -> float:
    """Of products with the inputs that the Gram matrix is of."""

    def form(rows: np.ndarray) -> float:
        return float(np.sum(rows @ gram * rows))

    numbers, gram = numbers.astype(np.float64), gram.astype(np.float64)
    return np.sqrt(form(numbers - stored) / form(numbers))


def main() -> None:
    build = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build"
    grams = calibrated(build / "bin" / "winnow-compile")
    weights = read_safetensors(minilm_path() / "model.safetensors")
    quantize = load_quantizer()
    record: dict[str, dict[str, dict[str, float]]] = {}
    for name, gram in sorted(grams.items()):
        numbers = np.ascontiguousarray(weights[name], np.float32)
        errors = record[name] = {}
        importance = np.ascontiguousarray(np.diag(gram), np.float32)
        for label in FORMATS:
            if numbers.shape[1] % GGML_QUANT_SIZES[GGMLQuantizationType[label]][0]:
                continue
            errors[label.lower()] = {
                kind: float(f"{output_error(numbers, stored, gram):.4e}")
                for kind, stored in (
                    ("plain", requantize(quantize, numbers, label)),
                    ("imatrix", requantize(quantize, numbers, label, importance)),
                )
            }
    document = {
        "llama_cpp_python": llama_cpp.__version__,
        "model": minilm_path().name,
        "relative_output_errors": record,
    }
    GOLDEN.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
