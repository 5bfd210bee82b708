"""winnow-run --chat: turns, commands and interrupts on a small model."""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import gguf
import pytest

from programs import Artifacts, Programs

TEMPLATE = (
    "{% for m in messages %}{{ m.role[0] + ':' + m.content + '|' }}{% endfor %}"
    "{% if add_generation_prompt %}a:{% endif %}"
)
LENGTH = ("-n", "12", "--ignore-eos")


def with_template(path: Path, template: str) -> None:
    """Gives a NAME.tokenizer file without a chat template one (TokenizerData.h):
    it is the last string."""
    file = bytearray(path.read_bytes())
    pieces, extras, _, expressions, _, size = struct.unpack_from("<6I", file, 36)
    last = 60 + 4 * (pieces + extras + expressions + 1)
    assert struct.unpack_from("<I", file, last)[0] == size
    text = template.encode()
    struct.pack_into("<I", file, last, size + len(text))
    struct.pack_into("<I", file, 56, size + len(text))
    path.write_bytes(bytes(file) + text)


@pytest.fixture(scope="module")
def model(
    artifacts: Artifacts, tiny_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model that can chat, with room for replies that take a while."""
    folder = tmp_path_factory.mktemp("chat")
    file = folder / "long.gguf"
    shutil.copy(tiny_paths["llama-f32"], file)
    context = gguf.GGUFReader(file, "r+").fields["llama.context_length"]
    context.parts[context.data[0]][0] = 16384
    plain = artifacts.get(file)
    name = folder / plain.name
    for suffix in (".so", ".weights", ".tokenizer"):
        shutil.copy(f"{plain}{suffix}", f"{name}{suffix}")
    with_template(Path(f"{name}.tokenizer"), TEMPLATE)
    return name


def talk(programs: Programs, model: Path, lines: str, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [programs.directory / "winnow-run", model, "--chat", *options],
        input=lines.encode(),
        capture_output=True,
        check=False,
        timeout=60,
    )


def continued(programs: Programs, model: Path, prompt: str) -> bytes:
    """What the model says after a text, in a session of its own."""
    run = subprocess.run(
        [programs.directory / "winnow-run", model, "--prompt", prompt, *LENGTH],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return run.stdout


def test_turns(programs: Programs, model: Path) -> None:
    """Each reply is what the model says to the whole conversation; a session that
    was kept from turn to turn changes nothing."""
    first = continued(programs, model, "s:Be.|u:hello|a:")
    history = "s:Be.|u:hello|a:" + first.decode() + "|u:again|a:"
    second = continued(programs, model, history)
    run = talk(programs, model, "hello\nagain\n/reset\n\nhello\n", "--system", "Be.", *LENGTH)
    assert run.returncode == 0, run.stderr
    assert run.stdout == first + b"\n" + second + b"\n" + first + b"\n"
    assert talk(programs, model, "/exit\nhello\n", *LENGTH).stdout == b""


def test_interrupt(programs: Programs, model: Path) -> None:
    """An interrupt ends a reply, not the conversation."""
    process = subprocess.Popen(
        [programs.directory / "winnow-run", model, "--chat", "--ignore-eos"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"hello\n")
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.stdin.write(b"/reset\n/exit\n")
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_errors(programs: Programs, model: Path, tmp_path: Path) -> None:
    name = tmp_path / model.name
    for suffix in (".so", ".weights", ".tokenizer"):
        shutil.copy(f"{model}{suffix}", f"{name}{suffix}")
    plain = Path(f"{name}.tokenizer")

    def message(lines: str, *options: str) -> str:
        run = talk(programs, name, lines, *options)
        assert run.returncode == 1
        return run.stderr.decode().removeprefix("winnow-run: error: ").strip()

    assert "too many for a context of 4; /reset begins anew" in message("hello\n", "--context", "4")
    plain.write_bytes(plain.read_bytes().replace(b"m.role[0]", b"m.role.ab"))
    assert message("hello\n") == "chat template, line 1: 'ab' is undefined"
    plain.write_bytes(plain.read_bytes().replace(b"{% if", b"{% fi"))
    assert message("hello\n") == "chat template, line 1: unknown block 'fi'"
    assert (
        message("x\n", "--prompt", "x")
        == "--chat goes with no prompt, session, --logits or --profile"
    )


def test_without_template(
    programs: Programs, artifacts: Artifacts, tiny_paths: dict[str, Path]
) -> None:
    name = artifacts.get(tiny_paths["llama-f32"])
    message = programs.failure("winnow-run", name, "--chat")
    assert message.startswith(f"the checkpoint of '{name}' has no chat template: ")
