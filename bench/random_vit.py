"""Vision transformers of the usual sizes with random weights, as directories of
Hugging Face: a bench of speed needs no trained ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hugging_face import write_safetensors

CLASSES = 1000
SIDE = 224
PATCH = 16
LAYERS = 12
# Width and heads of ViT-S/16 and ViT-B/16 (arXiv 2012.12877 and 2010.11929).
SIZES = {"vit-s16": (384, 6), "vit-b16": (768, 12)}


def shapes(width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of all tensors."""
    yield "vit.embeddings.cls_token", (1, 1, width)
    yield "vit.embeddings.position_embeddings", (1, (SIDE // PATCH) ** 2 + 1, width)
    yield "vit.embeddings.patch_embeddings.projection.weight", (width, 3, PATCH, PATCH)
    yield "vit.embeddings.patch_embeddings.projection.bias", (width,)
    for layer in range(LAYERS):
        prefix = f"vit.encoder.layer.{layer}."
        names = ("attention.query", "attention.key", "attention.value", "output.dense")
        linears = {f"attention.{name}": (width, width) for name in names}
        linears["intermediate.dense"] = (4 * width, width)
        linears["output.dense"] = (width, 4 * width)
        for name, shape in linears.items():
            yield f"{prefix}{name}.weight", shape
            yield f"{prefix}{name}.bias", shape[:1]
        for name in ("layernorm_before", "layernorm_after"):
            yield f"{prefix}{name}.weight", (width,)
            yield f"{prefix}{name}.bias", (width,)
    yield "vit.layernorm.weight", (width,)
    yield "vit.layernorm.bias", (width,)
    yield "classifier.weight", (CLASSES, width)
    yield "classifier.bias", (CLASSES,)


def write_random_vit(name: str, folder: Path) -> Path:
    """The directory of a model of SIZES, written unless it is there."""
    directory = folder / name
    if (directory / "config.json").exists():
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    width, heads = SIZES[name]
    rng = np.random.default_rng(0)
    tensors = {}
    for tensor, shape in shapes(width):
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        tensors[tensor] = 1 + values if "norm" in tensor and "weight" in tensor else values
    write_safetensors(directory / "model.safetensors", tensors)
    config = {
        "architectures": ["ViTForImageClassification"],
        "model_type": "vit",
        "hidden_act": "gelu",
        "hidden_size": width,
        "image_size": SIDE,
        "intermediate_size": 4 * width,
        "layer_norm_eps": 1e-12,
        "num_attention_heads": heads,
        "num_channels": 3,
        "num_hidden_layers": LAYERS,
        "patch_size": PATCH,
        "id2label": {str(index): f"class {index}" for index in range(CLASSES)},
    }
    # Last: a directory with this file is whole.
    (directory / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    return directory
