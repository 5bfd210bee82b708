"""What an artifact is made of and what the programs say of themselves."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from artifact import Artifact
from conftest import ROOT, Tiny
from programs import Artifacts, Programs
from reference import Checkpoint

ALLOWED_LIBRARIES = {"libc", "libm", "ld-linux-x86-64", "linux-vdso"}


@pytest.fixture(scope="module")
def name(tiny_paths: dict[str, Path], artifacts: Artifacts) -> Path:
    """An artifact."""
    return artifacts.get(tiny_paths["gemma3-k-quants"])


def suffixed(name: Path, suffix: str) -> Path:
    """NAME with a suffix."""
    return name.with_name(name.name + suffix)


def test_needs_nothing_but_libc_and_libm(name: Path) -> None:
    lines = subprocess.run(
        ["ldd", suffixed(name, ".so")], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    libraries = {Path(line.split()[0]).name.split(".so")[0] for line in lines}
    assert libraries <= ALLOWED_LIBRARIES


def test_exports_one_symbol(name: Path) -> None:
    lines = subprocess.run(
        ["nm", "--dynamic", "--defined-only", suffixed(name, ".so")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line.split()[-1] for line in lines] == [f"{name.name}_winnow_api"]


@pytest.mark.parametrize("language", ["c", "c++"])
def test_header_compiles(name: Path, language: str, tmp_path: Path) -> None:
    source = tmp_path / "user"
    source.write_text(
        f'#include "{suffixed(name, ".h")}"\n'
        f"const void *use(void) {{ return {name.name}_winnow_api(); }}\n"
    )
    standard = {"c": "-std=c99", "c++": "-std=c++11"}[language]
    subprocess.run(
        ["clang-22", "-x", language, standard, "-Wall", "-Wextra", "-Werror", "-pedantic"]
        + ["-fsyntax-only", "-I", ROOT / "include", source],
        check=True,
    )


def test_manifest_is_what_the_library_says(name: Path) -> None:
    manifest = json.loads(suffixed(name, ".json").read_text())
    with Artifact(name) as artifact:
        info = artifact.info()
        assert json.loads(info.manifest_json) == manifest
        assert info.architecture == b"gemma3"
        assert (info.vocabulary, info.layers, info.context) == (77, 7, 256)
        assert info.weight_bytes == suffixed(name, ".weights").stat().st_size


def test_weights_are_not_larger_than_the_checkpoint(tiny: Tiny, artifacts: Artifacts) -> None:
    """Tiny tensors are mostly padding, so the bound is loose: a second copy of
    the tied embedding or weights kept as float32 would still exceed it."""
    weights = suffixed(artifacts.get(tiny.path), ".weights").stat().st_size
    checkpoint = Checkpoint(tiny.path)
    padding = 64 * len(checkpoint.names()) + 16384
    assert weights <= 1.35 * checkpoint.tensor_bytes() + padding


@pytest.mark.parametrize("program", ["winnow-compile", "winnow-run"])
def test_version_and_help(program: str, programs: Programs) -> None:
    version = programs.execute(program, "--version")
    assert version.returncode == 0 and re.search(r"\d+\.\d+\.\d+", version.stdout)
    help_text = programs.execute(program, "--help")
    assert help_text.returncode == 0 and program in help_text.stdout


def test_inspect_names_layers_and_formats(name: Path, programs: Programs) -> None:
    result = programs.execute("winnow-run", name, "--inspect")
    assert result.returncode == 0
    for word in ("gemma3", "q4_k", "tq1_0"):
        assert word in result.stdout.lower()


def test_bench_prints_one_object(name: Path, programs: Programs) -> None:
    result = programs.execute(
        "winnow-run", name, "--bench", "--prefill", 32, "--decode", 8, "--threads", 1, "--json"
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    for key in (
        "prefill_tokens_per_second",
        "decode_tokens_per_second",
        "bytes_per_token",
        "read_bytes_per_second",
        "share_of_read_bandwidth",
        "load_seconds",
    ):
        assert report[key] > 0, key
