"""Computing with an artifact."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_float, c_int64, c_void_p
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from winnow._arrays import Ids, int32_array, integer, typed_array
from winnow._artifact_api import (
    CANCEL,
    ROWS,
    Embeddings,
    SessionOptions,
    Span,
    Tensor,
    Texts,
    Tokens,
    call,
    failure,
    function,
)
from winnow._libraries import Handle, encode_path, opened
from winnow.artifact import Artifact, Entry
from winnow.errors import CancelledError, InvalidArgumentError, OutOfMemoryError, UnsupportedError
from winnow.generation import Generation, OnToken, Stream
from winnow.huggingface import encode_whole
from winnow.profile import Profile

Rows = Literal["last", "all", "none"]
"""Which tokens of a call get logits."""


class Session:
    """One sequence of tokens being computed: caches, logits, threads.

    Results do not depend on the number of threads nor on how a prompt is cut
    into calls, not by a bit. A call that fails leaves the session as it was.

    Sessions of one artifact run side by side in as many threads. Calls from
    several threads on the same session wait for each other; the session is
    then one sequence that they all append to. It is a context manager.
    """

    def __init__(
        self,
        artifact: Artifact,
        *,
        threads: int | None = None,
        context: int | None = None,
        piece: int | None = None,
        cancel: Callable[[], object] | None = None,
    ) -> None:
        """A session of an artifact, which may be closed meanwhile.

        Args:
            threads: that compute; None: one per processor.
            context: tokens that it can hold, at most `artifact.context`, which
                is the default. Memory is taken as tokens are stored.
            piece: tokens of a prompt that are computed at a time; memory grows
                with it, results do not depend on it.
            cancel: asked between the layers of a call. A true result ends the
                call with CancelledError, an exception ends it and comes out of
                it; the session is then as before. It must not use the session.
        """
        model = opened(artifact._handle, "artifact")
        options = SessionOptions(
            ctypes.sizeof(SessionOptions),
            0 if threads is None else integer(threads, "threads", 1, 1024),
            0 if context is None else integer(context, "context", 1),
            0 if piece is None else integer(piece, "piece", 1),
        )
        self._raised: list[BaseException] = []
        if cancel is not None:
            options.cancel = _cancel_callback(cancel, self._raised)
        self._api = artifact._api
        session = c_void_p()
        call(self._api.session_create, model.pointer, byref(options), byref(session))
        assert session.value
        self._handle: Handle | None = Handle(
            session.value, self._api.session_destroy, model, options
        )
        self._lock = threading.Lock()
        self._profiler: Any = None
        self.artifact = artifact
        """What it computes with."""
        self.context: int = options.context or artifact.context
        """Tokens that it can hold."""

    def _call(self, called: Any, *arguments: Any) -> None:
        # The handle stays alive for the call, whoever closes the session meanwhile.
        handle = opened(self._handle, "session")
        with self._lock:
            try:
                call(called, handle.pointer, *arguments)
            except CancelledError:
                if self._raised:
                    raise self._raised.pop() from None
                raise

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._handle is None

    def close(self) -> None:
        """Ends the session. Its memory is released when the last array that
        `logits` gave out is gone. May be called again."""
        self._handle = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.length} of {self.context} tokens"
        return f"<winnow.Session of '{self.artifact.name}', {state}>"

    # Tokens in, logits out.

    def prefill(
        self,
        ids: Ids,
        rows: Rows = "last",
        *,
        positions: Ids | None = None,
        segments: Ids | None = None,
    ) -> None:
        """Appends tokens and computes them.

        Args:
            ids: [count], each in [0, vocabulary).
            rows: which tokens get `logits`: the last one, all, or none.
            positions: [count], each in [0, artifact.context); the default goes
                on from the length of the session.
            segments: [count]; a token sees the tokens of its own segment only;
                the default is segment 0.

        Raises TokenRangeError, ContextOverrunError or InvalidArgumentError.
        """
        array = int32_array(ids, "ids")
        where = _places(array.size, positions, segments)
        tokens = Tokens(array.ctypes.data, *map(_pointer, where), array.size)
        self._call(self._api.prefill, byref(tokens), _rows_code(rows))

    def prefill_embeddings(
        self,
        embeddings: npt.NDArray[np.float32],
        rows: Rows = "last",
        *,
        positions: Ids | None = None,
        segments: Ids | None = None,
    ) -> None:
        """`prefill` with rows in place of ids, for what has no id, such as the
        patches of an image. Both kinds of calls may alternate.

        Args:
            embeddings: float32 [count, artifact.embedding_width]; a row is what
                the model's table gives for an id, times the model's scale.

        Raises UnsupportedError for an artifact that takes ids only.
        """
        array = typed_array(embeddings, np.dtype(np.float32), "embeddings")
        if array.ndim != 2:
            raise InvalidArgumentError(
                f"embeddings expects [count, width], found {list(array.shape)}"
            )
        count, width = array.shape
        where = _places(count, positions, segments)
        given = Embeddings(array.ctypes.data, width, *map(_pointer, where), count)
        prefill = function(self._api, "prefill_embeddings")
        self._call(prefill, byref(given), _rows_code(rows))

    def prefill_prompt(
        self, ids: Ids, rows: Rows = "last", *, span: tuple[int, int] | None = None
    ) -> None:
        """`prefill` of a whole prompt by an artifact that prunes prompts
        (`artifact.prunes_prompts`); in others it is `prefill`.

        Args:
            ids: [count], each in [0, vocabulary).
            rows: which tokens get `logits`: the last one, all, or none.
            span: the tokens from the first up to the second number, counted from
                0, may be left out; the default is all but the last 64.

        Raises TokenRangeError, ContextOverrunError or InvalidArgumentError.
        """
        array = int32_array(ids, "ids")
        tokens = Tokens(array.ctypes.data, None, None, array.size)
        given = None if span is None else byref(Span(*span))
        prefill = function(self._api, "prefill_prompt")
        self._call(prefill, byref(tokens), given, _rows_code(rows))

    def decode(self, token: int) -> None:
        """Appends one token and computes its `logits`.

        Raises TokenRangeError or ContextOverrunError.
        """
        self._call(self._api.decode, integer(token, "token", -(2**31), 2**31 - 1))

    @property
    def logits(self) -> npt.NDArray[np.float32]:
        """The logits of the last `prefill` or `decode`, float32 [rows, vocabulary].

        The array is read-only and shows the session's own memory, nothing is
        copied. The next call on the session writes over it: use it before, or
        `copy()` it. It keeps that memory alive, so reading it is safe for ever.
        [0, vocabulary] where there are none (rows "none", nothing computed yet,
        truncated since).
        """
        data, rows = POINTER(c_float)(), c_int64()
        handle = opened(self._handle, "session")
        with self._lock:
            call(self._api.logits, handle.pointer, byref(data), byref(rows))
        shape = (rows.value, self.artifact.vocabulary)
        if not rows.value:
            return np.empty(shape, np.float32)
        address = ctypes.cast(data, c_void_p).value
        memory = (c_float * (shape[0] * shape[1])).from_address(address or 0)
        memory._winnow_session = handle  # type: ignore[attr-defined]
        array: npt.NDArray[np.float32] = np.ctypeslib.as_array(memory).reshape(shape)
        array.flags.writeable = False
        return array

    @property
    def length(self) -> int:
        """Tokens stored."""
        handle = opened(self._handle, "session")
        with self._lock:
            length: int = self._api.length(handle.pointer)
        return length

    def truncate(self, length: int) -> None:
        """Forgets the tokens from `length` on. What follows is the same, bit by
        bit, as in a session that never saw them."""
        self._call(self._api.truncate, integer(length, "length", 0))

    def reset(self) -> None:
        """Forgets all tokens."""
        handle = opened(self._handle, "session")
        with self._lock:
            status = self._api.reset(handle.pointer)
        if status:
            raise failure(status, "reset")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the state of the session, its last row of logits included, to a
        file, for sessions of the same build of the model. Raises FileError."""
        self._call(function(self._api, "session_save"), encode_path(path, "path"))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Takes the state that `save` wrote in place of its own. What follows is
        the same, bit by bit, as in the session that was saved.

        Raises FileError, BadFileError or MismatchError; the session is then as
        before.
        """
        self._call(function(self._api, "session_load"), encode_path(path, "path"))

    # Generation.

    def stream(
        self,
        prompt: str | Ids,
        max_tokens: int | None = None,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int = 42,
        stop: str | Sequence[str] = (),
        ignore_eos: bool = False,
    ) -> Stream:
        """Computes a prompt and returns an iterator over what follows it, token
        by token. The arguments are those of `generate`."""
        return Stream(
            self,
            prompt,
            max_tokens,
            sampling={
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
                "min_p": min_p,
                "seed": seed,
            },
            stop=stop,
            ignore_eos=ignore_eos,
        )

    def generate(
        self,
        prompt: str | Ids,
        max_tokens: int | None = None,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int = 42,
        stop: str | Sequence[str] = (),
        ignore_eos: bool = False,
        on_token: OnToken | None = None,
    ) -> Generation:
        """Computes a prompt and generates what follows it, as winnow-run does.

        A prompt goes on after what the session holds. The last generated token
        is not computed, so it is not part of the session afterwards.

        Args:
            prompt: text, which gets the beginning-of-sequence id in an empty
                session if the vocabulary asks for it; or ids, taken as they are.
            max_tokens: to generate; None: 128, or what the context holds.
            temperature, top_k, top_p, min_p, seed: see `Sampler`.
            stop: texts; generation ends before the first that appears.
            ignore_eos: go on after an end-of-sequence token.
            on_token: called with each `Token` as it comes.

        Raises ContextOverrunError where prompt and `max_tokens` do not fit,
        UnsupportedError where text is asked of an artifact without tokenizer.
        """
        tokens = self.stream(
            prompt,
            max_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            seed=seed,
            stop=stop,
            ignore_eos=ignore_eos,
        )
        for token in tokens:
            if on_token is not None:
                on_token(token)
        return tokens.result()

    # Encoders.

    def embed(self, texts: Sequence[str | Ids]) -> npt.NDArray[np.float32]:
        """The embeddings of texts: float32 [texts, artifact.pooled_width], pooled
        and normalised as the checkpoint says.

        Texts of all lengths are computed together, without padding. A text's
        embedding has the same bits in every company. Nothing is stored in the
        session.

        Args:
            texts: each a str, which gets the tokens that belong around it, or
                ids, taken as they are: 1 to `context` of them.

        Raises UnsupportedError for an artifact that makes no embeddings,
        InvalidArgumentError, TokenRangeError or ContextOverrunError.
        """
        ids, lengths = self._texts(texts)
        embeddings = np.empty((lengths.size, self.artifact.pooled_width), np.float32)
        self._encode(ids, lengths, None, embeddings)
        return embeddings

    def hidden(self, texts: Sequence[str | Ids]) -> list[npt.NDArray[np.float32]]:
        """The last hidden state of each token, an array float32
        [tokens, artifact.hidden_width] for each text; else like `embed`.

        Raises UnsupportedError for an artifact that is no encoder of texts.
        """
        ids, lengths = self._texts(texts)
        hidden = np.empty((ids.size, self.artifact.hidden_width), np.float32)
        self._encode(ids, lengths, hidden, None)
        return np.split(hidden, np.cumsum(lengths)[:-1])

    def _texts(
        self, texts: Sequence[str | Ids]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """The ids of all texts, and how many each has."""
        if self.artifact.hidden_width == 0:
            raise UnsupportedError(f"'{self.artifact.name}' is no encoder of texts")
        if isinstance(texts, str):
            raise InvalidArgumentError("texts expects a list of texts, found one text")
        ids = [
            np.array(encode_whole(self.artifact.tokenizer, text), np.int32)
            if isinstance(text, str)
            else int32_array(text, "texts")
            for text in texts
        ]
        if not ids:
            raise InvalidArgumentError("texts expects at least one text")
        return np.concatenate(ids), np.array([array.size for array in ids], np.int64)

    def _encode(
        self,
        ids: npt.NDArray[np.int32],
        lengths: npt.NDArray[np.int64],
        hidden: npt.NDArray[np.float32] | None,
        embeddings: npt.NDArray[np.float32] | None,
    ) -> None:
        texts = Texts(ids.ctypes.data, lengths.ctypes.data, lengths.size)
        outputs = (None if array is None else array.ctypes.data for array in (hidden, embeddings))
        self._call(function(self._api, "encode"), byref(texts), *outputs)

    # Where the time goes.

    def profile(self) -> Profile:
        """Times the stages of the calls inside a `with` block, one at a time:

            with session.profile() as profile:
                session.prefill(ids)
            print(profile)

        `profile.stages` has the numbers; results do not change. A call takes some
        microseconds more for each stage and thread. Raises UnsupportedError for
        artifacts of older compilers.
        """
        return Profile(self)

    # Any entry point.

    def invoke(self, entry: str, /, **inputs: npt.ArrayLike) -> dict[str, np.ndarray[Any, Any]]:
        """Runs an entry point that is no decoder on arrays, and returns its
        outputs by name.

        `artifact.entries[entry]` says which inputs there are, with their dtypes
        and shapes. Arrays must have exactly that dtype (float32, int32, int64 or
        bool); arrays that are not contiguous are copied. An entry point with
        caches appends to its own, which the session keeps until `reset`.
        """
        known = self.artifact.entries.get(entry)
        if known is None:
            raise UnsupportedError(f"'{self.artifact.name}' has no entry point '{entry}'")
        arrays = _match_inputs(known, inputs)
        outputs = _allocate_outputs(known, arrays)
        self._call(
            self._api.invoke,
            entry.encode(),
            (Tensor * len(arrays))(*map(Tensor.of, arrays)),
            len(arrays),
            (Tensor * len(outputs))(*map(Tensor.of, outputs)),
            len(outputs),
        )
        return {spec.name: array for spec, array in zip(known.outputs, outputs, strict=True)}


def _cancel_callback(cancel: Callable[[], object], raised: list[BaseException]) -> Any:
    def ask(_: Any) -> int:
        try:
            return bool(cancel())
        except BaseException as error:
            raised.append(error)
            return 1

    return CANCEL(ask)


def _rows_code(rows: Rows) -> int:
    if rows not in ROWS:
        raise InvalidArgumentError(f"rows expects 'last', 'all' or 'none', found {rows!r}")
    return ROWS[rows]


def _places(
    count: int, positions: Ids | None, segments: Ids | None
) -> list[npt.NDArray[np.int32] | None]:
    """Positions and segments of `count` tokens."""
    arrays: list[npt.NDArray[np.int32] | None] = []
    for values, what in ((positions, "positions"), (segments, "segments")):
        array = None if values is None else int32_array(values, what)
        if array is not None and array.size != count:
            raise InvalidArgumentError(
                f"{what} expects a number per token, {count}, found {array.size}"
            )
        arrays.append(array)
    return arrays


def _pointer(array: npt.NDArray[np.int32] | None) -> int | None:
    return None if array is None else array.ctypes.data


def _match_inputs(entry: Entry, given: dict[str, npt.ArrayLike]) -> list[np.ndarray[Any, Any]]:
    names = [spec.name for spec in entry.inputs]
    if set(names) != set(given):
        raise InvalidArgumentError(f"{entry.name} expects inputs {names}, found {list(given)}")
    arrays = []
    for spec in entry.inputs:
        array = typed_array(given[spec.name], spec.dtype, spec.name)
        if array.ndim != len(spec.shape):
            raise InvalidArgumentError(
                f"{spec.name} expects shape {list(spec.shape)}, found {list(array.shape)}"
            )
        arrays.append(array)
    return arrays


def _allocate_outputs(
    entry: Entry, inputs: list[np.ndarray[Any, Any]]
) -> list[np.ndarray[Any, Any]]:
    """Outputs of the shapes that result. The library compares all shapes."""
    extents: dict[str, int] = {}
    for spec, array in zip(entry.inputs, inputs, strict=True):
        for declared, actual in zip(spec.shape, array.shape, strict=True):
            if isinstance(declared, str):
                extents.setdefault(declared, actual)
    outputs = []
    for spec in entry.outputs:
        if unknown := [n for n in spec.shape if isinstance(n, str) and n not in extents]:
            raise UnsupportedError(f"no input of {entry.name} has the dimension {unknown[0]}")
        shape = [extents[n] if isinstance(n, str) else n for n in spec.shape]
        try:
            outputs.append(np.empty(shape, spec.dtype))
        except (MemoryError, ValueError) as error:
            raise OutOfMemoryError(f"{spec.name} {shape}: {error}") from None
    return outputs
