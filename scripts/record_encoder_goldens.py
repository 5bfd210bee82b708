"""Makes tiny encoders with `transformers` and records what they compute, in
test/Golden/hf/encoders: a directory for each model with config.json,
model.safetensors, and goldens.npz: inputs and results.

    record_encoder_goldens.py

Sizes are odd, weights random and large enough for every part to matter. Needs
torch and transformers; no test does.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import (
    BertConfig,
    BertModel,
    MPNetConfig,
    MPNetModel,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "test" / "Golden" / "hf" / "encoders"

LENGTHS = (1, 2, 7, 33, 140)
"""Tokens of the texts; MPNet's buckets of distances end at 91."""


def spread(model: torch.nn.Module) -> None:
    """Random weights: norms near 1, biases that count."""
    generator = torch.Generator().manual_seed(7)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        norm = "norm" in name.lower() and name.endswith("weight")
        tensor.copy_(1 + 0.3 * noise if norm else 0.3 * noise)


def save(model: torch.nn.Module, name: str, arrays: dict[str, np.ndarray]) -> None:
    folder = GOLDEN / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    np.savez_compressed(folder / "goldens.npz", **arrays)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name}: {size} bytes, results {[(k, v.shape) for k, v in arrays.items()]}")


def record_text(model: torch.nn.Module, name: str, vocabulary: int) -> None:
    """Hidden states of texts of several lengths, one at a time."""
    model.eval()
    rng = np.random.default_rng(3)
    arrays = {"lengths": np.array(LENGTHS)}
    ids = [rng.integers(3, vocabulary, length) for length in LENGTHS]
    with torch.no_grad():
        hidden = [model(torch.tensor(row)[None]).last_hidden_state[0].numpy() for row in ids]
    arrays["ids"] = np.concatenate(ids).astype(np.int32)
    arrays["hidden"] = np.concatenate(hidden).astype(np.float32)
    save(model, name, arrays)


def record_image(model: torch.nn.Module, name: str, result: str) -> None:
    model.eval()
    config = model.config
    height, width = config.image_size
    rng = np.random.default_rng(4)
    image = rng.normal(size=(config.num_channels, height, width)).astype(np.float32)
    with torch.no_grad():
        output = getattr(model(torch.tensor(image)[None]), result)
    rows = output[0] if result == "last_hidden_state" else output
    save(model, name, {"image": image, "result": rows.numpy().astype(np.float32)})


def main() -> None:
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    torch.set_grad_enabled(False)
    bert = BertConfig(
        vocab_size=61, hidden_size=30, num_hidden_layers=3, num_attention_heads=5,
        intermediate_size=49, max_position_embeddings=140, type_vocab_size=2,
    )  # fmt: skip
    mpnet = MPNetConfig(
        vocab_size=53, hidden_size=28, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=45, max_position_embeddings=150, hidden_act="gelu_new",
    )  # fmt: skip
    vit = ViTConfig(
        hidden_size=27, num_hidden_layers=2, num_attention_heads=3, intermediate_size=50,
        image_size=(18, 24), patch_size=6, num_channels=2, num_labels=5,
    )  # fmt: skip
    for model, name, size in (
        (BertModel(bert), "bert", bert.vocab_size),
        (MPNetModel(mpnet), "mpnet", mpnet.vocab_size),
    ):
        spread(model)
        record_text(model, name, size)
    for model, name, result in (
        (ViTModel(vit, add_pooling_layer=False), "vit", "last_hidden_state"),
        (ViTForImageClassification(vit), "vit_classifier", "logits"),
    ):
        spread(model)
        record_image(model, name, result)
    # Where a text would be cut, and dates, are of no use here.
    for path in GOLDEN.rglob("config.json"):
        config = json.loads(path.read_text())
        config.pop("transformers_version", None)
        path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
