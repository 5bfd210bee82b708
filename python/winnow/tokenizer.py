"""Text to ids and back, with the vocabulary of a checkpoint."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from winnow._arrays import Ids, int32_array, integer
from winnow._libraries import ENCODING, Handle, encode_path, encode_text, opened
from winnow._text_api import ADD_BOS, ADD_EOS, CONTINUES, SPECIAL, text_api
from winnow.chat import Message, render_chat
from winnow.errors import (
    BadFileError,
    FileError,
    InvalidArgumentError,
    OutOfMemoryError,
    UnsupportedError,
)


class Tokenizer:
    """A vocabulary: the file NAME.tokenizer of an artifact.

    The ids are those of winnow-run. Any number of threads may use one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Maps a file, which must not change while the tokenizer is used.

        Raises FileError or BadFileError.
        """
        encoded = encode_path(path, "path")
        if not Path(path).is_file():
            raise FileError(f"'{os.fspath(path)}': no such file")
        self._open(lambda *error: text_api().tokenizer_open(encoded, *error))

    @classmethod
    def from_bytes(cls, content: bytes) -> Tokenizer:
        """From the content of a NAME.tokenizer file. Raises BadFileError."""
        tokenizer = cls.__new__(cls)
        tokenizer._open(lambda *error: text_api().tokenizer_parse(content, len(content), *error))
        return tokenizer

    def _open(self, function: Any) -> None:
        message = ctypes.create_string_buffer(500)
        pointer = function(message, len(message))
        if not pointer:
            raise BadFileError(message.value.decode(*ENCODING))
        self._handle = Handle(pointer, text_api().tokenizer_close)

    def encode(
        self, text: str | bytes, *, bos: bool = True, eos: bool = False, special: bool = True
    ) -> list[int]:
        """The ids of a text of at most 682 MiB.

        Args:
            text: a str, or bytes that need not be valid UTF-8.
            bos: the beginning-of-sequence id goes first if the vocabulary asks
                for it.
            eos: the end-of-sequence id goes last if the vocabulary asks for it.
            special: the texts of control tokens, such as "<bos>", become their
                ids; else they are ordinary text.
        """
        data = encode_text(text, "text")
        flags = (ADD_BOS if bos else 0) | (ADD_EOS if eos else 0) | (SPECIAL if special else 0)
        size = len(data) + 16
        while True:
            ids = np.empty(size, np.int32)
            count = text_api().tokenizer_encode(
                self._handle.pointer, data, len(data), flags, ids.ctypes.data, size
            )
            if count < 0:
                raise OutOfMemoryError("the text is too long, or memory ran out")
            if count <= size:
                found: list[int] = ids[:count].tolist()
                return found
            size = count

    def decode(self, ids: Ids, *, special: bool = False, continues: bool = False) -> str:
        """The text of ids; what is not valid UTF-8 becomes U+FFFD.

        Args:
            ids: those that are out of range give no text.
            special: control tokens become their texts instead of nothing.
            continues: the ids go on after some text, so that a space which
                encoding puts in front of a text is kept.
        """
        array = int32_array(ids, "ids")
        flags = (SPECIAL if special else 0) | (CONTINUES if continues else 0)
        text = _collect(
            text_api().tokenizer_decode, self._handle, array.ctypes.data, array.size, flags
        )
        return text.decode("utf-8", "replace")

    def piece(self, token: int) -> bytes:
        """The piece of an id as the checkpoint writes it."""
        number = integer(token, "token", 0, len(self) - 1)
        return _collect(text_api().tokenizer_piece, self._handle, number)

    def find(self, piece: str | bytes) -> int | None:
        """The id of a piece as the checkpoint writes it, or None."""
        data = encode_text(piece, "piece")
        found: int = text_api().tokenizer_find(self._handle.pointer, data, len(data))
        return None if found < 0 else found

    def ends(self, token: int) -> bool:
        """True for ids that end generation (end of sequence, end of turn)."""
        number = integer(token, "token", -(2**31), 2**31 - 1)
        return bool(text_api().tokenizer_ends(self._handle.pointer, number))

    def __len__(self) -> int:
        """The number of ids."""
        size: int = text_api().tokenizer_size(self._handle.pointer)
        return size

    @property
    def bos(self) -> int | None:
        """The id of the beginning of a sequence, or None."""
        return _role(text_api().tokenizer_bos(self._handle.pointer))

    @property
    def eos(self) -> int | None:
        """The id of the end of a sequence, or None."""
        return _role(text_api().tokenizer_eos(self._handle.pointer))

    @property
    def chat_template(self) -> str:
        """The checkpoint's chat template (Jinja); empty where it has none."""
        return _collect(text_api().tokenizer_chat_template, self._handle).decode(*ENCODING)

    def apply_chat_template(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = True
    ) -> str:
        """The text of a conversation for this model; see `render_chat`. It holds
        the texts of special tokens, most often the beginning of a sequence, too:
        `encode_chat` gives its ids.

        Raises UnsupportedError where the checkpoint has no chat template, and
        InvalidArgumentError where that refuses the conversation.
        """
        template = self.chat_template
        if not template:
            raise UnsupportedError("the checkpoint has no chat template")
        bos, eos = (
            "" if token is None else self.piece(token).decode(*ENCODING)
            for token in (self.bos, self.eos)
        )
        return render_chat(
            template, messages, bos=bos, eos=eos, add_generation_prompt=add_generation_prompt
        )

    def encode_chat(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = True
    ) -> list[int]:
        """The ids of a conversation, for `Session.generate`: those of
        `winnow-run --chat`. Raises like `apply_chat_template`."""
        text = self.apply_chat_template(messages, add_generation_prompt=add_generation_prompt)
        bos = None if self.bos is None else self.piece(self.bos).decode(*ENCODING)
        return self.encode(text, bos=not bos or not text.startswith(bos))

    def stream(self, stop: str | Sequence[str] = ()) -> TextStream:
        """Turns ids into text one by one, until the first of the texts `stop`."""
        return TextStream(self, stop)

    def __repr__(self) -> str:
        return f"<winnow.Tokenizer of {len(self)} ids>"


