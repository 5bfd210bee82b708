"""Directories of Hugging Face in tests: reading their weights, and writing the
same model as GGUF."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import gguf
import numpy as np

GGUF_NAMES = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "self_attn.qkv_proj": "attn_qkv",
    "mlp.gate_up_proj": "ffn_up",
}
GEMMA_NAMES = GGUF_NAMES | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}


def read_header(path: Path) -> tuple[dict[str, Any], bytes]:
    """What a file says of its tensors, and their bytes."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return header, data[begin:]


def stored_tensors(path: Path) -> dict[str, bytes]:
    """The bytes of each tensor of a file."""
    header, data = read_header(path)
    return {name: data[slice(*entry["data_offsets"])] for name, entry in header.items()}


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file as float32."""
    header, _ = read_header(path)
    tensors = {}
    for name, stored in stored_tensors(path).items():
        kind = header[name]["dtype"]
        if kind == "BF16":
            values = (np.frombuffer(stored, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(stored, {"F32": "<f4", "F16": "<f2", "I64": "<i8"}[kind])
        tensors[name] = values.astype(np.float32).reshape(header[name]["shape"])
    return tensors


def write_safetensors(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Writes a file of float32 tensors."""
    header, end = {}, 0
    for name, values in tensors.items():
        begin, end = end, end + 4 * values.size
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    data = b"".join(values.astype("<f4").tobytes() for values in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_small_llama(folder: Path, vocabulary: int) -> None:
    """A model of one layer that only its vocabulary matters of."""
    folder.mkdir()
    config = {
        "model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 1, "vocab_size": vocabulary, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "eos_token_id": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    layer = "model.layers.0."
    projections = [f"{layer}self_attn.{name}_proj.weight" for name in "qkvo"]
    projections += [f"{layer}mlp.{name}_proj.weight" for name in ("gate", "up", "down")]
    norms = [f"{layer}{name}_layernorm.weight" for name in ("input", "post_attention")]
    tensors = {"model.embed_tokens.weight": np.ones((vocabulary, 16), np.float32)}
    tensors |= {name: np.ones((16, 16), np.float32) for name in projections}
    tensors |= {name: np.ones(16, np.float32) for name in (*norms, "model.norm.weight")}
    write_safetensors(folder / "model.safetensors", tensors)


def write_gguf(folder: Path, path: Path) -> None:
    """Writes the model in `folder` as llama.cpp's converter does, but in float32:
    rows of Llama's q and k in pairs, and norms of Gemma with their 1."""
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"].removesuffix("_text")
    writer = gguf.GGUFWriter(path, kind)
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim", config["hidden_size"] // heads)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if "gemma" in kind:
        writer.add_sliding_window(config["sliding_window"])
        writer.add_float32(f"{kind}.attention.scale", config["query_pre_attn_scalar"] ** -0.5)
        for name in ("attn_logit_softcapping", "final_logit_softcapping"):
            if config[name]:
                writer.add_float32(f"{kind}.{name}", config[name])
    _add_rope(writer, kind, config, head_size)
    for name, values in read_safetensors(folder / "model.safetensors").items():
        writer.add_tensor(*_convert(kind, name, values, head_size))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_rope(writer: gguf.GGUFWriter, kind: str, config: dict[str, Any], head_size: int) -> None:
    rope = config["rope_parameters"]
    if "sliding_attention" in rope:
        writer.add_float32(f"{kind}.rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
        rope = rope["full_attention"]
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "longrope":
        original = rope["original_max_position_embeddings"]
        factor = config["max_position_embeddings"] / original
        writer.add_rope_dimension_count(int(head_size * rope["partial_rotary_factor"]))
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(factor) / math.log(original)))
        for name in ("long", "short"):
            values = np.array(rope[f"{name}_factor"], np.float32)
            writer.add_tensor(f"rope_factors_{name}.weight", values)


def _convert(kind: str, name: str, values: np.ndarray, head_size: int) -> tuple[str, np.ndarray]:
    """The name and the numbers of a tensor in a GGUF file."""
    stem, suffix = name.removeprefix("model.").rsplit(".", 1)
    prefix = ""
    if stem.startswith("layers."):
        _, layer, stem = stem.split(".", 2)
        prefix = f"blk.{layer}."
    if "gemma" in kind and values.ndim == 1:
        values = values + 1
    if kind == "llama" and stem in ("self_attn.q_proj", "self_attn.k_proj"):
        halves = values.reshape(-1, 2, head_size // 2, *values.shape[1:])
        values = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)
    names = GEMMA_NAMES if "gemma" in kind else GGUF_NAMES
    return f"{prefix}{names[stem]}.{suffix}", values
