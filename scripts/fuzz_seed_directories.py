"""Seeds for the fuzzers of what directories of Hugging Face hold: configurations,
tokenizers, safetensors. Inputs of several files have the form that
unittests/Fuzz/Folder.h describes."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

from hugging_face_tokenizers import variants

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "test" / "Golden" / "hf"
sys.path.insert(0, str(ROOT / "test" / "EndToEnd"))

from hugging_face import write_safetensors  # noqa: E402


def pack(*files: tuple[int, bytes | str]) -> bytes:
    """An input of numbered files."""
    result = b""
    for number, contents in files:
        data = contents.encode() if isinstance(contents, str) else contents
        result += struct.pack("<BH", number, len(data)) + data
    return result


# What Transformers writes for itself; readers do not look at it.
IGNORED = (
    "architectures", "attention_bias", "attention_dropout", "bos_token_id", "dtype",
    "initializer_range", "mlp_bias", "transformers_version", "use_cache", "pretraining_tp",
    "hidden_dropout", "classifier_dropout", "id2label", "label2id",
)  # fmt: skip

LLAMA = {
    "model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 2, "vocab_size": 9, "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
}  # fmt: skip
YARN = {
    "rope_type": "yarn", "factor": 4, "beta_slow": 1, "beta_fast": 32, "attention_factor": 1.1,
    "truncate": True,
}  # fmt: skip
OLDER: dict[str, dict[str, Any]] = {
    "neox": {"model_type": "gpt_neox", "rotary_emb_base": 10000, "rotary_pct": 0.25,
             "layer_norm_eps": 1e-5},
    "llama": {"rope_theta": 500, "rope_scaling": {"type": "linear", "factor": 8}},
    "gemma3": {"model_type": "gemma3_text", "rope_local_base_freq": 1e4, "sliding_window": 16,
               "sliding_window_pattern": 6, "query_pre_attn_scalar": 28,
               "hidden_activation": "gelu_pytorch_tanh", "attn_logit_softcapping": 50,
               "final_logit_softcapping": 30, "use_bidirectional_attention": True},
    "gemma2": {"model_type": "gemma2", "query_pre_attn_scalar": 8, "sliding_window": 16},
    "qwen2": {"model_type": "qwen2", "sliding_window": 16, "use_sliding_window": True,
              "max_window_layers": 1},
    "neox window": {"model_type": "gpt_neox", "sliding_window": 16, "use_sliding_window": True,
                    "layer_norm_eps": 1e-5},
    "longrope": {"rope_scaling": {"type": "su", "short_factor": [1, 1, 1, 1],
                                  "long_factor": [2, 2, 2, 2]},
                 "original_max_position_embeddings": 32},
    "longrope of one": {"rope_scaling": {"type": "longrope", "short_factor": [1],
                        "original_max_position_embeddings": 1}},
    "dynamic": {"rope_scaling": {"rope_type": "dynamic"}},
    "ramp": {"rope_scaling": {"rope_type": "llama3", "factor": 2, "low_freq_factor": 4,
                              "high_freq_factor": 1}},
    "yarn": {"rope_scaling": YARN},
    "mscale": {"rope_scaling": YARN | {"mscale": 1, "truncate": False}},
    "heads": {"num_attention_heads": [2, 4], "num_key_value_heads": [1, 3],
              "intermediate_size": [16, 32]},
    "many heads": {"num_attention_heads": 2147483647, "head_dim": 2147483647},
    "no heads": {"num_attention_heads": [1]},
    "layers": {"num_hidden_layers": 1000},
    "kinds": {"hidden_act": 1, "rms_norm_eps": -1, "tie_word_embeddings": 1},
    "activation": {"hidden_act": "gelu_new"},
    "unknown": {"hidden_act": "tanh"},
    "layer types": {"sliding_window": 8, "layer_types": ["full_attention", 1]},
    "layer type": {"sliding_window": 8, "layer_types": ["full_attention", "x"]},
    "partial": {"partial_rotary_factor": 0.3, "head_dim": 10},
    "null": {"model_type": None},
    "bert": {"model_type": "bert", "hidden_act": "relu", "is_decoder": True},
    "bert silu": {"model_type": "bert", "hidden_act": "swish", "layer_norm_eps": -1},
    "bert x": {"model_type": "bert", "hidden_act": "x", "position_embedding_type": "x"},
    "mpnet": {"model_type": "mpnet", "pad_token_id": 64, "relative_attention_num_buckets": 3},
    "vit": {"model_type": "vit", "image_size": [30, 17], "patch_size": 4},
    "vit too large": {"model_type": "vit", "image_size": 131072, "num_attention_heads": 3,
                      "num_hidden_layers": 999},
    "vit image": {"model_type": "vit", "image_size": "x"},
}  # fmt: skip


def configs() -> dict[str, bytes]:
    files = {}
    for path in sorted(GOLDEN.rglob("config.json")):
        config = json.loads(path.read_text())
        kept = {key: value for key, value in config.items() if key not in IGNORED}
        files[path.parent.name] = json.dumps(kept).encode()
    for name, changes in OLDER.items():
        files[f"older {name}"] = json.dumps(LLAMA | changes).encode()
    files["twice"] = b'{"a": 1, "a": 2}'
    files["deep"] = b'{"a": ' + b"[" * 70
    files["array"] = b"[1]"
    files["damaged"] = b'{"a": tru}'
    return files


def poolings() -> dict[str, bytes]:
    def module(kind: str, path: object) -> dict[str, Any]:
        return {"path": path, "type": f"st.{kind}"}

    transformer, pooling = module("Transformer", ""), module("Pooling", "1_Pooling")
    normalize = module("Normalize", "2_Normalize")
    lists = {
        "usual": [transformer, pooling, normalize],
        "first": [transformer, pooling],
        "twice": [pooling, normalize, normalize],
        "other": [transformer, module("Dense", "2")],
        "outside": [module("Pooling", "../x")],
        "no folder": [module("Pooling", "nowhere")],
        "number": [1, module("Pooling", 3)],
    }
    modes = [
        {"pooling_mode": "mean"},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_lasttoken": True},
        {"pooling_mode_mean_sqrt_len_tokens": True},
        {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True},
        {"pooling_mode": 1},
        {},
    ]
    files = {"none": pack((1, "{}")), "object": pack((0, "{}")), "damaged": pack((0, "[")),
             "mode": pack((0, json.dumps(lists["first"])), (1, "["))}  # fmt: skip
    for name, modules in lists.items():
        files[name] = pack((0, json.dumps(modules)), (1, json.dumps(modes[0])))
    for number, mode in enumerate(modes):
        files[f"mode{number}"] = pack((0, json.dumps(lists["usual"])), (1, json.dumps(mode)))
    return files


BERT = {
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3, "ab": 4, "##1": 5,
                        "hello": 6, ",": 7}},
    "added_tokens": [{"id": 1, "content": "[CLS]", "special": True},
                     {"id": 8, "content": "<s>", "special": False}],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                   "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
}  # fmt: skip
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {"id": "A"}},
               {"SpecialToken": {"id": "[SEP]"}}],
}  # fmt: skip


def word_pieces() -> dict[str, bytes]:
    vocab = "[PAD]\n[UNK]\n[CLS]\r\n[SEP]\n[MASK]\nab\n##1\nhello\n,\n"
    settings = {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": True}
    model: dict[str, Any] = BERT["model"]
    changes: dict[str, dict[str, Any]] = {
        "template": {"post_processor": TEMPLATE},
        "no processor": {"post_processor": None},
        "other processor": {"post_processor": {"type": "x"}},
        "two": {"post_processor": TEMPLATE | {"single": [1, 2]}},
        "role": {"post_processor": {"type": "BertProcessing", "sep": ["x", 2], "cls": ["[CLS]"]}},
        "no normalizer": {"normalizer": None},
        "other normalizer": {"normalizer": {"type": "NFC"}},
        "no splitter": {"pre_tokenizer": None},
        "prefix": {"model": model | {"continuing_subword_prefix": "@"}},
        "longest": {"model": model | {"max_input_chars_per_word": 3}},
        "kind": {"model": model | {"type": "BPE"}},
        "id": {"model": model | {"vocab": {"[UNK]": 0, "a": 9}}},
        "same id": {"model": model | {"vocab": {"[UNK]": 0, "a": 0}}},
        "unknown": {"model": model | {"unk_token": "?"}},
        "added": {"added_tokens": [{"id": 1}]},
        "added id": {"added_tokens": [{"content": "x"}]},
    }
    files = {"json": pack((0, json.dumps(BERT)))}
    for name, change in changes.items():
        files[name] = pack((0, json.dumps(BERT | change)))
    files["damaged"] = pack((0, "{"))
    files["txt"] = pack((1, vocab))
    files["settings"] = pack((1, vocab), (2, json.dumps(settings)))
    files["names"] = pack((1, "a\nb\n"), (2, json.dumps({"unk_token": "a", "cls_token": "b"})))
    files["bad settings"] = pack((1, vocab), (2, "["))
    files["no vocabulary"] = pack((2, "{}"))
    return files


def shrink(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer with next to no pieces. The fuzzer writes 256 for "<bytes>"."""
    is_byte_level = "ByteLevel" in json.dumps(tokenizer)
    first = 0 if is_byte_level else 256
    vocab = {} if is_byte_level else {"<bytes>": 0}
    for text in (*"ab1", "ab", "\u2581", "\u0120"):
        vocab[text] = first + len(vocab) - (not is_byte_level)
    added = tokenizer["added_tokens"][:3]
    after = max(vocab.values()) + 1
    ids = {token["content"]: after + number for number, token in enumerate(added)}
    result = tokenizer | {
        "model": tokenizer["model"] | {"vocab": vocab},
        "added_tokens": [token | {"id": ids[token["content"]]} for token in added],
    }
    pairs = isinstance(tokenizer["model"]["merges"][0], list)
    result["model"]["merges"] = [["a", "b"]] if pairs else ["a b"]
    text = json.dumps(result)
    for token in added:
        old = json.dumps([token["id"]])
        text = text.replace(f'"ids": {old}', f'"ids": [{ids[token["content"]]}]')
    return json.loads(text)


