"""Models in the compiler."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from ctypes import byref, c_void_p
from pathlib import Path
from typing import Any

from winnow._arrays import integer
from winnow._compiler_api import (
    DIAGNOSTIC,
    PROGRESS,
    SEVERITIES,
    WRITE,
    LoadOptions,
    ModelInfo,
    Options,
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
            progress: True shows a bar on a terminal (with tqdm where it is
                installed); a function is called with what is being done and how
                much of it, 0 to 1, from any thread, and stops the compilation
                by an exception.

        Raises InvalidArgumentError, FileError or CompilationError.
        """
        advance, bar = make_progress(progress)
        raised: list[BaseException] = []

        def forward(_: Any, step: bytes, done: float) -> int:
            try:
                if advance is not None:
                    advance(step.decode(*ENCODING), done)
            except BaseException as error:
                raised.append(error)
            return len(raised)

        options = Options(
            ctypes.sizeof(Options),
            0 if threads is None else integer(threads, "threads", 1, 2**31 - 1),
            _word(target, "target"),
            _word(activations, "activations"),
            _word(emit, "emit"),
            bool(debug),
            # Also without a bar: it is where an interrupt arrives.
            PROGRESS(forward),
            None,
            None if remarks is None else encode_path(remarks, "remarks"),
            _word(weights, "weights"),
            _word(weights_only, "weights_only"),
            _word(weights_skip, "weights_skip"),
            None if recipe is None else encode_path(recipe, "recipe"),
        )
        try:
            self._call(self._api.compile, encode_path(output, "output"), byref(options))
        except CancelledError:
            if not raised:
                raise
        finally:
            if bar is not None:
                bar.close()
        if raised:
            raise raised[0]
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


def _word(value: str, what: str) -> bytes:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidArgumentError(f"{what} expects a word, found {value!r}")
    return value.encode("utf-8", "replace")
