"""Seeds for the fuzzer of GGUF files: small files with all that is read from them.
Inputs of several files have the form that unittests/Fuzz/Folder.h describes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from fuzz_seed_directories import pack

# Numbers of types in the file, by how this script writes values.
U8, U32, I32, F32, BOOL, STRING, ARRAY, U64, F64 = 0, 4, 5, 6, 7, 8, 9, 10, 12
CODES = {U8: "B", 1: "b", 2: "H", 3: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q",
         11: "q", F64: "d"}  # fmt: skip
Value = tuple[Any, ...]


def string(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def scalar(kind: int, value: Any) -> bytes:
    return string(value) if kind == STRING else struct.pack("<" + CODES[kind], value)


def encode(value: Value) -> bytes:
    """A value: (type, scalar), or (ARRAY, type, elements)."""
    if value[0] != ARRAY:
        return struct.pack("<I", value[0]) + scalar(*value)
    _, kind, elements = value
    head = struct.pack("<IIQ", ARRAY, kind, len(elements))
    return head + b"".join(scalar(kind, element) for element in elements)


# Name, dimensions with the contiguous one first, type, place, size.
Tensor = tuple[str, tuple[int, ...], int, int, int]


def file(values: dict[str, Value], tensors: list[Tensor], version: int = 3) -> bytes:
    result = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    for key, value in values.items():
        result += string(key) + encode(value)
    for name, dims, kind, place, _ in tensors:
        result += string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
        result += struct.pack("<IQ", kind, place)
    if tensors:
        result += bytes(-len(result) % 32)
        size = max(place + size for *_, place, size in tensors)
        result += bytes(range(256)) * (size // 256) + bytes(size % 256)
    return result


def model(architecture: str, **changes: Value) -> dict[str, Value]:
    """The keys of a model of two layers; "__" stands for a dot in a name."""
    keys: dict[str, Value] = {
        "context_length": (U32, 64), "embedding_length": (U32, 8), "block_count": (U32, 2),
        "attention.head_count": (U32, 2), "feed_forward_length": (U32, 8),
        "attention.layer_norm_rms_epsilon": (F32, 1e-5),
    }  # fmt: skip
    keys |= {name.replace("__", "."): value for name, value in changes.items()}
    named = {f"{architecture}.{name}": value for name, value in keys.items()}
    return {"general.architecture": (STRING, architecture)} | named


TENSORS: list[Tensor] = [
    ("token_embd.weight", (8, 4), 0, 0, 128),
    ("output_norm.weight", (8,), 1, 128, 16),
]
PIECES = ["<unk>", "<s>", "</s>", "<0x41>", "a", "b", "ab", "\u2581"]
LLAMA_VOCABULARY: dict[str, Value] = {
    "tokenizer.ggml.model": (STRING, "llama"),
    "tokenizer.ggml.tokens": (ARRAY, STRING, PIECES),
    "tokenizer.ggml.scores": (ARRAY, F32, [0, 0, 0, 0, -1, -2, -0.5, -4]),
    "tokenizer.ggml.token_type": (ARRAY, I32, [2, 3, 3, 6, 1, 1, 1, 4]),
    "tokenizer.ggml.bos_token_id": (U32, 1),
    "tokenizer.ggml.eos_token_id": (U32, 2),
    "tokenizer.ggml.padding_token_id": (U32, 0xFFFFFFFF),
    "tokenizer.ggml.eot_token_id": (U32, 2),
    "tokenizer.ggml.add_bos_token": (BOOL, True),
    "tokenizer.ggml.add_space_prefix": (BOOL, False),
    "tokenizer.chat_template": (STRING, "{{ x }}"),
}
BPE_VOCABULARY: dict[str, Value] = {
    "tokenizer.ggml.model": (STRING, "gpt2"),
    "tokenizer.ggml.pre": (STRING, "qwen2"),
    "tokenizer.ggml.tokens": (ARRAY, STRING, ["a", "b", "ab", "\u0120", "<|endoftext|>"]),
    "tokenizer.ggml.token_type": (ARRAY, I32, [1, 1, 1, 1, 3]),
    "tokenizer.ggml.merges": (ARRAY, STRING, ["a b", "\u0120 a"]),
}


def models() -> dict[str, tuple[dict[str, Value], list[Tensor]]]:
    window = {"attention__sliding_window": (U32, 16)}
    scaled = {"rope__scaling__type": (STRING, "yarn"), "rope__scaling__factor": (F32, 4.0),
              "rope__scaling__original_context_length": (U32, 32)}  # fmt: skip
    return {
        "llama": (model("llama", attention__head_count_kv=(ARRAY, I32, [1, 2]),
                        rope__dimension_count=(U32, 4), rope__freq_base=(F32, 500.0))
                  | {"general.name": (STRING, "x")} | LLAMA_VOCABULARY, TENSORS),
        "vocabulary": (BPE_VOCABULARY, []),
        "no vocabulary": (model("qwen2") | {"tokenizer.ggml.model": (STRING, "none")}, TENSORS),
        "gemma3": (model("gemma3", attention__scale=(F32, 0.5), **window), TENSORS),
        "gemma2": (model("gemma2", attn_logit_softcapping=(F32, 50.0),
                         final_logit_softcapping=(F32, 30.0), **window), TENSORS),
        "windows": (model("gemma3", attention__sliding_window_pattern=(ARRAY, BOOL, [True, False]),
                          rope__freq_base_swa=(F32, 1e4), **window), TENSORS),
        "pattern": (model("llama", attention__sliding_window_pattern=(U32, 2), **window), TENSORS),
        "bad windows": (model("llama", attention__sliding_window_pattern=(ARRAY, BOOL, [True]),
                              **window), TENSORS),
        "no window": (model("qwen2", **window), TENSORS),
        "yarn": (model("qwen3", rope__scaling__yarn_beta_fast=(F32, 32.0), **scaled), TENSORS),
        "linear": (model("llama", rope__scaling__type=(STRING, "linear"),
                         rope__scaling__factor=(F64, 4.0)), TENSORS),
        "scale": (model("llama", rope__scale_linear=(F32, 2.0)), TENSORS),
        "other scaling": (model("llama", rope__scaling__type=(STRING, "x")), TENSORS),
        "longrope": (model("phi3", rope__scaling__original_context_length=(U32, 32),
                           rope__scaling__attn_factor=(F32, 1.1)),
                     [*TENSORS, ("rope_factors_long.weight", (2,), 0, 160, 8)]),
        "experts": (model("llama", expert_count=(U32, 8)), TENSORS),
        "layers": (model("llama", block_count=(U32, 99)), TENSORS),
        "kinds": (model("llama", rope__freq_base=(STRING, "x"), context_length=(U64, 1 << 63)),
                  TENSORS),
        "strings": (model("llama", attention__head_count=(ARRAY, STRING, ["x"])), TENSORS),
        "unknown": (model("mamba"), TENSORS),
        "integers": ({f"k{kind}": (kind, 1) for kind in (0, 1, 2, 3, 4, 5, 7, 10, 11)}
                     | {f"a{kind}": (ARRAY, kind, [1, 0]) for kind in (0, 1, 2, 3, 4, 5, 10, 11)}
                     | {"split.count": (STRING, "x")}, []),
        "aligned": ({"general.alignment": (U32, 64)}, [("x", (3,), 0, 64, 12)]),
        "alignment": ({"general.alignment": (U32, 48)}, []),
        "alignment type": ({"general.alignment": (U64, 32)}, []),
        "overlap": ({}, [("x", (8,), 0, 0, 32), ("y", (8,), 0, 0, 32)]),
        "same name": ({}, [("x", (8,), 0, 0, 32), ("x", (8,), 0, 32, 32)]),
        "beyond": ({}, [("x", (8,), 0, 0, 16)]),
        "old type": ({}, [("x", (8,), 9, 0, 32)]),
        "no type": ({}, [("x", (8,), 99, 0, 32)]),
        "columns": ({}, [("x", (8,), 2, 0, 32)]),
        "zero": ({}, [("x", (0,), 0, 0, 32)]),
        "huge": ({}, [("x", (1 << 62, 1 << 62), 0, 0, 32)]),
        "rank": ({}, [("x", (1, 1, 1, 1, 1), 0, 0, 32)]),
        "misplaced": ({}, [("x", (2,), 0, 8, 8)]),
        "name": ({}, [("\n", (2,), 0, 0, 8)]),
        "key": ({"\n": (U8, 1)}, []),
        **{f"format{kind}": ({}, [("x", (256,), kind, 0, 1088)]) for kind in range(42)},
    }  # fmt: skip


def vocabularies() -> dict[str, dict[str, Value]]:
    """Changes that make a vocabulary wrong or unusual, by key."""
    changes: dict[str, Value] = {
        "model": (STRING, "bert"), "tokens": (ARRAY, I32, [1]), "scores": (ARRAY, I32, [1]),
        "token_type": (ARRAY, I32, [9]), "bos_token_id": (U32, 99), "eos_token_id": (STRING, "x"),
        "add_eos_token": (U8, 3), "pre": (STRING, "unknown"), "merges": (ARRAY, U8, [1]),
    }  # fmt: skip
    result = {}
    for key, value in changes.items():
        base = BPE_VOCABULARY if key in ("pre", "merges") else LLAMA_VOCABULARY
        result[key] = base | {f"tokenizer.ggml.{key}": value}
    result["types"] = LLAMA_VOCABULARY | {"tokenizer.ggml.token_type": (ARRAY, STRING, [])}
    result["pre type"] = BPE_VOCABULARY | {"tokenizer.ggml.pre": (U8, 1)}
    result["nan"] = LLAMA_VOCABULARY | {"tokenizer.ggml.scores": (ARRAY, F32, [float("nan")] * 8)}
    for key in ("tokens", "merges"):
        result[f"no {key}"] = {
            name: value for name, value in BPE_VOCABULARY.items() if not name.endswith(key)
        }
    return result


def splits() -> dict[str, bytes]:
    def part(number: int, count: int, name: str, total: int | None = None) -> bytes:
        values: dict[str, Value] = {"split.no": (U32, number), "split.count": (U32, count)}
        if total is not None:
            values["split.tensors.count"] = (I32, total)
        return file(values, [(name, (2,), 0, 0, 8)])

    return {
        "good": pack((0, part(0, 2, "a", 2)), (1, part(1, 2, "b"))),
        "same": pack((0, part(0, 2, "a", 2)), (1, part(1, 2, "a"))),
        "total": pack((0, part(0, 2, "a", 3)), (1, part(1, 2, "b"))),
        "number": pack((0, part(0, 2, "a")), (1, part(0, 2, "b"))),
        "missing": pack((0, part(0, 2, "a"))),
        "second": pack((0, part(1, 2, "a"))),
        "many": pack((0, part(0, 100000, "a"))),
        "name": pack((0, part(0, 3, "a"))),
    }


def seeds() -> dict[str, bytes]:
    good = file(*models()["llama"])
    files = {name: pack((0, file(*case))) for name, case in models().items()}
    files |= {f"vocabulary {name}": pack((0, file(v, []))) for name, v in vocabularies().items()}
    files |= {f"split {name}": data for name, data in splits().items()}
    files["version2"] = pack((0, file({}, [], version=2)))
    files["version9"] = pack((0, file({}, [], version=9)))
    files["big-endian"] = pack((0, file({}, [], version=3 << 24)))
    files["cut"] = pack((0, good[:300]))
    files["magic"] = pack((0, b"GGML1234"))
    files["bool"] = pack(
        (0, file({"x": (ARRAY, U8, [2, 2])}, []).replace(b"\0\0\0\0\2", b"\7\0\0\0\2"))
    )
    return files


def write(directory: Path) -> None:
    (directory / "gguf").mkdir(parents=True, exist_ok=True)
    for name, contents in seeds().items():
        (directory / "gguf" / name.replace(" ", "-")).write_bytes(contents)