TOKENIZER_CHANGES: dict[str, dict[str, Any]] = {
    "no model": {"model": None},
    "unigram": {"model": {"type": "Unigram"}},
    "normalizer": {"normalizer": {"type": "Lowercase"}},
    "prepend": {"normalizer": {"type": "Prepend", "prepend": "x"}},
    "replace": {"normalizer": {"type": "Replace", "pattern": {"Regex": "a"}, "content": "b"}},
    "normalizers": {"normalizer": {"type": "Sequence"}},
    "normalizer list": {"normalizer": {"type": "Sequence", "normalizers": [1]}},
    "normalizer kind": {"normalizer": 1},
    "pre": {"pre_tokenizer": {"type": "Whitespace"}},
    "none": {"pre_tokenizer": None},
    "prefix": {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
    "behind": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "ByteLevel", "add_prefix_space": False}, {"type": "Digits"}]}},
    "digits": {"pre_tokenizer": {"type": "Digits", "individual_digits": False}},
    "split": {"pre_tokenizer": {"type": "Split", "pattern": {"String": "a"}}},
    "marked bytes": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Metaspace", "replacement": "\u2581", "split": False},
        {"type": "ByteLevel", "add_prefix_space": False}]}},
    "metaspace": {"pre_tokenizer": {"type": "Metaspace", "replacement": "_"}},
    "metaspace split": {"pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581"}},
    "scheme": {"pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "split": False,
                                 "prepend_scheme": "x"}},
    "processor": {"post_processor": {"type": "BertProcessing"}},
    "single": {"post_processor": {"type": "TemplateProcessing"}},
    "twice": {"post_processor": {"type": "TemplateProcessing",
                                 "single": [{"Sequence": {}}, {"Sequence": {}}]}},
    "no text": {"post_processor": {"type": "TemplateProcessing", "single": []}},
    "two tokens": {"post_processor": {"type": "TemplateProcessing", "single": [
        {"SpecialToken": {"id": "a"}}, {"SpecialToken": {"id": "a"}}, {"Sequence": {}}],
        "special_tokens": {"a": {"ids": [0]}}}},
    "added": {"added_tokens": [{"id": 7}]},
    "lstrip": {"added_tokens": [{"id": 7, "content": "x", "lstrip": True}]},
    "far": {"added_tokens": [{"id": 299, "content": "x", "rstrip": True},
                             {"id": 300, "content": "y"}]},
    "normalized": {"added_tokens": [{"id": 260, "content": "x y", "normalized": True}]},
}  # fmt: skip
MODEL_CHANGES: dict[str, dict[str, Any]] = {
    "suffix": {"end_of_word_suffix": "</w>"},
    "dropout": {"dropout": 0.1},
    "ignore": {"ignore_merges": True},
    "no vocab": {"vocab": None},
    "id twice": {"vocab": {"a": 0, "b": 0}},
    "id": {"vocab": {"a": 300}},
    "merge": {"merges": [["a", "b c"]]},
    "no bytes": {"byte_fallback": False},
    "a byte": {"vocab": {"a": 0}},
}


