"""Where the shared libraries are, and what the bindings of them share."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from winnow.errors import (
    AbiMismatchError,
    ClosedError,
    Error,
    InvalidArgumentError,
    LibraryError,
)

ENCODING = ("utf-8", "replace")
"""How messages of the libraries are decoded."""


def open_library(name: str, version_function: str, version: int) -> ctypes.CDLL:
    """Loads lib<name>.so from $WINNOW_LIBRARY_DIR, or from the package."""
    folder = os.environ.get("WINNOW_LIBRARY_DIR") or Path(__file__).parent / "lib"
    path = Path(folder).absolute() / f"lib{name}.so"
    if not path.exists():
        raise LibraryError(
            f"'{path}' does not exist: install Winnow with pip, or set WINNOW_LIBRARY_DIR to the "
            "folder lib of its build"
        )
    try:
        library = ctypes.CDLL(str(path))
        found = library[version_function]
    except (OSError, AttributeError) as error:
        raise LibraryError(f"cannot load '{path}': {error}") from None
    found.restype, found.argtypes = ctypes.c_uint32, ()
    if found() != version:
        raise AbiMismatchError(
            f"'{path}' has version {found()} of its interface, this package needs {version}"
        )
    return library


def declare(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    """The function `name` of a library with its types."""
    function = library[name]
    function.restype, function.argtypes = result, arguments
    return function


class Handle:
    """A pointer that a library handed out, and the function that takes it back.

    The function runs when nothing refers to the handle any more: closing an
    object only drops its reference, so a call in another thread, or an array
    that shows memory of the handle, keeps it alive. A forked process has the
    memory but not the threads of its parent, so it must not touch either.
    """

    def __init__(self, pointer: int, release: Callable[[int], object], *keep: object) -> None:
        self._pointer = pointer
        self._process = os.getpid()
        self._keep = keep
        self._finalizer = weakref.finalize(self, _release, pointer, release, self._process, keep)
        # The system takes everything back when the process ends.
        self._finalizer.atexit = False

    @property
    def pointer(self) -> int:
        """The pointer, for a call that refers to the handle as long as it takes."""
        if os.getpid() != self._process:
            raise Error("opened before the process was forked; open it in each process")
        return self._pointer


def _release(
    pointer: int, release: Callable[[int], object], process: int, _: tuple[object, ...]
) -> None:
    if os.getpid() == process:
        release(pointer)


def opened(handle: Handle | None, what: str) -> Handle:
    """The handle of an object that may have been closed."""
    if handle is None:
        raise ClosedError(f"the {what} is closed")
    return handle


def encode_path(path: str | os.PathLike[str], what: str) -> bytes:
    """A path as the system spells it."""
    encoded = os.fsencode(path)
    if b"\0" in encoded or not encoded:
        raise InvalidArgumentError(f"{what} expects a path, found {os.fspath(path)!r}")
    return encoded


def encode_text(text: str | bytes, what: str) -> bytes:
    """The UTF-8 of a text; bytes as they are."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{what} expects text, found {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{what} is not valid Unicode: {error}") from None
