"""Models in the compiler."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from ctypes import byref, c_void_p
from pathlib import Path
from typing import Any

from winnow._arrays import integer
from winnow._compiler_api import (
    DIAGNOSTIC,
    PROGRESS,
    SEVERITIES,
    WRITE,
    CalibrateOptions,
    LoadOptions,
    ModelInfo,
    Options,
    SearchOptions,
    call,
    compiler_api,
)
from winnow._libraries import ENCODING, Handle, encode_path, opened
from winnow.errors import CancelledError, InvalidArgumentError, UnsupportedError
from winnow.progress import ProgressFunction, make_progress
from winnow.tokenizer import Tokenizer

DiagnosticFunction = Callable[[str, str], object]
"""Takes a severity ("note", "warning", "error" or "remark") and a text with its
place in front."""


class Model:
    """A model in the compiler: its IR and the checkpoint that it names.

    Made by `winnow.load`. It is a context manager. Calls from several threads on
    the same model wait for each other.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        context: int | None = None,
        diagnostic: DiagnosticFunction | None = None,
    ) -> None:
        """See `winnow.load`."""
        api = compiler_api()
        encoded = encode_path(path, "path")
        report = DIAGNOSTIC(0) if diagnostic is None else _diagnostic_callback(diagnostic)
        options = LoadOptions(
            ctypes.sizeof(LoadOptions),
            0 if context is None else integer(context, "context", 1),
            report,
        )
        model = c_void_p()
        call(api.load, encoded, byref(options), byref(model))
        assert model.value
        self._api = api
        self._lock = threading.Lock()
        self._handle: Handle | None = Handle(model.value, api.release, report)
        self.path = Path(path)
        """The file that it was loaded from."""

    def _call(self, function: Any, *arguments: Any) -> None:
        handle = opened(self._handle, "model")
        with self._lock:
            call(function, handle.pointer, *arguments)

    def _info(self, field: str) -> Any:
        info = ModelInfo(ctypes.sizeof(ModelInfo))
        handle = opened(self._handle, "model")
        with self._lock:
            call(self._api.info, handle.pointer, byref(info))
            value = getattr(info, field)
        return value.decode(*ENCODING) if isinstance(value, bytes) else value

    @property
    def name(self) -> str:
        """As the checkpoint calls itself; "" for a plain program."""
        name: str = self._info("name")
        return name

    @property
    def architecture(self) -> str:
        """The family as the checkpoint spells it ("gemma3"); "" for a plain
        program, which has no other of these attributes either (0)."""
        architecture: str = self._info("architecture")
        return architecture

    @property
    def layers(self) -> int:
        """Transformer blocks."""
        layers: int = self._info("layers")
        return layers

    @property
    def width(self) -> int:
        """Elements of a token's vector between layers."""
        width: int = self._info("width")
        return width

    @property
    def vocabulary(self) -> int:
        """Ids are in [0, vocabulary)."""
        vocabulary: int = self._info("vocabulary")
        return vocabulary

    @property
    def context(self) -> int:
        """Tokens that a session of the compiled model can hold."""
        context: int = self._info("context")
        return context

    @property
    def trained_context(self) -> int:
        """Tokens that the model was trained for."""
        context: int = self._info("trained_context")
        return context

    @property
    def tokenizer(self) -> Tokenizer:
        """The checkpoint's vocabulary. Raises UnsupportedError where it has none."""
        content = self._written(self._api.tokenizer)
        if not content:
            raise UnsupportedError(f"'{self.path}' has no vocabulary")
        return Tokenizer.from_bytes(content)

    def ir(self) -> str:
        """The model in MLIR's textual form (docs/Dialect.md). Weights are names."""
        return self._written(self._api.print).decode(*ENCODING)

    def _written(self, function: Any) -> bytes:
        parts: list[bytes] = []
        write = WRITE(lambda _, data, size: parts.append(ctypes.string_at(data, size)))
        self._call(function, write, None)
        return b"".join(parts)

    def run_pipeline(self, passes: str) -> None:
        """Runs passes on the IR (docs/Passes.md), in the syntax of mlir-opt:
        "canonicalize,cse" or "builtin.module(...)".

        Raises InvalidArgumentError where `passes` does not parse, and
        CompilationError where a pass fails; the model is then as before.
        """
        if not isinstance(passes, str) or "\0" in passes:
            raise InvalidArgumentError(f"passes expects text, found {passes!r}")
        self._call(self._api.run_pipeline, passes.encode("utf-8", "replace"))

    def calibrate(
        self,
        texts: Sequence[str | os.PathLike[str]],
        statistics: str | os.PathLike[str],
        *,
        kinds: Sequence[str] = ("channels", "similarity"),
        only: str = "",
        window: int = 512,
        threads: int | None = None,
        progress: bool | ProgressFunction = True,
    ) -> Path:
        """Runs the model on texts and writes what lossy passes want to know of it.
        Returns `statistics`.

        Args:
            texts: files; a decoder reads each as a whole, an encoder its lines.
            statistics: the file to write, a safetensors archive
                (docs/Statistics.md): the same bytes for the same texts.
            kinds: some of "channels", "gram" (large: the square of each layer's
                width) and "similarity".
            only: a regular expression for names of weights and layers.
            window: tokens that a decoder sees together.
            threads, progress: see `compile`.

        Raises InvalidArgumentError, FileError or CompilationError.
        """
        paths = _paths(texts)
        options = CalibrateOptions(
            ctypes.sizeof(CalibrateOptions),
            0 if threads is None else integer(threads, "threads", 1, 2**31 - 1),
            paths,
            len(paths),
            _word(",".join(kinds), "kinds"),
            _word(only, "only"),
            integer(window, "window", 2, 2**31 - 1),
        )
        with _Progress(progress) as shown:
            options.progress = shown.callback
            output = encode_path(statistics, "statistics")
            self._call(self._api.calibrate, output, byref(options))
        return Path(statistics)

    def load_statistics(self, path: str | os.PathLike[str]) -> None:
        """Gives a file of `calibrate` to passes that run from now on.

        Raises FileError or CompilationError, the latter for statistics of another
        checkpoint.
        """
        self._call(self._api.load_statistics, encode_path(path, "path"))

    def search(
        self,
        budget: str,
        recipe: str | os.PathLike[str],
        *,
        formats: Sequence[str] = (),
        rounds: int = 12,
        target: str = "host",
        activations: str = "auto",
        threads: int | None = None,
        evaluate_on: Sequence[str | os.PathLike[str]] = (),
        progress: bool | ProgressFunction = True,
    ) -> Path:
        """Finds a recipe that keeps a budget and loses as little as possible, and
        returns `recipe`. Needs `load_statistics`; takes minutes.

        Args:
            budget: limits for the compiled model beside the plain one, such as
                "size=60%,time=0.7x,kl=0.02" (docs/Recipes.md).
            recipe: the file to write.
            formats: number formats to choose from; none: a usual choice.
            rounds: runs that are spent on making a plan better.
            evaluate_on: files of text; without any, what the statistics have.
            target, activations, threads, progress: see `compile`.

        Raises InvalidArgumentError, FileError or CompilationError, the latter
        where the budget cannot be kept.
        """
        search = SearchOptions(
            ctypes.sizeof(SearchOptions),
            integer(rounds, "rounds", 0, 2**31 - 1) or -1,
            _word(",".join(formats), "formats"),
        )
        options = _options(
            target=target, activations=activations, threads=threads, evaluate_on=evaluate_on
        )
        with _Progress(progress) as shown:
            options.progress = shown.callback
            self._call(
                self._api.search,
                _word(budget, "budget"),
                encode_path(recipe, "recipe"),
                byref(search),
                byref(options),
            )
        return Path(recipe)

    def compile(
        self,
        output: str | os.PathLike[str],
        *,
        target: str = "host",
        activations: str = "auto",
        weights: str = "keep",
        weights_only: str = "",
        weights_skip: str = "",
        recipe: str | os.PathLike[str] | None = None,
        emit: str = "artifact",
        threads: int | None = None,
        debug: bool = False,
        remarks: str | os.PathLike[str] | None = None,
        report: str | os.PathLike[str] | None = None,
        evaluate_on: Sequence[str | os.PathLike[str]] = (),
        progress: bool | ProgressFunction = True,
    ) -> Path:
        """Compiles the model, which stays as it is, and returns `output`.

        Files appear under their names when all are complete; a failure leaves
        none.

        Args:
            output: path of the artifact without an extension, or of the one
                file that `emit` asks for.
            target: "host", or a processor: "x86-64-v3", "x86-64-v4", "znver5",
                or another that LLVM knows.
            activations: "auto" rounds the inputs of linear layers to 8 bits
                where weights are integers; "f32" does not.
            weights: "keep", or the number format that matrices are stored in
                ("q8_0", "q4_k", ...: docs/WeightFormats.md).
            weights_only, weights_skip: regular expressions for names of the
                checkpoint, which matrices that is for and which not.
            recipe: a file of passes that change the model first
                (docs/Recipes.md).
            emit: "artifact" (.so .weights .h .json .tokenizer), "static" (.a for
                .so); or one file, a stage of the way: "mlir", "compressed",
                "inlined", "layouts", "kernels", "llvm-dialect", "llvm", "asm"
                or "obj".
            threads: that lay out weights; None: one per processor.
            debug: perf and gdb show lines of OUTPUT.kernels.mlir.
            remarks: a file for what passes say about their decisions (LLVM's
                YAML remarks).
            report: a file for what became of the model, a page (.html) or JSON
                (.json; docs/Reports.md).
            evaluate_on: files of text that passes of the recipe and the report
                measure on; without any, what loaded statistics have.
            progress: True shows a bar on a terminal (with tqdm where it is
                installed); a function is called with what is being done and how
                much of it, 0 to 1, from any thread, and stops the compilation
                by an exception.

        Raises InvalidArgumentError, FileError or CompilationError.
        """
        options = _options(
            target=target,
            activations=activations,
            emit=emit,
            threads=threads,
            debug=debug,
            remarks=remarks,
            weights=weights,
            weights_only=weights_only,
            weights_skip=weights_skip,
            recipe=recipe,
            report=report,
            evaluate_on=evaluate_on,
        )
        with _Progress(progress) as shown:
            options.progress = shown.callback
            self._call(self._api.compile, encode_path(output, "output"), byref(options))
        return Path(output)

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._handle is None

    def close(self) -> None:
        """Lets go of the model and its checkpoint. May be called again."""
        self._handle = None

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<winnow.Model '{self.path}'{', closed' if self.closed else ''}>"


