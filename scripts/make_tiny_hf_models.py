"""Writes the tiny models in test/Golden/hf: directories of Hugging Face as
Transformers saves them, with the logits that Transformers computes.

    make_tiny_hf_models.py

Needs torch and transformers (requirements-peers.txt); tests need neither. Sizes
are odd on purpose: widths that are no multiple of 16, three heads, head sizes 10
to 20, a vocabulary of 131, a window of 16 for 61 tokens. Weights are rounded to
the type they are stored in before logits are computed in float32.
"""

from __future__ import annotations

import json
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import transformers

GOLDEN = Path(__file__).resolve().parent.parent / "test" / "Golden" / "hf"
VOCABULARY = 131
TOKENS = 61
ROWS = slice(0, TOKENS, 4)
"""Positions whose logits are recorded."""

TINY = {"vocab_size": VOCABULARY, "max_position_embeddings": 256, "num_hidden_layers": 2}
GEMMA = {"head_dim": 20, "sliding_window": 16, "hidden_size": 36, "intermediate_size": 44}


@dataclass(frozen=True)
class Model:
    """A configuration and how its weights are stored."""

    name: str
    model_type: str
    config: dict[str, object]
    dtype: torch.dtype = torch.bfloat16
    save: dict[str, object] = field(default_factory=dict)
    lengths: tuple[int, ...] = (TOKENS,)
    """Numbers of tokens whose logits are recorded."""


def rope(kind: str = "default", base: float = 10000.0, **values: object) -> dict[str, object]:
    return {"rope_type": kind, "rope_theta": base, **values}


def gated(width: int, heads: int, kv_heads: int, head_size: int, inner: int) -> dict[str, object]:
    return {
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_size,
        "intermediate_size": inner,
    }


MODELS = (
    Model(
        "llama", "llama",
        gated(36, 3, 1, 12, 52)
        | {"attention_bias": True, "mlp_bias": True, "rope_parameters": rope("linear", factor=2.0)},
        torch.float32,
    ),
    Model(
        "llama3", "llama",
        gated(60, 3, 3, 20, 44)
        | {
            "tie_word_embeddings": True,
            "rope_parameters": rope(
                "llama3", 500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
        },
    ),
    Model("mistral", "mistral", gated(40, 4, 2, 10, 52) | {"sliding_window": 16}, torch.float16),
    Model(
        "qwen2", "qwen2",
        gated(36, 3, 3, 12, 52)
        | {"sliding_window": 16, "use_sliding_window": True, "max_window_layers": 1},
    ),
    Model(
        "qwen3", "qwen3",
        gated(36, 3, 1, 20, 52)
        | {
            "rope_parameters": rope(
                "yarn", 1000.0, factor=4.0, original_max_position_embeddings=64
            )
        },
        save={"max_shard_size": "20KB"},
    ),
    Model(
        "gemma2", "gemma2",
        GEMMA | {
            "num_attention_heads": 3, "num_key_value_heads": 1, "num_hidden_layers": 3,
            "query_pre_attn_scalar": 28, "attn_logit_softcapping": 5.0,
            "final_logit_softcapping": 3.0,
        },
    ),
    Model(
        "gemma3", "gemma3_text",
        GEMMA | {
            "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 7,
            "query_pre_attn_scalar": 28,
            "rope_parameters": {
                "full_attention": rope("linear", 1e6, factor=8.0),
                "sliding_attention": rope(base=5000.0),
            },
        },
    ),
    Model(
        "phi3", "phi3",
        {
            "hidden_size": 60, "num_attention_heads": 3, "num_key_value_heads": 1,
            "intermediate_size": 52, "original_max_position_embeddings": 32,
            "rope_parameters": rope(
                "longrope", partial_rotary_factor=0.6,
                short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
                long_factor=[1.0, 1.5, 2.0, 4.0, 6.0, 8.0],
                original_max_position_embeddings=32,
            ),
            "pad_token_id": 0, "eos_token_id": 2,
        },
        lengths=(TOKENS, 29),
    ),
    Model(
        "gpt_neox", "gpt_neox",
        {
            "hidden_size": 60, "num_attention_heads": 3, "intermediate_size": 52,
            "rope_parameters": rope(partial_rotary_factor=0.4),
        },
    ),
    Model(
        "gpt_neox_sequential", "gpt_neox",
        {
            "hidden_size": 48, "num_attention_heads": 3, "intermediate_size": 44,
            "rope_parameters": rope(partial_rotary_factor=0.25),
            "use_parallel_residual": False, "attention_bias": False, "hidden_act": "gelu_new",
        },
    ),
)  # fmt: skip


def make_weights(model: torch.nn.Module, name: str, dtype: torch.dtype) -> None:
    """Fills a model with random numbers that its type of storage holds."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for key, parameter in model.named_parameters():
        values = rng.standard_normal(parameter.shape)
        if key.endswith("bias"):
            values *= 0.5
        elif parameter.ndim == 1:
            values = values * 0.2 + (0.0 if "gemma" in name else 1.0)
        else:
            # Attention that prefers some keys clearly shows mistakes in masks.
            gain = 2.0 if any(part in key for part in ("q_proj", "k_proj", "qkv")) else 1.0
            values *= gain / np.sqrt(parameter.shape[1])
        parameter.data = torch.from_numpy(values).to(dtype).float()
    model.tie_weights()


def make(model: Model) -> tuple[list[int], dict[str, np.ndarray]]:
    """Writes one directory; returns the tokens and the logits."""
    config = transformers.AutoConfig.for_model(
        model.model_type, **(TINY | {"bos_token_id": 1, "eos_token_id": 2} | model.config)
    )
    config._attn_implementation = "eager"
    network = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    make_weights(network, model.name, model.dtype)
    rng = np.random.default_rng(zlib.crc32(model.name.encode()) + 1)
    tokens = [1, *rng.integers(3, VOCABULARY, TOKENS - 1).tolist()]
    logits = {}
    for length in model.lengths:
        with torch.no_grad():
            result = network(torch.tensor([tokens[:length]]), use_cache=False).logits[0]
        logits[f"{model.name}/{length}"] = result.numpy()[ROWS].astype(np.float32)
    folder = GOLDEN / model.name
    shutil.rmtree(folder, ignore_errors=True)
    network.to(model.dtype).save_pretrained(folder, **model.save)
    return tokens, logits


def main() -> None:
    tokens, logits = {}, {}
    for model in MODELS:
        ids, arrays = make(model)
        tokens[model.name] = ids
        logits |= arrays
    np.savez_compressed(GOLDEN / "logits.npz", **logits)
    record = {"torch": torch.__version__, "transformers": transformers.__version__}
    record |= {"rows": ROWS.step, "tokens": tokens}
    (GOLDEN / "hf.json").write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
