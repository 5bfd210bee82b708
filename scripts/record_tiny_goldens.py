"""Records llama.cpp's logits of the tiny models: test/Golden/tiny/tiny.{json,npz}.

llama.cpp runs them with float32 caches and no flash attention, so that of
its own roundings only that of activations in front of quantized weights is left.
Needs requirements-peers.txt.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from llama_peer import LlamaPeer, version
from make_tiny_models import MODELS, ROOT, make_all
from reference import Transformer

GOLDEN = ROOT / "test" / "Golden" / "tiny"

REASONS = {
    "mistral-f32": "llama.cpp ignores the sliding window of architecture llama",
}
"""Why a model has no golden, where llama.cpp computes something else."""


def main() -> None:
    arrays, records = {}, {}
    with tempfile.TemporaryDirectory() as directory:
        paths = make_all(Path(directory))
        for model in MODELS:
            path = paths[model.name]
            record = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            expected = Transformer(path)(model.token_ids())
            try:
                logits = LlamaPeer(path, context=256, exact_cache=True).logits(model.token_ids())
            except ValueError as error:
                record["no_golden"] = REASONS.get(model.name, str(error))
                print(f"{model.name}: {error}", file=sys.stderr)
            else:
                difference = float(np.abs(logits - expected).max() / np.abs(expected).max())
                print(f"{model.name}: differs from NumPy by {difference:.2e} of the largest logit")
                if model.name in REASONS:
                    record["no_golden"] = REASONS[model.name]
                else:
                    record["difference_from_numpy"] = float(f"{difference:.2e}")
                    arrays[model.name] = logits
            records[model.name] = record
    GOLDEN.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(GOLDEN / "tiny.npz", **arrays)
    text = json.dumps({"recorded_with": version(), "models": records}, indent=1)
    (GOLDEN / "tiny.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
