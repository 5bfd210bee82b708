"""tokenizer.json: the ids that Hugging Face's `tokenizers` gave, and errors."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hugging_face import write_small_llama
from hugging_face_tokenizers import GOLDEN, draw_texts, metaspace, sequence, variants
from programs import Programs, artifact_files
from test_tokenizer import program, tokenize  # noqa: F401

GROUP = 32
VARIANTS = variants()
ROWS = 2600


@pytest.fixture(scope="module")
def strings() -> list[str]:
    return draw_texts()


@pytest.fixture(scope="module")
def goldens(strings: list[str]) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "hugging_face.npz") as arrays:
        golden = dict(arrays)
    digest = hashlib.sha256("\n".join(strings).encode())
    assert golden["strings"].tobytes() == digest.digest(), "the strings are not those recorded"
    return golden


def write_model(folder: Path, tokenizer: dict[str, Any]) -> Path:
    model = folder / "model"
    write_small_llama(model, ROWS)
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    return model


@pytest.mark.parametrize("name", VARIANTS)
def test_ids(
    name: str,
    program: Path,  # noqa: F811
    programs: Programs,
    strings: list[str],
    goldens: dict[str, np.ndarray],
    tmp_path: Path,
) -> None:
    artifact = programs.compile(write_model(tmp_path, VARIANTS[name]), tmp_path / "artifact")
    encodings = tokenize(
        program, Path(f"{artifact}.tokenizer"), [text.encode() for text in strings]
    )
    ends = np.cumsum(goldens[f"{name}/counts"])
    for text, encoding, row in zip(
        strings, encodings, np.split(goldens[f"{name}/ids"], ends[:-1]), strict=False
    ):
        assert encoding.ids == row.tolist(), repr(text)
    rows = [np.array(encoding.ids, "<i4").tobytes() for encoding in encodings]
    sums = [zlib.crc32(b"".join(rows[i : i + GROUP])) for i in range(0, len(rows), GROUP)]
    wrong = np.flatnonzero(np.array(sums, np.uint32) != goldens[f"{name}/crc"])
    assert not len(wrong), [
        strings[GROUP * group : GROUP * group + GROUP] for group in wrong.tolist()[:3]
    ]


def set_part(part: str, value: object) -> Callable[[dict], None]:
    return lambda tokenizer: tokenizer.update({part: value})


def set_model(key: str, value: object) -> Callable[[dict], None]:
    return lambda tokenizer: tokenizer["model"].update({key: value})


ERRORS = {
    "model": ("qwen", set_model("type", "Unigram"), "tokenizer model 'Unigram'"),
    "no model": ("qwen", lambda tokenizer: tokenizer.pop("model"), "'model' is missing"),
    "normalizer": ("qwen", set_part("normalizer", {"type": "NFKC"}), "normalizer 'NFKC'"),
    "pre-tokenizer": (
        "qwen", set_part("pre_tokenizer", {"type": "UnicodeScripts"}),
        "pre_tokenizer 'UnicodeScripts'",
    ),
    "expression": (
        "qwen",
        lambda tokenizer: tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(
            Regex="(?<name"
        ),
        "pre-tokenizer expression '(?<name'",
    ),
    "no pre-tokenizer": ("qwen", set_part("pre_tokenizer", None), "pre_tokenizer"),
    "post-processor": (
        "llama2", set_part("post_processor", {"type": "RobertaProcessing"}),
        "post_processor 'RobertaProcessing'",
    ),
    "suffix": ("qwen", set_model("end_of_word_suffix", "</w>"), "'model.end_of_word_suffix'"),
    "fallback": ("llama2", set_model("byte_fallback", False), "byte_fallback"),
    "merges": ("qwen", set_model("merges", [["a"]]), "merge 0 expects two pieces"),
    "large id": ("qwen", set_model("vocab", {"a": ROWS}), f"below the {ROWS} rows"),
    "two of an id": ("qwen", set_model("vocab", {"a": 1, "b": 1}), "has the id 1 twice"),
    "added token": ("qwen", set_part("added_tokens", [{"id": "x"}]), "'added_tokens' expects"),
    "behavior": (
        "qwen",
        lambda tokenizer: tokenizer["pre_tokenizer"]["pretokenizers"][0].update(behavior="Kept"),
        "pre_tokenizer 'Split' with the behavior 'Kept'",
    ),
    "split by nothing": (
        "qwen",
        lambda tokenizer: tokenizer["pre_tokenizer"]["pretokenizers"][0].update(
            pattern={"String": ""}
        ),
        "pre_tokenizer 'Split' but by a 'Regex' or a 'String'",
    ),
    "prefix behind": (
        "qwen",
        lambda tokenizer: tokenizer["pre_tokenizer"]["pretokenizers"][1].update(
            add_prefix_space=True
        ),
        "pre_tokenizer 'ByteLevel' with add_prefix_space behind another part",
    ),
    "metaspace twice": (
        "mistral-first",
        set_part("pre_tokenizer", sequence("pretokenizers", *[metaspace("first", True)] * 2)),
        "pre_tokenizer 'Metaspace' twice",
    ),
    "prepended twice": (
        "llama2", set_part("pre_tokenizer", metaspace("always", True)),
        "pre_tokenizer 'Metaspace' that prepends behind a normalizer 'Prepend'",
    ),
    "schemes": (
        "mistral-first",
        set_part("pre_tokenizer", metaspace("first", True) | {"add_prefix_space": False}),
        "without add_prefix_space and with the prepend_scheme 'first'",
    ),
    "behind metaspace": (
        "mistral-first",
        set_part("pre_tokenizer", sequence(
            "pretokenizers", {"type": "WhitespaceSplit"}, metaspace("first", True),
            {"type": "WhitespaceSplit"},
        )),
        "pre_tokenizer 'WhitespaceSplit' behind 'Metaspace' behind another part",
    ),
    "template": (
        "llama2", lambda tokenizer: tokenizer["post_processor"].update(special_tokens={}),
        "post_processor expects the id",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_bad_tokenizer(case: str, programs: Programs, tmp_path: Path) -> None:
    name, change, words = ERRORS[case]
    tokenizer = json.loads(json.dumps(VARIANTS[name]))
    change(tokenizer)
    model = write_model(tmp_path, tokenizer)
    message = programs.failure("winnow-compile", model, "-o", tmp_path / "artifact")
    assert "tokenizer.json: " in message and words in message
    assert artifact_files(tmp_path / "artifact") == []


def test_files_beside_the_tokenizer(programs: Programs, tmp_path: Path) -> None:
    model = write_model(tmp_path, VARIANTS["llama2"])
    (model / "tokenizer_config.json").write_text(
        json.dumps({
            "bos_token": {"content": "<s>"}, "eos_token": "</s>", "unk_token": None,
            "chat_template": [{"name": "default", "template": "{{ messages }}"}],
        })
    )  # fmt: skip
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 5]}))
    artifact = programs.compile(model, tmp_path / "artifact")
    data = Path(f"{artifact}.tokenizer").read_bytes()
    assert np.frombuffer(data, "<i4", 4, 20).tolist() == [1, 2, -1, -1]
    assert np.frombuffer(data, "<u4", 1, 52)[0] == 2
    assert data.endswith(b"{{ messages }}")
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": "x"}))
    message = programs.failure("winnow-compile", model, "-o", tmp_path / "other")
    assert "generation_config.json: eos_token_id expects" in message