def _diagnostic_callback(diagnostic: DiagnosticFunction) -> Any:
    def report(_: Any, severity: int, text: bytes) -> None:
        diagnostic(SEVERITIES[severity], text.decode(*ENCODING))

    return DIAGNOSTIC(report)


class _Progress:
    """A bar, or a function, that hears of a call's progress, and what it raises."""

    def __init__(self, progress: bool | ProgressFunction) -> None:
        self._advance, self._bar = make_progress(progress)
        self._raised: list[BaseException] = []
        # Also without a bar: it is where an interrupt arrives.
        self.callback = PROGRESS(self._forward)

    def _forward(self, _: Any, step: bytes, done: float) -> int:
        try:
            if self._advance is not None:
                self._advance(step.decode(*ENCODING), done)
        except BaseException as error:
            self._raised.append(error)
        return len(self._raised)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._raised and (kind is None or issubclass(kind, CancelledError)):
            raise self._raised[0]


def _paths(paths: Sequence[str | os.PathLike[str]]) -> Any:
    """An array of char pointers."""
    if isinstance(paths, str | os.PathLike):
        raise InvalidArgumentError(f"texts expects a list of files, found {paths!r}")
    return (ctypes.c_char_p * len(paths))(*(encode_path(path, "text") for path in paths))


