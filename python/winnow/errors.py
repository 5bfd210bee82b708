"""The exceptions of Winnow: one class for each kind of failure.

All derive from `Error`. Each carries one line of text and, where a library
reported it, the status code of the C header.
"""

from __future__ import annotations


class Error(Exception):
    """Anything that Winnow refuses or fails at."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The code in winnow/Artifact.h or winnow/Compiler.h, or None."""


class InvalidArgumentError(Error, ValueError):
    """An argument makes no sense: a wrong dtype, shape, option or name."""


class FileError(Error):
    """A file cannot be opened, read, mapped or written."""


class BadFileError(Error):
    """A file of an artifact is truncated or malformed."""


class BadModelError(Error):
    """A model to be loaded is malformed or not supported."""


class CompilationError(Error):
    """A pass or the code generator refused a model."""


class CancelledError(Error):
    """A compilation was stopped by its progress callback, or a call of a session
    by its cancel callback."""


class MismatchError(Error):
    """The .so and the .weights of an artifact do not belong together."""


class AbiMismatchError(Error):
    """A library was built for another version of its C interface."""


class UnsupportedCpuError(Error):
    """This processor lacks instructions that an artifact uses."""


class OutOfMemoryError(Error, MemoryError):
    """Memory or address space ran out."""


class TokenRangeError(Error, ValueError):
    """A token id is not in [0, vocabulary)."""


class IndexRangeError(Error, ValueError):
    """An input of `invoke` chooses a row that the tensor it chooses from lacks."""


class ContextOverrunError(Error):
    """More tokens than the context of a session holds."""


class UnsupportedError(Error):
    """An artifact has no such entry point, tokenizer or decoder."""


class ClosedError(Error):
    """An object was used after it was closed."""


class LibraryError(Error, ImportError):
    """A shared library of Winnow cannot be found or loaded."""

    def __init__(self, message: str, status: int | None = None) -> None:
        Error.__init__(self, message, status)


ARTIFACT_ERRORS: dict[int, type[Error]] = {
    1: InvalidArgumentError,
    2: FileError,
    3: BadFileError,
    4: MismatchError,
    5: AbiMismatchError,
    6: UnsupportedCpuError,
    7: OutOfMemoryError,
    8: TokenRangeError,
    9: ContextOverrunError,
    10: UnsupportedError,
    11: CancelledError,
    12: IndexRangeError,
}
"""winnow_status to exceptions."""

COMPILER_ERRORS: dict[int, type[Error]] = {
    1: InvalidArgumentError,
    2: FileError,
    3: BadModelError,
    4: CompilationError,
    5: CancelledError,
}
"""winnow_compiler_status to exceptions."""
