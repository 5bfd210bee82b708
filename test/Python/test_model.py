"""winnow.load, passes and winnow.compile."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import winnow
from make_tiny_models import VOCABULARY
from programs import Programs, artifact_files
from winnow._compiler_api import compiler_api

FAILING = """
func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x64xf32> {winnow.name = "y", winnow.dims = ["T"]}) attributes {winnow.entry} {
  %y = "some.op"(%x) : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
"""


@pytest.fixture
def model(tiny_paths: dict[str, Path]) -> winnow.Model:
    """A model that compiles quickly."""
    return winnow.load(tiny_paths["qwen3-f32"])


@pytest.fixture
def quantized(tiny_paths: dict[str, Path]) -> winnow.Model:
    """A model whose activations are rounded by default."""
    return winnow.load(tiny_paths["gemma3-k-quants"])


def test_version() -> None:
    assert compiler_api().version().decode() == winnow.__version__


def test_attributes(quantized: winnow.Model) -> None:
    assert quantized.architecture == "gemma3"
    assert quantized.name == "gemma3-k-quants"
    assert (quantized.layers, quantized.width, quantized.vocabulary) == (7, 256, VOCABULARY)
    assert quantized.context == quantized.trained_context == 256
    assert quantized.tokenizer.encode("the than") == [1, 70, 74, 75]


def test_ir_is_what_winnow_compile_prints(
    model: winnow.Model, programs: Programs, tmp_path: Path
) -> None:
    programs.compile(model.path, tmp_path / "model.mlir", "--emit=mlir")
    assert model.ir() == (tmp_path / "model.mlir").read_text()


@pytest.mark.parametrize(
    "passes",
    ["winnow-compress", "builtin.module(winnow-compress)", " builtin.module(cse,winnow-compress) "],
)
def test_passes(quantized: winnow.Model, passes: str) -> None:
    assert "winnow.recode" not in quantized.ir()
    quantized.run_pipeline(passes)
    assert "winnow.recode" in quantized.ir()


@pytest.mark.parametrize(
    "passes", ["no-such-pass", "builtin.module(cse", "cse,", ")", "\0", "cse{x=1}"]
)
def test_passes_that_make_no_sense(model: winnow.Model, passes: str) -> None:
    before = model.ir()
    with pytest.raises(winnow.InvalidArgumentError):
        model.run_pipeline(passes)
    assert model.ir() == before


def test_passes_that_fail_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(
        FAILING.replace('"some.op"', "tensor.cast").replace(
            "(%x) : (tensor<?x64xf32>) -> tensor<?x64xf32>",
            " %x : tensor<?x64xf32> to tensor<?x64xf32>",
        )
    )
    heard: list[tuple[str, str]] = []
    model = winnow.load(path, diagnostic=lambda *report: heard.append(report))
    before = model.ir()
    with pytest.raises(winnow.CompilationError) as raised:
        # The function has become another one, so lowering it again is an error.
        model.run_pipeline("winnow-lower-to-cpu,winnow-lower-to-cpu")
    assert model.ir() == before
    assert ("error", str(raised.value)) in heard


def test_programs_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(FAILING)
    with pytest.raises(winnow.BadModelError, match=r"program\.mlir:4:"):
        winnow.load(path)
    path.write_text("")
    assert winnow.load(path).layers == 0


def test_loading_what_is_not_there(tmp_path: Path, tiny_paths: dict[str, Path]) -> None:
    with pytest.raises(winnow.FileError, match=r"none\.gguf"):
        winnow.load(tmp_path / "none.gguf")
    with pytest.raises(winnow.BadModelError, match=tmp_path.name):
        winnow.load(tmp_path)
    for path in ("", "a\0b"):
        with pytest.raises(winnow.InvalidArgumentError):
            winnow.load(path)
    for context in (0, -1, 1.5, "4", 2**70, True):
        with pytest.raises(winnow.InvalidArgumentError):
            winnow.load(tiny_paths["llama-f32"], context=context)  # type: ignore[arg-type]
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 100)
    with pytest.raises(winnow.BadModelError, match=r"bad\.gguf") as raised:
        winnow.load(tmp_path / "bad.gguf")
    assert raised.value.status == 3


def test_compiled_files_are_those_of_winnow_compile(
    model: winnow.Model, programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    winnow.compile(model, tmp_path / "ours" / "model", activations="f32", target="x86-64-v3")
    programs.compile(
        model.path, tmp_path / "theirs" / "model", "--activations=f32", "--target-cpu=x86-64-v3"
    )
    ours, theirs = (artifact_files(tmp_path / side / "model") for side in ("ours", "theirs"))
    assert [path.name for path in ours] == [path.name for path in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_remarks(quantized: winnow.Model, tmp_path: Path) -> None:
    quantized.compile(tmp_path / "model.mlir", emit="compressed", remarks=tmp_path / "remarks.yaml")
    assert "winnow.recode" in (tmp_path / "model.mlir").read_text()
    assert (tmp_path / "remarks.yaml").read_text().startswith("---")


def test_other_outputs(model: winnow.Model, tmp_path: Path) -> None:
    path = model.compile(tmp_path / "model.ll", emit="llvm")
    assert "define" in path.read_text()
    model.compile(tmp_path / "static", emit="static")
    assert (tmp_path / "static.a").exists()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"target": "z80"}, "z80"),
        ({"target": "a\0b"}, "target"),
        ({"activations": "f7"}, "f7"),
        ({"emit": "exe"}, "exe"),
        ({"threads": -1}, "threads"),
        ({"threads": 0}, "threads"),
    ],
)
def test_bad_options(
    model: winnow.Model, options: dict[str, object], word: str, tmp_path: Path
) -> None:
    with pytest.raises(winnow.InvalidArgumentError, match=word):
        model.compile(tmp_path / "model", **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_compiling_to_nowhere(model: winnow.Model, tmp_path: Path) -> None:
    with pytest.raises(winnow.FileError, match="no/folder"):
        model.compile(tmp_path / "no" / "folder" / "model")


def test_progress_is_told_and_can_stop(model: winnow.Model, tmp_path: Path) -> None:
    steps: list[tuple[str, float]] = []
    winnow.compile(model, tmp_path / "model", progress=lambda *step: steps.append(step))
    names = list(dict.fromkeys(step for step, _ in steps))
    assert names == ["lowering", "generating code", "writing weights", "linking"]
    shares = [done for step, done in steps if step == "writing weights"]
    assert shares == sorted(shares) and shares[-1] == 1

    for stop in names:

        def interrupt(step: str, done: float, stop: str = stop) -> None:
            if step == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            model.compile(tmp_path / "stopped", progress=interrupt)
        assert artifact_files(tmp_path / "stopped") == []
    # The model is as good as before.
    assert winnow.compile(model, tmp_path / "model").vocabulary == VOCABULARY


def test_closed_model(model: winnow.Model, tmp_path: Path) -> None:
    with model:
        pass
    assert model.closed
    for use in (
        model.ir,
        lambda: model.layers,
        lambda: model.tokenizer,
        lambda: model.run_pipeline("cse"),
        lambda: model.compile(tmp_path / "model"),
    ):
        with pytest.raises(winnow.ClosedError):
            use()
    model.close()


def test_models_in_two_threads(tiny_paths: dict[str, Path], tmp_path: Path) -> None:
    """Two models are compiled at the same time, and one is printed by both."""
    shared = winnow.load(tiny_paths["llama-f32"])
    expected = shared.ir()
    names = ("qwen2-f32", "qwen3-f32")
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            winnow.compile(tiny_paths[name], tmp_path / name)
            assert all(shared.ir() == expected for _ in range(20))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for name in names:
        assert winnow.Artifact(tmp_path / name).architecture == name.split("-")[0]
