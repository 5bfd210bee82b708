"""Artifacts, sessions and generation."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import winnow
from fetch_gemma import gemma_path
from make_tiny_models import VOCABULARY
from programs import Artifacts, Programs, artifact_files

IDS = [1, 5, 9, 40, 71]
TEXT = "the than on a tin"


@pytest.fixture
def name(tiny_paths: dict[str, Path], artifacts: Artifacts) -> Path:
    return artifacts.get(tiny_paths["gemma3-k-quants"])


@pytest.fixture
def artifact(name: Path) -> winnow.Artifact:
    return winnow.Artifact(name)


@pytest.fixture
def session(artifact: winnow.Artifact) -> winnow.Session:
    return artifact.session(threads=1)


# What an artifact says.


def test_artifact(artifact: winnow.Artifact, name: Path) -> None:
    assert artifact.path == name
    assert artifact.name == name.name
    assert artifact.architecture == "gemma3"
    assert (artifact.vocabulary, artifact.context, artifact.layers) == (VOCABULARY, 256, 7)
    assert artifact.weight_bytes == Path(f"{name}.weights").stat().st_size
    assert artifact.manifest["source"] == "gemma3-k-quants.gguf"
    entry = artifact.entries["forward"]
    assert entry.outputs[0].dtype == np.float32
    assert entry.outputs[0].shape[-1] == VOCABULARY
    artifact.verify()
    tokenizer = artifact.tokenizer
    assert (len(tokenizer), tokenizer.bos, tokenizer.eos) == (VOCABULARY, 1, 2)
    assert tokenizer.ends(2) and not tokenizer.ends(1)


# Numbers.


@pytest.mark.parametrize("threads", [1, 3])
def test_logits_are_those_of_winnow_run(
    artifact: winnow.Artifact, name: Path, programs: Programs, tmp_path: Path, threads: int
) -> None:
    ids = np.random.default_rng(7).integers(3, VOCABULARY, 60).tolist()
    expected = programs.logits(name, ids, tmp_path / "logits.npy")
    with winnow.Session(artifact, threads=threads) as session:
        session.prefill(ids[:41], rows="all")
        np.testing.assert_array_equal(session.logits, expected[:41])
        session.prefill(np.array(ids[41:50], np.int64))
        np.testing.assert_array_equal(session.logits, expected[49:50])
        for index in range(50, 60):
            session.decode(ids[index])
            np.testing.assert_array_equal(session.logits, expected[index : index + 1])
        assert session.length == 60
        session.truncate(30)
        assert session.logits.shape == (0, VOCABULARY)
        session.prefill(ids[30:], positions=range(30, 60), segments=[0] * 30)
        np.testing.assert_array_equal(session.logits, expected[-1:])
        session.reset()
        session.prefill(ids, rows="none")
        assert session.logits.shape == (0, VOCABULARY)
        assert session.length == 60


def test_logits_are_not_copied(session: winnow.Session) -> None:
    session.prefill(IDS)
    first, second = session.logits, session.logits
    assert np.shares_memory(first, second)
    assert first.ctypes.data == second.ctypes.data
    assert not first.flags.owndata and not first.flags.writeable
    with pytest.raises(ValueError):
        first[0, 0] = 0
    kept = first.copy()
    session.prefill([4] * 200, rows="all")
    np.testing.assert_array_equal(first[0], session.logits[0])
    assert not np.array_equal(first, kept)


def test_logits_outlive_everything(name: Path) -> None:
    """An array keeps the memory that it shows, whatever is closed or forgotten."""
    artifact = winnow.Artifact(name)
    session = artifact.session()
    session.prefill(IDS)
    logits = session.logits
    kept = logits.copy()
    session.close()
    artifact.close()
    del session, artifact
    gc.collect()
    np.testing.assert_array_equal(logits, kept)
    row = logits[0][::2]
    del logits
    gc.collect()
    np.testing.assert_array_equal(row, kept[0][::2])


def test_memory_is_given_back(name: Path) -> None:
    """Sessions and artifacts that are closed leave no mapping behind."""

    def mapped() -> int:
        return sum(name.name in line for line in Path("/proc/self/maps").read_text().splitlines())

    before = mapped()
    artifact = winnow.Artifact(name)
    session = artifact.session()
    session.prefill(IDS)
    logits = session.logits
    session.close()
    artifact.close()
    assert mapped() > before
    del logits
    gc.collect()
    # The tokenizer was not opened.
    assert mapped() == before


# Generation.


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ignore_eos": True},
        {"temperature": 0.8, "seed": 7},
        {"temperature": 2.0, "top_k": 9},
        {"temperature": 1.0, "top_p": 0.7},
        {"temperature": 1.5, "top_k": 40, "top_p": 0.9, "min_p": 0.05, "seed": 2**62},
        {"temperature": 1.0, "stop": ["t", "an"]},
        {"stop": " the"},
    ],
)
@pytest.mark.parametrize("prompt", [IDS, TEXT])
def test_generation_is_that_of_winnow_run(
    session: winnow.Session,
    name: Path,
    programs: Programs,
    prompt: list[int] | str,
    options: dict[str, Any],
) -> None:
    arguments = (
        ["--prompt", prompt] if isinstance(prompt, str) else ["--ids", ",".join(map(str, prompt))]
    )
    for option, value in options.items():
        flag = "--" + option.replace("_", "-")
        for text in value if isinstance(value, list) else [value]:
            arguments += [flag] if value is True else [flag, str(text)]
    printed = programs.execute("winnow-run", name, *arguments, "-n", 60)
    assert printed.returncode == 0, printed.stderr

    tokens: list[winnow.Token] = []
    result = session.generate(prompt, 60, on_token=tokens.append, **options)
    assert [token.id for token in tokens] == result.ids
    assert "".join(token.text for token in tokens) == result.text
    if isinstance(prompt, str):
        assert result.text == printed.stdout
        count = int(printed.stderr.split("then ")[1].split()[0])
        assert len(result.ids) == count
    else:
        assert ",".join(map(str, result.ids)) == printed.stdout.strip()
    assert (result.reason == "length") == (len(result.ids) == 60 and result.reason != "stop")


def test_stream(session: winnow.Session) -> None:
    expected = session.generate(IDS, 10, ignore_eos=True)
    session.reset()
    stream = session.stream(IDS, 10, ignore_eos=True)
    assert session.length == len(IDS)
    first = next(stream)
    assert first.id == expected.ids[0]
    assert stream.result().ids == expected.ids[:1]
    assert [first.id, *(token.id for token in stream)] == expected.ids
    assert stream.result() == expected
    assert session.length == len(IDS) + 9
    assert list(stream) == []


def test_generation_goes_on(session: winnow.Session) -> None:
    """A prompt in two parts gives what the whole gives."""
    whole = session.generate([*IDS, 7, 8], 8)
    session.reset()
    session.prefill(IDS, rows="none")
    assert session.generate([7, 8], 8) == whole
    # Text that goes on gets no beginning of sequence.
    before = session.length
    session.generate("the", 1)
    assert session.length == before + len(session.artifact.tokenizer.encode("the", bos=False))


def test_default_count_is_what_fits(artifact: winnow.Artifact) -> None:
    with artifact.session(context=20) as session:
        assert session.context == 20
        result = session.generate(IDS, ignore_eos=True)
        assert len(result.ids) == 16 and session.length == 20
        with pytest.raises(winnow.ContextOverrunError):
            session.generate(IDS)
    with artifact.session() as session:
        assert len(session.generate(IDS, ignore_eos=True).ids) == 128
        assert session.generate([4], 0).ids == []


def test_sampler() -> None:
    logits = np.array([0, 3, 3, -np.inf], np.float32)
    assert winnow.Sampler().sample(logits) == 1
    drawn = winnow.Sampler(1.0, seed=3)
    assert {drawn.sample(logits) for _ in range(200)} == {0, 1, 2}
    assert {winnow.Sampler(1.0, top_k=1, seed=seed).sample(logits) for seed in range(50)} == {1}
    for bad in (
        {"temperature": -1},
        {"temperature": float("nan")},
        {"temperature": "x"},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"top_k": -1},
        {"top_k": 1.5},
        {"seed": -1},
    ):
        with pytest.raises(winnow.InvalidArgumentError):
            winnow.Sampler(**bad)  # type: ignore[arg-type]
    with pytest.raises(winnow.Error, match="not numbers"):
        winnow.Sampler().sample(np.array([0, np.nan], np.float32))
    for array in (np.zeros(4), np.zeros((1, 4), np.float32), "text"):
        with pytest.raises(winnow.InvalidArgumentError):
            winnow.Sampler().sample(array)
    with pytest.raises(winnow.Error):
        winnow.Sampler().sample(np.zeros(0, np.float32))


# What is refused.


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.prefill([]), winnow.InvalidArgumentError),
        (lambda s: s.prefill([VOCABULARY]), winnow.TokenRangeError),
        (lambda s: s.prefill([-1]), winnow.TokenRangeError),
        (lambda s: s.prefill([2**40]), winnow.InvalidArgumentError),
        (lambda s: s.prefill([2**70]), winnow.InvalidArgumentError),
        (lambda s: s.prefill([1.0]), winnow.InvalidArgumentError),
        (lambda s: s.prefill([True]), winnow.InvalidArgumentError),
        (lambda s: s.prefill(["a"]), winnow.InvalidArgumentError),
        (lambda s: s.prefill("text"), winnow.InvalidArgumentError),
        (lambda s: s.prefill(None), winnow.InvalidArgumentError),
        (lambda s: s.prefill([[1, 2], [3]]), winnow.InvalidArgumentError),
        (lambda s: s.prefill(np.zeros((2, 2), np.int32)), winnow.InvalidArgumentError),
        (lambda s: s.prefill([1] * 257), winnow.ContextOverrunError),
        (lambda s: s.prefill([1], rows="some"), winnow.InvalidArgumentError),
        (lambda s: s.prefill([1, 2], positions=[0]), winnow.InvalidArgumentError),
        (lambda s: s.prefill([1], positions=[256]), winnow.InvalidArgumentError),
        (lambda s: s.prefill([1], segments=[0, 1]), winnow.InvalidArgumentError),
        (lambda s: s.decode(VOCABULARY), winnow.TokenRangeError),
        (lambda s: s.decode(1.0), winnow.InvalidArgumentError),
        (lambda s: s.decode(2**31), winnow.InvalidArgumentError),
        (lambda s: s.truncate(6), winnow.InvalidArgumentError),
        (lambda s: s.truncate(-1), winnow.InvalidArgumentError),
        (lambda s: s.generate([]), winnow.InvalidArgumentError),
        (lambda s: s.generate([1], 1000), winnow.ContextOverrunError),
        (lambda s: s.generate([1], -1), winnow.InvalidArgumentError),
        (lambda s: s.generate([1], 1, stop=""), winnow.InvalidArgumentError),
        (lambda s: s.generate([1], 1, stop=["a\0"]), winnow.InvalidArgumentError),
        (lambda s: s.generate("\ud800"), winnow.InvalidArgumentError),
        (lambda s: s.invoke("backward"), winnow.UnsupportedError),
        (lambda s: s.artifact.session(threads=0), winnow.InvalidArgumentError),
        (lambda s: s.artifact.session(threads=2000), winnow.InvalidArgumentError),
        (lambda s: s.artifact.session(context=257), winnow.InvalidArgumentError),
        (lambda s: s.artifact.session(piece=0), winnow.InvalidArgumentError),
    ],
)
def test_refused(session: winnow.Session, call: Any, error: type[winnow.Error]) -> None:
    session.prefill(IDS)
    before = session.logits.copy()
    with pytest.raises(error):
        call(session)
    assert session.length == len(IDS)
    np.testing.assert_array_equal(session.logits, before)


def test_closed(artifact: winnow.Artifact) -> None:
    session = artifact.session()
    session.close()
    for use in (
        lambda: session.prefill(IDS),
        lambda: session.decode(1),
        lambda: session.logits,
        lambda: session.length,
        lambda: session.truncate(0),
        session.reset,
        lambda: session.generate(IDS),
        lambda: session.generate(TEXT),
    ):
        with pytest.raises(winnow.ClosedError):
            use()
    other = artifact.session()
    with artifact:
        pass
    for use in (artifact.session, artifact.verify):
        with pytest.raises(winnow.ClosedError):
            use()
    # It takes nothing away from sessions.
    other.prefill(IDS)
    assert other.length == len(IDS)
    assert "closed" in repr(session) and "5 of" in repr(other)


def test_files_that_are_no_artifact(name: Path, tmp_path: Path) -> None:
    with pytest.raises(winnow.FileError, match="none"):
        winnow.Artifact(tmp_path / "none")
    for file in artifact_files(name):
        shutil.copy(file, tmp_path)
    copy = tmp_path / name.name
    weights = copy.with_name(copy.name + ".weights")
    kept = weights.read_bytes()
    weights.write_bytes(kept[:1000])
    with pytest.raises(winnow.BadFileError):
        winnow.Artifact(copy)
    weights.write_bytes(kept[:-100] + bytes([kept[-100] ^ 1]) + kept[-99:])
    with winnow.Artifact(copy) as artifact, pytest.raises(winnow.BadFileError):
        artifact.verify()
    weights.unlink()
    with pytest.raises(winnow.FileError, match="weights"):
        winnow.Artifact(copy)
    copy.with_name(copy.name + ".so").rename(tmp_path / "renamed.so")
    with pytest.raises(winnow.BadFileError, match="renamed"):
        winnow.Artifact(tmp_path / "renamed")
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(winnow.FileError):
        winnow.Artifact(tmp_path / "text")


def test_files_of_two_builds(
    name: Path, tiny_paths: dict[str, Path], artifacts: Artifacts, tmp_path: Path
) -> None:
    other = artifacts.get(tiny_paths["qwen2-f32"])
    shutil.copy(f"{name}.so", tmp_path)
    shutil.copy(f"{other}.weights", tmp_path / f"{name.name}.weights")
    with pytest.raises(winnow.MismatchError):
        winnow.Artifact(tmp_path / name.name)


def test_without_tokenizer(name: Path, tmp_path: Path) -> None:
    for suffix in (".so", ".weights"):
        shutil.copy(f"{name}{suffix}", tmp_path)
    artifact = winnow.Artifact(tmp_path / name.name)
    with pytest.raises(winnow.UnsupportedError):
        _ = artifact.tokenizer
    session = artifact.session()
    with pytest.raises(winnow.UnsupportedError):
        session.generate("text")
    with pytest.raises(winnow.UnsupportedError):
        session.generate(IDS, stop="x")
    result = session.generate(IDS, 5)
    assert len(result.ids) == 5 and result.text is None


# Threads and processes.


def test_two_sessions_in_two_threads(artifact: winnow.Artifact) -> None:
    def compute(seed: int) -> list[int]:
        with artifact.session(threads=1 + seed) as session:
            return session.generate(IDS, 100, temperature=1.0, seed=seed, ignore_eos=True).ids

    alone = [compute(seed) for seed in range(2)]
    found: dict[int, list[list[int]]] = {0: [], 1: []}
    threads = [
        threading.Thread(
            target=lambda seed=seed: found[seed].extend(compute(seed) for _ in range(3))
        )
        for seed in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {seed: [alone[seed]] * 3 for seed in range(2)}


def test_two_artifacts_in_one_process(
    session: winnow.Session, tiny_paths: dict[str, Path], artifacts: Artifacts
) -> None:
    other = winnow.Artifact(artifacts.get(tiny_paths["qwen2-f32"])).session()
    apart = [s.generate(IDS, 20, ignore_eos=True).ids for s in (session, other)]
    session.reset()
    other.reset()
    streams = [s.stream(IDS, 20, ignore_eos=True) for s in (session, other)]
    together = [[token.id for token in tokens] for tokens in zip(*streams, strict=True)]
    assert [list(ids) for ids in zip(*together, strict=True)] == apart
    assert apart[0] != apart[1]


def test_closing_while_another_thread_computes(artifact: winnow.Artifact) -> None:
    ids = [5] * 250
    for _ in range(5):
        session = artifact.session(threads=2)
        started = threading.Event()

        def compute(session: winnow.Session = session, started: threading.Event = started) -> None:
            try:
                while True:
                    session.prefill(ids)
                    started.set()
                    session.reset()
            except winnow.ClosedError:
                pass

        thread = threading.Thread(target=compute)
        thread.start()
        started.wait()
        session.close()
        thread.join(timeout=60)
        assert not thread.is_alive()


def _use_after_fork(session: winnow.Session, queue: Any) -> None:
    try:
        session.prefill(IDS)
        queue.put("computed")
    except winnow.Error as error:
        queue.put(str(error))


def test_forked_processes_are_refused(session: winnow.Session) -> None:
    """A fork has no threads that could compute: an error, no deadlock."""
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_use_after_fork, args=(session, queue))
    process.start()
    assert "fork" in queue.get(timeout=60)
    process.join(timeout=60)
    assert process.exitcode == 0
    session.prefill(IDS)
    assert os.getpid() != process.pid


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"temperature": 0.9, "top_p": 0.9, "seed": 5}])
def test_gemma_writes_what_winnow_run_writes(
    artifacts: Artifacts, programs: Programs, options: dict[str, float]
) -> None:
    name = artifacts.get(gemma_path())
    flags = [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
    printed = programs.execute("winnow-run", name, "--prompt", "Once upon a", "-n", 40, *flags)
    with winnow.Artifact(name).session() as session:
        assert session.generate("Once upon a", 40, **options).text == printed.stdout


def test_prefill_prompt(artifact: winnow.Artifact) -> None:
    """An artifact that prunes nothing computes the prompt as any other."""
    assert not artifact.prunes_prompts
    with artifact.session() as session:
        session.prefill(IDS, "all")
        expected = session.logits.copy()
        session.reset()
        session.prefill_prompt(IDS, "all", span=(0, 2))
        np.testing.assert_array_equal(session.logits, expected)
        with pytest.raises(winnow.InvalidArgumentError, match="not within"):
            session.prefill_prompt(IDS, span=(0, len(IDS) + 1))