def tokenizers() -> dict[str, bytes]:
    small = {name: shrink(tokenizer) for name, tokenizer in variants().items()}
    texts = {name: json.dumps(tokenizer) for name, tokenizer in small.items()}
    files = {name: pack((0, text)) for name, text in texts.items()}
    for name, change in TOKENIZER_CHANGES.items():
        base = small["phi3"] if name == "normalized" else small["smollm"]
        files[f"changed {name}"] = pack((0, json.dumps(base | change)))
    for name, change in MODEL_CHANGES.items():
        base = small["gemma"] if name in ("ignore", "no bytes", "a byte") else small["smollm"]
        changed = base | {"model": base["model"] | change}
        files[f"model {name}"] = pack((0, json.dumps(changed)))
    byte_level = texts["smollm"]
    roles = {"bos_token": {"content": "a"}, "eos_token": "b", "unk_token": None, "pad_token": "?"}
    named = roles | {"chat_template": [{"name": "default", "template": "{{ messages }}"}]}
    files["beside"] = pack(
        (0, byte_level), (1, json.dumps(named)), (2, json.dumps({"eos_token_id": [2, 5, 999]})),
        (3, json.dumps({"eos_token_id": 1})), (4, "{{ x }}"),
    )  # fmt: skip
    files["template"] = pack((0, byte_level), (1, json.dumps({"chat_template": "{{ y }}"})))
    files["config"] = pack((0, byte_level), (1, "{}"), (2, "{}"), (3, '{"eos_token_id": 1}'))
    files["end"] = pack((0, byte_level), (3, '{"eos_token_id": "x"}'))
    files["bad config"] = pack((0, byte_level), (1, "{"))
    files["bad generation"] = pack((0, byte_level), (2, "{"))
    files["not utf-8"] = pack((0, byte_level), (4, b"\xff"))
    files["damaged"] = pack((0, "{"))
    files["nothing"] = pack((1, "{}"))
    split = {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}
    pre = {"type": "Sequence", "pretokenizers": [
        split, {"type": "ByteLevel", "add_prefix_space": False}]}  # fmt: skip
    files["expression"] = pack((0, json.dumps(small["smollm"] | {"pre_tokenizer": pre})))
    return files


