"""Opening what the compiler wrote."""

from __future__ import annotations

import _ctypes
import ctypes
import json
import os
import threading
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_void_p
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from winnow._arrays import Ids
from winnow._artifact_api import ABI_VERSION, DTYPES, LEAST_SIZE, Api, ModelInfo, call, failure
from winnow._libraries import ENCODING, Handle, encode_path, opened
from winnow.errors import AbiMismatchError, BadFileError, FileError, UnsupportedError
from winnow.huggingface import HuggingFaceTokenizer
from winnow.tokenizer import Tokenizer

if TYPE_CHECKING:
    from winnow.session import Session


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of an entry point."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]
    """Names stand for extents that a call chooses; equal names, equal extents."""


@dataclass(frozen=True)
class Entry:
    """An entry point of an artifact."""

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class Artifact:
    """A compiled model: NAME.so and NAME.weights, mapped and read-only.

    Any number of threads may share one. It is a context manager. Closing it
    takes nothing away from its sessions, which keep what they need; files are
    unmapped with the last of them.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        tokenizer: Tokenizer | HuggingFaceTokenizer | None = None,
    ) -> None:
        """Opens the artifact at `path`, the name that was given to the compiler,
        without an extension; `tokenizer` takes the place of its own.

        Raises FileError, BadFileError, MismatchError (files of two builds),
        AbiMismatchError or UnsupportedCpuError.
        """
        name = os.fsdecode(encode_path(path, "path"))
        self.path = Path(name).absolute()
        """Where it is, without an extension."""
        self._given_tokenizer = tokenizer
        self._lock = threading.Lock()
        library = _load(f"{self.path}.so")
        try:
            self._api = _find_api(library, self.path)
            model = c_void_p()
            weights = os.fsencode(f"{self.path}.weights")
            call(self._api.open, ABI_VERSION, weights, byref(model))
        except BaseException:
            _ctypes.dlclose(library._handle)
            raise
        close = self._api.close

        def release(pointer: int) -> None:
            close(pointer)
            _ctypes.dlclose(library._handle)

        assert model.value
        self._handle: Handle | None = Handle(model.value, release)
        self._read_info(self._handle)

    def _read_info(self, handle: Handle) -> None:
        info = ModelInfo(ctypes.sizeof(ModelInfo))
        status = self._api.info(handle.pointer, byref(info))
        if status:
            raise failure(status, f"'{self.path}.so' does not describe itself")
        self.name: str = info.name.decode(*ENCODING)
        """As it was called when it was compiled."""
        self.architecture: str = info.architecture.decode(*ENCODING)
        """Of the checkpoint ("gemma3"); empty for a plain program."""
        self.target_cpu: str = info.target_cpu.decode(*ENCODING)
        """The processor that it was compiled for."""
        self.vocabulary: int = info.vocabulary
        """Ids are in [0, vocabulary); 0 for an artifact that is no decoder."""
        self.context: int = info.context
        """Tokens that a session can hold."""
        self.layers: int = info.layers
        """Layers with a KV cache."""
        self.weight_bytes: int = info.weight_bytes
        """The size of NAME.weights in bytes."""
        self.embedding_width: int = info.embedding_width
        """Elements of a row for `Session.prefill_embeddings`; 0: takes ids only."""
        self.hidden_width: int = info.hidden_width
        """Elements of a row of `Session.hidden`; 0: no encoder of texts."""
        self.pooled_width: int = info.pooled_width
        """Elements of a row of `Session.embed`; 0: makes no embeddings."""
        self.prunes_prompts: bool = bool(info.prunes_prompts)
        """Whether `Session.prefill_prompt` leaves tokens out."""
        self.kv_bytes_per_token: int = info.kv_bytes_per_token
        """Bytes of cache that each token of a session takes."""
        try:
            self.manifest: dict[str, Any] = json.loads(info.manifest_json)
            """NAME.json: how it was compiled and what is in it."""
            self.entries: dict[str, Entry] = {
                entry["name"]: _read_entry(entry) for entry in self.manifest["entries"]
            }
            """The entry points by name."""
        except (ValueError, LookupError, TypeError) as error:
            raise BadFileError(f"'{self.path}.so' has a malformed manifest: {error}") from None

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._handle is None

    def close(self) -> None:
        """Lets go of the files. May be called again."""
        self._handle = None

    def __enter__(self) -> Artifact:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def verify(self) -> None:
        """Compares every byte of the weights with their hash.

        Raises BadFileError where a byte was changed.
        """
        call(self._api.verify, opened(self._handle, "artifact").pointer)

    @cached_property
    def _tokenizer(self) -> Tokenizer | None:
        path = Path(f"{self.path}.tokenizer")
        return Tokenizer(path) if path.exists() else None

    @property
    def tokenizer(self) -> Tokenizer | HuggingFaceTokenizer:
        """The vocabulary: the one that was given, else NAME.tokenizer.

        Raises UnsupportedError where the checkpoint had none.
        """
        if self._given_tokenizer is not None:
            return self._given_tokenizer
        with self._lock:
            tokenizer = self._tokenizer
        if tokenizer is None:
            raise UnsupportedError(f"'{self.path}' has no tokenizer")
        return tokenizer

    def session(
        self,
        *,
        threads: int | None = None,
        context: int | None = None,
        piece: int | None = None,
        cancel: Callable[[], object] | None = None,
    ) -> Session:
        """A new session; see `Session`."""
        from winnow.session import Session

        return Session(self, threads=threads, context=context, piece=piece, cancel=cancel)

    def embed(
        self, texts: Sequence[str | Ids], *, threads: int | None = None
    ) -> npt.NDArray[np.float32]:
        """`Session.embed` in a session of its own."""
        with self.session(threads=threads) as session:
            return session.embed(texts)

    def __repr__(self) -> str:
        return f"<winnow.Artifact '{self.path}'>"


def api_symbol(name: str) -> str:
    """The function that the artifact called `name` exports."""
    symbol = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    return ("_" if symbol[:1].isdigit() else "") + symbol + "_winnow_api"


def _load(path: str) -> ctypes.CDLL:
    if not Path(path).exists():
        raise FileError(f"'{path}': no such file")
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise FileError(f"cannot load the artifact: {error}") from None


def _find_api(library: ctypes.CDLL, path: Path) -> Any:
    # A name that is not ASCII has a '_' for each of its bytes.
    symbol = api_symbol(os.fsencode(path.name).decode("latin-1"))
    try:
        function = library[symbol]
    except AttributeError:
        raise BadFileError(
            f"'{path}.so' has no function {symbol}: not an artifact, or renamed after it was "
            "compiled"
        ) from None
    function.restype, function.argtypes = POINTER(Api), ()
    pointer = function()
    if (
        not pointer
        or pointer.contents.abi_version != ABI_VERSION
        or pointer.contents.struct_size < LEAST_SIZE
    ):
        raise AbiMismatchError(
            f"'{path}.so' has another ABI version than this package ({ABI_VERSION})"
        )
    return pointer.contents


def _read_entry(entry: dict[str, Any]) -> Entry:
    def read(tensors: list[dict[str, Any]]) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(
                tensor["name"],
                DTYPES[tensor["dtype"]],
                tuple(n if n >= 0 else entry["dims"][-1 - n] for n in tensor["shape"]),
            )
            for tensor in tensors
        )

    return Entry(entry["name"], read(entry["inputs"]), read(entry["outputs"]))
