"""Winnow: an ahead-of-time compiler for transformer models.

    import winnow

    artifact = winnow.compile("gemma.gguf", "gemma")
    with winnow.Session(artifact) as session:
        print(session.generate("Once upon a time", 64).text)

`load` and `compile` need the libraries of LLVM 22; artifacts, sessions and
tokenizers do not. Failures are exceptions derived from `Error`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from winnow.artifact import Artifact, Entry, TensorSpec
from winnow.chat import Message, render_chat
from winnow.errors import (
    AbiMismatchError,
    BadFileError,
    BadModelError,
    CancelledError,
    ClosedError,
    CompilationError,
    ContextOverrunError,
    Error,
    FileError,
    IndexRangeError,
    InvalidArgumentError,
    LibraryError,
    MismatchError,
    OutOfMemoryError,
    TokenRangeError,
    UnsupportedCpuError,
    UnsupportedError,
)
from winnow.generation import Generation, Stream, Token
from winnow.huggingface import HuggingFaceTokenizer
from winnow.model import DiagnosticFunction, Model
from winnow.profile import Profile, StageProfile
from winnow.progress import ProgressFunction
from winnow.sampler import Sampler
from winnow.session import Session
from winnow.tokenizer import TextStream, Tokenizer

__version__ = "0.1.0"


def load(
    path: str | os.PathLike[str],
    *,
    context: int | None = None,
    diagnostic: DiagnosticFunction | None = None,
) -> Model:
    """Loads a model: a .gguf checkpoint (or the first file of a split set), a
    directory of Hugging Face, or a .mlir program. Weights stay in the files,
    which must not change meanwhile.

    Args:
        context: tokens that a session of the compiled model can hold; None: the
            model's own, at most 8192.
        diagnostic: called with what the compiler reports about the model, a
            severity and a text, as long as the model is used.

    Raises FileError or BadModelError.
    """
    return Model(path, context=context, diagnostic=diagnostic)


def compile(
    model: str | os.PathLike[str] | Model,
    output: str | os.PathLike[str],
    *,
    target: str = "host",
    context: int | None = None,
    activations: str = "auto",
    weights: str = "keep",
    weights_only: str = "",
    weights_skip: str = "",
    recipe: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    debug: bool = False,
    remarks: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    evaluate_on: Sequence[str | os.PathLike[str]] = (),
    progress: bool | ProgressFunction = True,
) -> Artifact:
    """Compiles a model to OUTPUT.so, OUTPUT.weights and so on, and opens them.

    Args:
        model: a path, or what `load` returned.
        output: path of the artifact without an extension.
        context: with a path, see `load`.
        target, activations, weights, weights_only, weights_skip, recipe, threads,
            debug, remarks, report, evaluate_on, progress: see `Model.compile`,
            which also compiles for processors that this one is not.

    Raises what `load`, `Model.compile` and `Artifact` raise.
    """
    options = {
        "target": target,
        "activations": activations,
        "weights": weights,
        "weights_only": weights_only,
        "weights_skip": weights_skip,
        "recipe": recipe,
        "threads": threads,
        "debug": debug,
        "remarks": remarks,
        "report": report,
        "evaluate_on": evaluate_on,
        "progress": progress,
    }
    if isinstance(model, Model):
        if context is not None:
            raise InvalidArgumentError("context is chosen when a model is loaded")
        return Artifact(model.compile(output, **options))  # type: ignore[arg-type]
    with load(model, context=context) as loaded:
        return Artifact(loaded.compile(output, **options))  # type: ignore[arg-type]


__all__ = [
    "AbiMismatchError",
    "Artifact",
    "BadFileError",
    "BadModelError",
    "CancelledError",
    "ClosedError",
    "CompilationError",
    "ContextOverrunError",
    "Entry",
    "Error",
    "FileError",
    "Generation",
    "HuggingFaceTokenizer",
    "IndexRangeError",
    "InvalidArgumentError",
    "LibraryError",
    "Message",
    "MismatchError",
    "Model",
    "OutOfMemoryError",
    "Profile",
    "Sampler",
    "Session",
    "StageProfile",
    "Stream",
    "TensorSpec",
    "TextStream",
    "Token",
    "TokenRangeError",
    "Tokenizer",
    "UnsupportedCpuError",
    "UnsupportedError",
    "compile",
    "load",
    "render_chat",
]
