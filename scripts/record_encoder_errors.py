"""Records the errors of llama.cpp's quantizers: test/Golden/Formats/encoders.json.

Rows of some of Gemma 3 270M's matrices, decoded to float32, and normal numbers
are quantized by ggml_quantize_chunk without an importance matrix and decoded
again. For two formats all matrices are, and the divergence of the NumPy pass
over them is recorded. Needs requirements-peers.txt.
"""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path

import llama_cpp
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from comparison import kl_divergence  # noqa: E402
from encoder_samples import gemma_samples, normal_samples  # noqa: E402
from fetch_gemma import gemma_path  # noqa: E402
from reference import Transformer  # noqa: E402

GOLDEN = ROOT / "test" / "Golden" / "Formats" / "encoders.json"

FORMATS = (
    "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4 NVFP4 TQ2_0"
).split()


def load_quantizer() -> ctypes._CFuncPtr:
    """ggml_quantize_chunk of the library that llama_cpp comes with."""
    [path] = (Path(llama_cpp.__file__).parent / "lib").glob("libggml-base*.so")
    function = ctypes.CDLL(str(path)).ggml_quantize_chunk
    function.restype = ctypes.c_size_t
    function.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]
    return function


def requantize(
    quantize: ctypes._CFuncPtr,
    numbers: np.ndarray,
    label: str,
    importance: np.ndarray | None = None,
) -> np.ndarray:
    """Numbers [rows, columns] as llama.cpp stores them in a format, decoded; with an
    importance matrix, which has a number for each column."""
    kind = GGMLQuantizationType[label]
    elements, size = GGML_QUANT_SIZES[kind]
    rows, columns = numbers.shape
    stored = np.zeros((rows, columns // elements * size), np.uint8)
    weights = None if importance is None else importance.ctypes.data
    written = quantize(
        int(kind), numbers.ctypes.data, stored.ctypes.data, 0, rows, columns, weights
    )
    assert written == stored.nbytes
    return dequantize(stored, kind)


def divergence(quantize: ctypes._CFuncPtr, label: str, ids: list[int]) -> float:
    """KL from the logits of the checkpoint where all matrices are requantized."""
    expected = Transformer(gemma_path())(ids)
    transformer = Transformer(gemma_path())
    weight = transformer.checkpoint.weight

    def requantized(name: str) -> np.ndarray | None:
        numbers = weight(name)
        if numbers is None or numbers.ndim != 2:
            return numbers
        for first in range(0, len(numbers), 8192):
            rows = slice(first, first + 8192)
            numbers[rows] = requantize(quantize, numbers[rows], label)
        return numbers

    transformer.checkpoint.weight = requantized
    return float(kl_divergence(expected, transformer(ids)).mean())


def main() -> None:
    quantize = load_quantizer()
    record: dict[str, dict[str, float]] = {}
    for name, numbers in [*normal_samples(), *gemma_samples()]:
        errors = record[name] = {}
        for label in FORMATS:
            if numbers.shape[1] % GGML_QUANT_SIZES[GGMLQuantizationType[label]][0]:
                continue
            difference = numbers.astype(np.float64) - requantize(quantize, numbers, label)
            errors[label.lower()] = float(f"{np.mean(difference**2):.6e}")
    gemma = json.loads((GOLDEN.parent.parent / "gemma" / "gemma.json").read_text())
    prompt = gemma["prompts"][0]
    document = {
        "llama_cpp_python": llama_cpp.__version__,
        "mean_squared_errors": record,
        "gemma_prompt": prompt["name"],
        "gemma_divergence": {
            label.lower(): float(f"{divergence(quantize, label, prompt['ids']):.4e}")
            for label in ("Q4_0", "Q8_0")
        },
    }
    GOLDEN.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