class TextStream:
    """Ids to text as they come.

    Gives out complete characters only, and nothing that may begin a stop text
    until that is decided. A stream belongs to one thread at a time.
    """

    def __init__(self, tokenizer: Tokenizer | None, stop: str | Sequence[str] = ()) -> None:
        """Without a tokenizer, a stream of text. Raises InvalidArgumentError for
        an empty stop text."""
        texts = [stop] if isinstance(stop, str) else list(stop)
        encoded = [encode_text(text, "stop") for text in texts]
        if any(b"\0" in text for text in encoded):
            raise InvalidArgumentError("a stop text holds a null character")
        message = ctypes.create_string_buffer(500)
        pointer = text_api().text_stream_create(
            None if tokenizer is None else tokenizer._handle.pointer,
            (ctypes.c_char_p * len(encoded))(*encoded),
            len(encoded),
            message,
            len(message),
        )
        if not pointer:
            raise InvalidArgumentError(message.value.decode(*ENCODING))
        keep = () if tokenizer is None else (tokenizer._handle,)
        self._handle = Handle(pointer, text_api().text_stream_destroy, *keep)

    def add(self, token: int) -> str:
        """The text that is certain after one more id; may be empty."""
        return self._text(text_api().text_stream_add, token)

    def add_text(self, text: str) -> str:
        """The text that is certain after more text."""
        data = encode_text(text, "text")
        return self._text(text_api().text_stream_add_text, data, len(data))

    def finish(self) -> str:
        """The rest, when no more ids come."""
        return self._text(text_api().text_stream_finish)

    @property
    def stopped(self) -> bool:
        """True once a stop text was found; nothing comes after it."""
        return bool(text_api().text_stream_stopped(self._handle.pointer))

    def _text(self, function: Any, *arguments: int | bytes) -> str:
        size = ctypes.c_size_t()
        handle = opened(self._handle, "stream")
        text = function(handle.pointer, *arguments, ctypes.byref(size))
        if not text:
            raise OutOfMemoryError("out of memory")
        return ctypes.string_at(text, size.value).decode(*ENCODING)


def _role(token: int) -> int | None:
    return None if token < 0 else token


def _collect(function: Any, handle: Handle, *arguments: int) -> bytes:
    """What a function writes into a buffer, which may have to grow once."""
    size = 256
    while True:
        buffer = ctypes.create_string_buffer(size)
        count = function(handle.pointer, *arguments, buffer, size)
        if count < 0:
            raise OutOfMemoryError("out of memory")
        if count <= size:
            return buffer.raw[:count]
        size = count
