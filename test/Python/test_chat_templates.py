"""Chat templates: against Jinja's text, and winnow-run's conversations."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

import winnow
from conftest import ROOT
from programs import Artifacts, Programs
from test_chat import with_template

GOLDEN = ROOT / "test" / "Golden" / "chat" / "chat.json"


def test_texts_are_those_of_jinja(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    record = json.loads(GOLDEN.read_text())
    assert len(record["cases"]) > 300
    for case in record["cases"]:
        arguments = {
            "bos": "<s>",
            "eos": "</s>",
            "add_generation_prompt": case["add_generation_prompt"],
            "now": record["now"],
        }
        if isinstance(case["expected"], str):
            text = winnow.render_chat(case["template"], case["messages"], **arguments)
            assert text == case["expected"], case["name"]
        else:
            with pytest.raises(winnow.InvalidArgumentError, match="chat template"):
                winnow.render_chat(case["template"], case["messages"], **arguments)


def test_conversation(
    programs: Programs, artifacts: Artifacts, tiny_paths: dict[str, Path], tmp_path: Path
) -> None:
    """Says what winnow-run says."""
    name = programs.compile(tiny_paths["llama-f32"], tmp_path / "model")
    template = (
        "{{ bos_token }}{% for m in messages %}{{ m.role[0] + ':' + m.content + '|' }}{% endfor %}"
        "{% if add_generation_prompt %}a:{% endif %}"
    )
    with_template(Path(f"{name}.tokenizer"), template)
    run = subprocess.run(
        [programs.directory / "winnow-run", name, "--chat", "-n", "12", "--ignore-eos"],
        input=b"hello\n",
        capture_output=True,
        check=True,
    )
    with winnow.Artifact(name) as artifact, artifact.session() as session:
        tokenizer = artifact.tokenizer
        assert isinstance(tokenizer, winnow.Tokenizer)
        messages = [{"role": "user", "content": "hello"}]
        assert tokenizer.apply_chat_template(messages) == "<s>u:hello|a:"
        ids = tokenizer.encode_chat(messages)
        assert ids == [1, *tokenizer.encode("u:hello|a:", bos=False)]
        reply = session.generate(ids, 12, ignore_eos=True)
    assert reply.text == run.stdout.decode().removesuffix("\n")


def test_errors(artifacts: Artifacts, tiny_paths: dict[str, Path]) -> None:
    for messages, message in (
        ([{"role": "user"}], "a role and a content"),
        (["hello"], "a role and a content"),
        ([{"role": "user", "content": 1}], "content expects text"),
    ):
        with pytest.raises(winnow.InvalidArgumentError, match=message):
            winnow.render_chat("", messages)  # type: ignore[arg-type]
    with pytest.raises(winnow.InvalidArgumentError, match="line 2: unknown block 'fi'"):
        winnow.render_chat("\n{% fi %}", [])
    tokenizer = winnow.Artifact(artifacts.get(tiny_paths["llama-f32"])).tokenizer
    assert isinstance(tokenizer, winnow.Tokenizer)
    with pytest.raises(winnow.UnsupportedError, match="no chat template"):
        tokenizer.apply_chat_template([])
