"""Gemma 3 270M, a real checkpoint, against the NumPy forward pass over its
dequantized weights and against llama.cpp's recorded divergence from it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from comparison import kl_divergence, log_softmax, pieces
from conftest import ROOT
from fetch_gemma import gemma_path
from programs import Artifacts, Programs
from reference import Checkpoint, Transformer

pytestmark = pytest.mark.slow

GOLDEN = ROOT / "test" / "Golden" / "gemma"
PROMPTS = {
    prompt["name"]: prompt for prompt in json.loads((GOLDEN / "gemma.json").read_text())["prompts"]
}


@dataclass(frozen=True)
class Gemma:
    """The checkpoint, the reference, and its final states per prompt."""

    path: Path
    reference: Transformer
    hidden: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def gemma() -> Gemma:
    path = gemma_path()
    reference = Transformer(path)
    hidden = {name: reference.hidden(prompt["ids"]) for name, prompt in PROMPTS.items()}
    return Gemma(path, reference, hidden)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_reference_is_what_was_recorded(gemma: Gemma, prompt: str) -> None:
    with np.load(GOLDEN / "gemma.npz") as arrays:
        top, logits, log_sum = (arrays[f"{prompt}_{part}"] for part in ("top", "logits", "lse"))
    for piece in pieces(len(top)):
        actual = gemma.reference.logits(gemma.hidden[prompt][piece])
        kept = np.take_along_axis(actual, top[piece], axis=-1)
        np.testing.assert_allclose(kept, logits[piece], rtol=0, atol=2e-3)
        sums = kept[:, 0] - np.take_along_axis(log_softmax(actual), top[piece, :1], axis=-1)[:, 0]
        np.testing.assert_allclose(sums, log_sum[piece], rtol=0, atol=2e-3)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_exact_activations_agree_with_numpy(
    gemma: Gemma, prompt: str, programs: Programs, artifacts: Artifacts, tmp_path: Path
) -> None:
    name = artifacts.get(gemma.path, "--activations=f32")
    actual = programs.logits(name, PROMPTS[prompt]["ids"], tmp_path / "logits.npy")
    difference = largest = 0.0
    for piece in pieces(len(actual)):
        expected = gemma.reference.logits(gemma.hidden[prompt][piece])
        difference = max(difference, float(np.abs(actual[piece] - expected).max()))
        largest = max(largest, float(np.abs(expected).max()))
    print(f"{prompt}: off by {difference / largest:.1e} of the largest logit")
    assert difference <= 1e-3 * largest


@pytest.mark.parametrize("prompt", PROMPTS)
def test_exact_activations_generate_the_same(
    prompt: str, gemma: Gemma, programs: Programs, artifacts: Artifacts
) -> None:
    name = artifacts.get(gemma.path, "--activations=f32")
    expected = PROMPTS[prompt]["greedy"]
    assert programs.generate(name, PROMPTS[prompt]["ids"], len(expected)) == expected


def test_default_divergence_is_no_larger_than_llama_cpps(
    gemma: Gemma,
    programs: Programs,
    artifacts: Artifacts,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = artifacts.get(gemma.path)
    ours, theirs, lines = [], [], [f"{'prompt':>10} {'tokens':>6} {'Winnow':>10} {'llama.cpp':>10}"]
    for prompt, golden in PROMPTS.items():
        actual = programs.logits(name, golden["ids"], tmp_path / "logits.npy")
        rows = [
            kl_divergence(gemma.reference.logits(gemma.hidden[prompt][piece]), actual[piece])
            for piece in pieces(len(actual))
        ]
        ours.append(float(np.concatenate(rows).mean()))
        theirs.append(golden["llama_cpp_kl"])
        lines.append(f"{prompt:>10} {len(actual):>6} {ours[-1]:>10.3e} {theirs[-1]:>10.3e}")
    lines.append(f"{'mean':>10} {'':>6} {np.mean(ours):>10.3e} {np.mean(theirs):>10.3e}")
    with capsys.disabled():
        print("\nKL divergence from the float32 reference:", *lines, sep="\n")
    assert np.mean(ours) <= np.mean(theirs)


def test_weights_are_hardly_larger_than_the_tensors(gemma: Gemma, artifacts: Artifacts) -> None:
    name = artifacts.get(gemma.path)
    size = name.with_name(name.name + ".weights").stat().st_size
    assert size <= 1.05 * Checkpoint(gemma.path).tensor_bytes()


@pytest.mark.parametrize("mode", ["auto", "f32"])
def test_logits_are_bitwise_equal_however_computed(
    gemma: Gemma, artifacts: Artifacts, mode: str
) -> None:
    ids = PROMPTS["harbour"]["ids"][:150]
    with Artifact(artifacts.get(gemma.path, f"--activations={mode}")) as artifact:
        with artifact.session() as session:
            expected = session.prefill(ids)
        for threads, size in ((1, 1), (2, 7), (3, 64), (2, 150)):
            with artifact.session(threads=threads) as session:
                rows = [session.prefill(ids[at : at + size]) for at in range(0, len(ids), size)]
                actual = np.concatenate(rows)
            assert (actual.view(np.uint32) == expected.view(np.uint32)).all(), (threads, size)


# Starts a program from a small process, since the peak that is reported of a
# child includes the memory of the process that it was forked from.
MEASURE = """
import os, subprocess, sys, time
start = time.monotonic()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(status, time.monotonic() - start, usage.ru_maxrss * 1024)
"""


def test_compiles_within_a_gigabyte(gemma: Gemma, programs: Programs, tmp_path: Path) -> None:
    """And reports the seconds, which depend on the machine."""
    command = [programs.directory / "winnow-compile", gemma.path, "-o", tmp_path / "gemma"]
    output = subprocess.check_output([sys.executable, "-c", MEASURE, *command], text=True)
    status, seconds, peak = map(float, output.split())
    assert status == 0
    print(f"compiled in {seconds:.1f} s, peak {peak / 1e6:.0f} MB")
    assert peak <= 1e9


def test_opens_at_once(gemma: Gemma, artifacts: Artifacts) -> None:
    name = artifacts.get(gemma.path)
    code = (
        "import sys, time; from winnow import Artifact\n"
        "start = time.perf_counter(); Artifact(sys.argv[1])\n"
        "print(time.perf_counter() - start)"
    )
    folder = ROOT / "python"
    seconds = [
        float(subprocess.check_output([sys.executable, "-c", code, name], cwd=folder, text=True))
        for _ in range(5)
    ]
    assert min(seconds) <= 0.1


def test_writes_text(gemma: Gemma, programs: Programs, artifacts: Artifacts) -> None:
    """From the text of a prompt to the text of the recorded continuation."""
    name = artifacts.get(gemma.path, "--activations=f32")
    pieces_of_text = gemma.reference.checkpoint.metadata("tokenizer.ggml.tokens")
    expected = "".join(pieces_of_text[token] for token in PROMPTS["story"]["greedy"])
    prompt = (GOLDEN / "prompts" / "story.txt").read_text().removesuffix("\n")
    options = ("-n", len(PROMPTS["story"]["greedy"]), "--temperature", 0)
    result = programs.execute("winnow-run", name, "--prompt", prompt, *options)
    assert result.returncode == 0, result.stderr
    assert result.stdout.removesuffix("\n") == expected.replace("\N{LOWER ONE EIGHTH BLOCK}", " ")