def safetensors(directory: Path) -> dict[str, bytes]:
    """Files with few bytes, alone and with an index."""

    def file(tensors: dict[str, Any], size: int) -> bytes:
        text = json.dumps(tensors).encode()
        return struct.pack("<Q", len(text)) + text + bytes(range(size))

    def tensor(kind: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
        return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}

    path = directory / "usual"
    write_safetensors(path, {"a": np.ones((2, 3)), "b": np.zeros(4)})
    usual = path.read_bytes()
    path.unlink()
    kinds = {"a": tensor("BF16", [2, 2], 0, 8), "b": tensor("F16", [1], 8, 10),
             "c": tensor("I8", [3], 10, 13), "d": tensor("F4", [3], 13, 15),
             "e": tensor("F32", [], 15, 19), "__metadata__": {"format": "pt"}}  # fmt: skip
    first = file({"x": tensor("F32", [2], 0, 8), "i": tensor("I32", [1], 8, 12)}, 12)
    second = file({"y": tensor("F16", [1, 3], 0, 6)}, 6)
    places = {"x": "a.safetensors", "i": "a.safetensors", "y": "b.safetensors"}

    def index(weight_map: object) -> tuple[int, str]:
        return 1, json.dumps({"weight_map": weight_map})

    bad = {
        "overlap": ({"a": tensor("I8", [2], 0, 2), "b": tensor("I8", [2], 1, 3)}, 3),
        "gap": ({"a": tensor("I8", [2], 1, 3)}, 3),
        "rest": ({"a": tensor("I8", [2], 0, 2)}, 3),
        "size": ({"a": tensor("I8", [2], 0, 3)}, 3),
        "beyond": ({"a": tensor("I8", [2], 0, 9)}, 3),
        "type": ({"a": tensor("F3", [2], 0, 3)}, 3),
        "huge": ({"a": tensor("F64", [1 << 40, 1 << 40], 0, 3)}, 3),
        "form": ({"a": {"dtype": "F32", "shape": [1]}}, 0),
        "name": ({"a\n": tensor("I8", [0], 0, 0)}, 0),
    }
    files = {
        "usual": pack((0, usual)),
        "kinds": pack((0, file(kinds, 19))),
        "split": pack(index(places), (2, first), (3, second)),
        "not there": pack(index(places | {"z": "a.safetensors"}), (2, first), (3, second)),
        "other place": pack(index(places | {"x": "b.safetensors"}), (2, first), (3, second)),
        "no file": pack(index(places), (2, first)),
        "outside": pack(index({"x": "../a.safetensors"}), (2, first)),
        "number": pack(index({"x": 1}), (2, first)),
        "no map": pack(index({}), (2, first)),
        "bad index": pack((1, "{")),
        "same": pack(index({"x": "a.safetensors", "y": "b.safetensors"}), (2, first), (3, first)),
        "header": pack((0, struct.pack("<Q", 2) + b"{]")),
        "long header": pack((0, struct.pack("<Q", 1 << 40) + b"{}")),
        "short": pack((0, b"abc")),
        "nothing": pack((2, first)),
    }
    return files | {name: pack((0, file(*case))) for name, case in bad.items()}


def write(directory: Path) -> None:
    kinds = {
        "config": configs, "pooling": poolings, "word-piece": word_pieces,
        "tokenizer-json": tokenizers, "safetensors": lambda: safetensors(directory),
    }  # fmt: skip
    for kind, make in kinds.items():
        (directory / kind).mkdir(parents=True, exist_ok=True)
        for name, contents in make().items():
            (directory / kind / name.replace(" ", "-")).write_bytes(contents)
