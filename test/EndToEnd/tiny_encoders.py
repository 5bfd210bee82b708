"""The tiny encoders of test/Golden/hf/encoders and what `transformers` computed."""

from __future__ import annotations

import json
import shutil
import string
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parent.parent / "Golden" / "hf" / "encoders"
POOLING = {
    "mean": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
    "cls": {"pooling_mode": "cls"},
    "max": {"pooling_mode_max_tokens": True},
}


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a share of the largest number."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def goldens(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name / "goldens.npz") as arrays:
        return dict(arrays)


def split(values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    return np.split(values, np.cumsum(lengths)[:-1])


def sentence_transformer(name: str, folder: Path, pooling: str, normalize: bool) -> Path:
    """The tiny model as the package sentence-transformers stores models."""
    model = folder / f"{name}_{pooling}"
    shutil.copytree(GOLDEN / name, model)
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling")]
    if normalize:
        modules.append(("2", "2_Normalize", "Normalize"))
    listed = [
        {"idx": i, "name": n, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (n, path, kind) in enumerate(modules)
    ]
    (model / "modules.json").write_text(json.dumps(listed))
    (model / "1_Pooling").mkdir()
    (model / "1_Pooling" / "config.json").write_text(json.dumps(POOLING[pooling]))
    return model


def write_vocabulary(model: Path) -> None:
    """Word pieces for the tiny BERT: single letters."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *string.ascii_lowercase]
    pieces += [f"##{letter}" for letter in string.ascii_lowercase]
    (model / "vocab.txt").write_text("\n".join(pieces) + "\n")
