"""The C functions of an artifact one by one, for tests of what they do; the
structs are those of the package."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_float, c_int64, c_void_p
from enum import IntEnum
from pathlib import Path

import numpy as np

from winnow._artifact_api import (
    ABI_VERSION,
    CANCEL,
    EXECUTOR,
    Api,
    Embeddings,
    ErrorInfo,
    ModelInfo,
    SessionOptions,
    Span,
    Tensor,
    Texts,
    Tokens,
)
from winnow.artifact import api_symbol


class Status(IntEnum):
    """winnow_status."""

    OK = 0
    INVALID_ARGUMENT = 1
    IO_ERROR = 2
    BAD_FILE = 3
    MISMATCH = 4
    ABI_MISMATCH = 5
    UNSUPPORTED_CPU = 6
    OUT_OF_MEMORY = 7
    TOKEN_OUT_OF_RANGE = 8
    CONTEXT_OVERRUN = 9
    UNSUPPORTED = 10
    CANCELLED = 11
    INDEX_OUT_OF_RANGE = 12


class Rows(IntEnum):
    """winnow_rows."""

    LAST = 0
    ALL = 1
    NONE = 2


Part = Callable[[int | None, int, int], None]
"""One part of a call: context, index, count."""

Executor = Callable[[int | None, int, Part, int | None], None]
"""winnow_executor: its context, count, the part, the part's context."""

Cancel = Callable[[int | None], int]
"""winnow_cancel."""


class ArtifactError(Exception):
    """A call that failed: its status and its message."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message


class Artifact:
    """NAME.so with its weights; close it, or use it in a with statement."""

    def __init__(
        self, name: Path, weights: Path | None = None, abi_version: int = ABI_VERSION
    ) -> None:
        self._library = ctypes.CDLL(str(name.with_name(name.name + ".so")))
        entry = self._library[api_symbol(name.name)]
        entry.restype, entry.argtypes = POINTER(Api), ()
        self.api: Api = entry().contents
        self.handle = c_void_p()
        path = weights or name.with_name(name.name + ".weights")
        call(self.api.open, abi_version, str(path).encode(), byref(self.handle))

    def __enter__(self) -> Artifact:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Releases the model; its sessions have to be closed before."""
        if self.handle:
            self.api.close(self.handle)
            self.handle = c_void_p()

    def info(self) -> ModelInfo:
        """What the artifact says of itself."""
        result = ModelInfo(struct_size=ctypes.sizeof(ModelInfo))
        status = Status(self.api.info(self.handle, byref(result)))
        if status != Status.OK:
            raise ArtifactError(status, "info")
        return result

    def verify(self) -> None:
        """Checks the hash of all weights."""
        call(self.api.verify, self.handle)

    def session(
        self,
        threads: int = 1,
        context: int = 0,
        piece: int = 0,
        executor: Executor | None = None,
        cancel: Cancel | None = None,
    ) -> Session:
        """A new session; the artifact has to stay open as long."""
        return Session(self, threads, context, piece, executor, cancel)


