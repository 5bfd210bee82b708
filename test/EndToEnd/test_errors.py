"""Whatever is wrong: exit code 1, one line that says so, no output left."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from artifact import ABI_VERSION, Artifact, ArtifactError, Status
from conftest import ROOT
from damage import DAMAGES, damaged
from programs import Artifacts, Programs, artifact_files

IDS = "1,5,9"


@pytest.fixture(scope="module")
def model(tiny_paths: dict[str, Path]) -> Path:
    """A good checkpoint."""
    return tiny_paths["llama-f32"]


@pytest.fixture
def name(model: Path, artifacts: Artifacts, tmp_path: Path) -> Path:
    """A good artifact of its own, that a test may damage."""
    source = artifacts.get(model)
    for file in artifact_files(source):
        shutil.copy(file, tmp_path)
    return tmp_path / source.name


def suffixed(name: Path, suffix: str) -> Path:
    """NAME with a suffix."""
    return name.with_name(name.name + suffix)


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_checkpoint(case: str, model: Path, programs: Programs, tmp_path: Path) -> None:
    damage, words = DAMAGES[case]
    file = damaged(model, tmp_path / "damaged.gguf", damage)
    message = programs.failure("winnow-compile", file, "-o", tmp_path / "artifact")
    assert "damaged.gguf" in message
    for word in words:
        assert word in message
    assert artifact_files(tmp_path / "artifact") == []
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.gguf"]


def test_compile_without_checkpoint(programs: Programs, tmp_path: Path) -> None:
    missing = tmp_path / "missing.gguf"
    assert str(missing) in programs.failure("winnow-compile", missing, "-o", tmp_path / "a")
    programs.failure("winnow-compile", tmp_path, "-o", tmp_path / "a")


def test_compile_to_nowhere(model: Path, programs: Programs, tmp_path: Path) -> None:
    output = tmp_path / "no" / "such" / "folder" / "artifact"
    assert str(output) in programs.failure("winnow-compile", model, "-o", output)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [["--target-cpu=z80"], ["--context=-1"], ["--context=x"], ["--activations=f7"]]
)
def test_compile_with_bad_option(
    options: list[str], model: Path, programs: Programs, tmp_path: Path
) -> None:
    programs.failure("winnow-compile", model, "-o", tmp_path / "artifact", *options)
    assert artifact_files(tmp_path / "artifact") == []


def test_compile_with_misspelt_option(programs: Programs) -> None:
    message = programs.failure("winnow-compile", "model.gguf", "--wieghts=q4_k", "-o", "name")
    assert message == "unknown option '--wieghts=q4_k'; did you mean '--weights=q4_k'?"
    message = programs.failure("winnow-compile", "model.gguf", "--smaller", "-o", "name")
    assert message == "unknown option '--smaller'; see --help"


def test_compile_what_is_no_model(programs: Programs, tmp_path: Path) -> None:
    """A folder without a model, and a file in place of its folder."""
    name = tmp_path / "name"
    message = programs.failure("winnow-compile", tmp_path, "-o", name)
    assert message.startswith(f"'{tmp_path}' is no directory of Hugging Face: ")
    for file in ("config.json", "model.safetensors", "model.safetensors.index.json"):
        (tmp_path / file).write_text("{}")
        message = programs.failure("winnow-compile", tmp_path / file, "-o", name)
        assert message.endswith("is one file of a directory of Hugging Face; give the directory")


def test_run_without_artifact(name: Path, model: Path, programs: Programs, tmp_path: Path) -> None:
    """What is missing, and what was likely meant."""

    def message(given: Path | str) -> str:
        found = programs.failure("winnow-run", given, "--ids", IDS)
        prefix = f"cannot load the artifact: there is no '{given}.so'; "
        assert found.startswith(prefix)
        return found.removeprefix(prefix)

    missing = tmp_path / "missing"
    assert message(missing) == "NAME is what winnow-compile has behind -o"
    for suffix in (".so", ".weights", ".json"):
        assert message(suffixed(name, suffix)) == f"give '{name}', without extension"
    assert message(model) == f"'{model}' has to be compiled: winnow-compile '{model}' -o NAME"
    missing.with_name("missing.so").write_text("no library")
    assert "missing.so" in programs.failure("winnow-run", missing, "--ids", IDS)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 0.999])
def test_truncated_weights(share: float, name: Path, programs: Programs) -> None:
    weights = suffixed(name, ".weights")
    data = weights.read_bytes()
    weights.write_bytes(data[: int(len(data) * share)])
    assert weights.name in programs.failure("winnow-run", name, "--ids", IDS)


def test_weights_with_wrong_header(name: Path, programs: Programs) -> None:
    weights = suffixed(name, ".weights")
    data = bytearray(weights.read_bytes())
    data[:8] = (1 << 60).to_bytes(8, "little")
    weights.write_bytes(data)
    programs.failure("winnow-run", name, "--ids", IDS)
    data[:8] = (64).to_bytes(8, "little")
    weights.write_bytes(data)
    programs.failure("winnow-run", name, "--ids", IDS)


def test_weights_of_another_model(
    name: Path, tiny_paths: dict[str, Path], artifacts: Artifacts, programs: Programs
) -> None:
    other = artifacts.get(tiny_paths["qwen2-f32"])
    shutil.copy(suffixed(other, ".weights"), suffixed(name, ".weights"))
    programs.failure("winnow-run", name, "--ids", IDS)
    with pytest.raises(ArtifactError) as raised:
        Artifact(name)
    assert raised.value.status == Status.MISMATCH


def test_verify_finds_a_changed_byte(name: Path) -> None:
    with Artifact(name) as artifact:
        artifact.verify()
    weights = suffixed(name, ".weights")
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(data)
    with Artifact(name) as artifact, pytest.raises(ArtifactError):
        artifact.verify()


def test_caller_of_another_abi_version(name: Path) -> None:
    with pytest.raises(ArtifactError) as raised:
        Artifact(name, abi_version=ABI_VERSION + 1)
    assert raised.value.status == Status.ABI_MISMATCH


def test_library_of_another_abi_version(name: Path, programs: Programs) -> None:
    source = f"""