def _options(
    *,
    target: str,
    activations: str,
    threads: int | None,
    evaluate_on: Sequence[str | os.PathLike[str]],
    emit: str = "artifact",
    debug: bool = False,
    remarks: str | os.PathLike[str] | None = None,
    weights: str = "keep",
    weights_only: str = "",
    weights_skip: str = "",
    recipe: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
) -> Options:
    """All but progress."""
    texts = _paths(evaluate_on)
    options = Options(
        ctypes.sizeof(Options),
        0 if threads is None else integer(threads, "threads", 1, 2**31 - 1),
        _word(target, "target"),
        _word(activations, "activations"),
        _word(emit, "emit"),
        bool(debug),
    )
    options.remarks = None if remarks is None else encode_path(remarks, "remarks")
    options.weights = _word(weights, "weights")
    options.weights_only = _word(weights_only, "weights_only")
    options.weights_skip = _word(weights_skip, "weights_skip")
    options.recipe = None if recipe is None else encode_path(recipe, "recipe")
    options.report = None if report is None else encode_path(report, "report")
    options.evaluate_texts = texts
    options.evaluate_text_count = len(texts)
    return options


def _word(value: str, what: str) -> bytes:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidArgumentError(f"{what} expects a word, found {value!r}")
    return value.encode("utf-8", "replace")