class Session:
    """One sequence. Logits are copied out."""

    def __init__(
        self,
        artifact: Artifact,
        threads: int,
        context: int,
        piece: int,
        executor: Executor | None,
        cancel: Cancel | None,
    ) -> None:
        self._artifact = artifact
        self._api = artifact.api
        self._info = artifact.info()
        self._vocabulary = self._info.vocabulary
        self._handle = c_void_p()
        self._executor = EXECUTOR(executor or 0)
        self._cancel = CANCEL(cancel or 0)
        options = SessionOptions(
            ctypes.sizeof(SessionOptions),
            *(threads, context, piece, self._executor),
            cancel=self._cancel,
        )
        call(self._api.session_create, artifact.handle, byref(options), byref(self._handle))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._api.session_destroy(self._handle)
            self._handle = c_void_p()

    def prefill(
        self,
        ids: list[int],
        rows: Rows = Rows.ALL,
        positions: list[int] | None = None,
        segments: list[int] | None = None,
    ) -> np.ndarray | None:
        """Appends tokens; returns logits [rows, vocabulary], None for no rows."""
        arrays = [
            None if values is None else np.asarray(values, np.int32)
            for values in (ids, positions, segments)
        ]
        pointers = [None if array is None else array.ctypes.data for array in arrays]
        call(self._api.prefill, self._handle, byref(Tokens(*pointers, len(ids))), int(rows))
        return None if rows == Rows.NONE else self.logits()

    def prefill_prompt(
        self, ids: list[int], span: tuple[int, int] | None = None, rows: Rows = Rows.ALL
    ) -> np.ndarray | None:
        """prefill of a whole prompt, of which `span` may be pruned."""
        array = np.asarray(ids, np.int32)
        tokens = Tokens(array.ctypes.data, None, None, len(ids))
        given = None if span is None else byref(Span(*span))
        call(self._api.prefill_prompt, self._handle, byref(tokens), given, int(rows))
        return None if rows == Rows.NONE else self.logits()

    def prefill_embeddings(self, rows: np.ndarray) -> np.ndarray:
        """Appends rows [count, width] in place of tokens; returns all logits."""
        rows = np.ascontiguousarray(rows, np.float32)
        given = Embeddings(rows.ctypes.data, rows.shape[1], None, None, rows.shape[0])
        call(self._api.prefill_embeddings, self._handle, byref(given), int(Rows.ALL))
        return self.logits()

    def decode(self, token: int) -> np.ndarray:
        """Appends one token; returns its logits [1, vocabulary]."""
        self.append(token)
        return self.logits()

    def append(self, token: int) -> None:
        """decode, whose logits nobody reads."""
        call(self._api.decode, self._handle, token)

    def invoke(
        self, entry: str, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
    ) -> None:
        """Runs an entry point; outputs are written in place."""
        given = [np.ascontiguousarray(array) for array in inputs]
        call(
            self._api.invoke,
            self._handle,
            entry.encode(),
            (Tensor * len(given))(*map(Tensor.of, given)),
            len(given),
            (Tensor * len(outputs))(*map(Tensor.of, outputs)),
            len(outputs),
        )

    def encode(
        self, texts: Sequence[Sequence[int]], embed: bool = True
    ) -> tuple[list[np.ndarray], np.ndarray | None]:
        """The hidden states of each text, and the embeddings of all."""
        info = self._artifact.info()
        ids = np.concatenate([np.asarray(text, np.int32) for text in texts])
        lengths = np.array([len(text) for text in texts], np.int64)
        hidden = np.empty((len(ids), info.hidden_width), np.float32)
        embeddings = np.empty((len(texts), info.pooled_width), np.float32) if embed else None
        request = Texts(ids.ctypes.data, lengths.ctypes.data, len(texts))
        pointer = None if embeddings is None else embeddings.ctypes.data
        call(self._api.encode, self._handle, byref(request), hidden.ctypes.data, pointer)
        return np.split(hidden, np.cumsum(lengths)[:-1]), embeddings

    def logits(self) -> np.ndarray:
        """Of the last call."""
        data, rows = POINTER(c_float)(), c_int64()
        call(self._api.logits, self._handle, byref(data), byref(rows))
        return np.ctypeslib.as_array(data, (rows.value, self._vocabulary)).copy()

    @property
    def length(self) -> int:
        """Tokens stored."""
        return self._api.length(self._handle)

    def save(self, path: Path) -> None:
        """Writes the state to a file."""
        call(self._api.session_save, self._handle, str(path).encode())

    def load(self, path: Path) -> None:
        """Reads the state from a file."""
        call(self._api.session_load, self._handle, str(path).encode())

    def state(self) -> bytes:
        """The bytes of the state."""
        size = self._api.session_state_size(self._handle)
        data = ctypes.create_string_buffer(size)
        call(self._api.session_save_to, self._handle, data, size)
        return data.raw

    def set_state(self, state: bytes) -> None:
        """Takes the bytes of a state."""
        call(self._api.session_load_from, self._handle, state, len(state))

    def cache_lengths(self) -> list[int]:
        """Slots in use of each cache."""
        lengths = (c_int64 * self._info.layers)()
        call(self._api.cache_lengths, self._handle, lengths, len(lengths))
        return list(lengths)

    def truncate(self, length: int) -> None:
        """Forgets the tokens from `length` on."""
        call(self._api.truncate, self._handle, length)

    def reset(self) -> None:
        """Forgets all tokens."""
        status = Status(self._api.reset(self._handle))
        if status != Status.OK:
            raise ArtifactError(status, "reset")


def call(function: Callable[..., int], *arguments: object) -> None:
    """Calls a function whose last parameter is a winnow_error."""
    error = ErrorInfo()
    status = Status(function(*arguments, byref(error)))
    if status != Status.OK:
        raise ArtifactError(status, error.message.decode())