#include "winnow/Artifact.h"
const winnow_api *{name.name}_winnow_api(void) {{
  static winnow_api api = {{WINNOW_ABI_VERSION + 1, sizeof(winnow_api)}};
  return &api;
}}
"""
    library = suffixed(name, ".so")
    command = ["clang-22", "-shared", "-fPIC", "-x", "c", "-", "-I", ROOT / "include", "-o"]
    subprocess.run([*command, library], input=source, text=True, check=True)
    assert "ABI" in programs.failure("winnow-run", name, "--ids", IDS)


def test_library_that_is_none(name: Path, programs: Programs) -> None:
    suffixed(name, ".so").write_text("no library\n")
    programs.failure("winnow-run", name, "--ids", IDS)


@pytest.mark.parametrize("ids", ["1,77", "-1", "2147483648", "x", "1,,2", ""])
def test_bad_ids(ids: str, name: Path, programs: Programs, tmp_path: Path) -> None:
    output = tmp_path / "logits.npy"
    programs.failure("winnow-run", name, f"--ids={ids}", "--logits", output)
    assert not output.exists()


def test_context_overrun(
    model: Path, artifacts: Artifacts, programs: Programs, tmp_path: Path
) -> None:
    name = artifacts.get(model, "--context=32")
    output = tmp_path / "logits.npy"
    ids = ",".join(["5"] * 33)
    programs.failure("winnow-run", name, "--ids", ids, "--logits", output)
    assert not output.exists()
    with Artifact(name) as artifact, artifact.session() as session:
        assert artifact.info().context == 32
        expected = session.prefill([5] * 32)
        with pytest.raises(ArtifactError) as raised:
            session.decode(5)
        assert raised.value.status == Status.CONTEXT_OVERRUN
        # The session is as before the call that failed.
        assert session.length == 32
        session.truncate(31)
        assert (session.decode(5) == expected[-1:]).all()


def test_unwritable_logits(name: Path, programs: Programs, tmp_path: Path) -> None:
    output = tmp_path / "no" / "folder" / "logits.npy"
    assert str(output) in programs.failure("winnow-run", name, "--ids", IDS, "--logits", output)


@pytest.mark.skipif(
    "amx_int8" in Path("/proc/cpuinfo").read_text(), reason="this processor has AMX"
)
def test_processor_without_the_instructions(
    model: Path, artifacts: Artifacts, programs: Programs
) -> None:
    name = artifacts.get(model, "--target-cpu=sapphirerapids")
    assert "amx" in programs.failure("winnow-run", name, "--ids", IDS).lower()
    with pytest.raises(ArtifactError) as raised:
        Artifact(name)
    assert raised.value.status == Status.UNSUPPORTED_CPU
