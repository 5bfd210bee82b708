"""Directories of Hugging Face in tests: reading their weights, and writing the
same model as GGUF."""

from __future__ import annotations

import json
from pathlib import Path

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
}
GEMMA_NAMES = GGUF_NAMES | {
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file as float32."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name == "__metadata__":
            continue
        first, last = entry["data_offsets"]
        stored = data[begin + first : begin + last]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(stored, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(stored, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
        tensors[name] = values.astype(np.float32).reshape(entry["shape"])
    return tensors


def write_gguf(folder: Path, path: Path) -> None:
    """Writes a Llama or Gemma 3 in `folder` as llama.cpp's converter does, but
    in float32: rows of q and k in pairs, and norms of Gemma with their 1."""
    config = json.loads((folder / "config.json").read_text())
    gemma = config["model_type"] == "gemma3_text"
    writer = gguf.GGUFWriter(path, "gemma3" if gemma else "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config["rope_parameters"]
    if gemma:
        writer.add_sliding_window(config["sliding_window"])
        writer.add_float32("gemma3.rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
        writer.add_float32("gemma3.attention.scale", config["query_pre_attn_scalar"] ** -0.5)
        rope = rope["full_attention"]
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(rope["factor"])
    names = GEMMA_NAMES if gemma else GGUF_NAMES
    for name, values in read_safetensors(folder / "model.safetensors").items():
        stem, suffix = name.removeprefix("model.").rsplit(".", 1)
        prefix = ""
        if stem.startswith("layers."):
            _, layer, stem = stem.split(".", 2)
            prefix = f"blk.{layer}."
        if gemma and values.ndim == 1:
            values = values + 1
        if not gemma and stem in ("self_attn.q_proj", "self_attn.k_proj"):
            halves = values.reshape(-1, 2, config["head_dim"] // 2, *values.shape[1:])
            values = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(values.shape)
        writer.add_tensor(f"{prefix}{names[stem]}.{suffix}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
