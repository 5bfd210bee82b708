"""Vocabularies of Hugging Face, for artifacts without one of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from winnow._arrays import Ids, int32_array, integer
from winnow._libraries import encode_path, encode_text
from winnow.errors import BadFileError, FileError, InvalidArgumentError, LibraryError
from winnow.tokenizer import TextStream, Tokenizer


class HuggingFaceTokenizer:
    """The tokenizer.json of a directory of Hugging Face.

    It needs the package `tokenizers`, which is not installed with Winnow. What
    ends generation is read from generation_config.json or config.json beside it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Reads PATH, or tokenizer.json in the directory PATH.

        Raises FileError, BadFileError, or LibraryError where `tokenizers` is
        not installed.
        """
        file = Path(os.fsdecode(encode_path(path, "path")))
        if file.is_dir():
            file /= "tokenizer.json"
        if not file.is_file():
            raise FileError(f"'{file}': no such file")
        try:
            import tokenizers  # type: ignore[import-not-found, import-untyped, unused-ignore]
        except ImportError:
            raise LibraryError("tokenizer.json needs the Python package tokenizers") from None
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(file))
        except Exception as error:  # that is what it raises
            raise BadFileError(f"'{file}': {error}") from None
        self._ends = _read_ends(file.parent)

    def encode(self, text: str, *, bos: bool = True) -> list[int]:
        """The ids of a text; `bos` adds what the tokenizer puts around a text."""
        if not isinstance(text, str):
            raise InvalidArgumentError(f"text expects text, found {type(text).__name__}")
        encode_text(text, "text")  # it says badly what it does not take
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=bos).ids
        return ids

    def decode(self, ids: Ids, *, special: bool = False) -> str:
        """The text of ids; `special` writes control tokens, too."""
        numbers = [token for token in int32_array(ids, "ids").tolist() if token >= 0]
        text: str = self._tokenizer.decode(numbers, skip_special_tokens=not special)
        return text

    def ends(self, token: int) -> bool:
        """True for ids that end generation."""
        return integer(token, "token", -(2**31), 2**31 - 1) in self._ends

    def __len__(self) -> int:
        """The number of ids."""
        size: int = self._tokenizer.get_vocab_size()
        return size

    def stream(self, stop: str | Sequence[str] = ()) -> HuggingFaceStream:
        """Turns ids into text one by one, until the first of the texts `stop`."""
        return HuggingFaceStream(self, stop)


def encode_whole(tokenizer: Tokenizer | HuggingFaceTokenizer, text: str) -> list[int]:
    """The ids of a text with all that belongs around it."""
    if isinstance(tokenizer, Tokenizer):
        return tokenizer.encode(text, eos=True)
    return tokenizer.encode(text)


class HuggingFaceStream:
    """Like `TextStream`. A token's text can depend on those before it, so each
    is decoded with the ones since the last complete character."""

    def __init__(self, tokenizer: HuggingFaceTokenizer, stop: str | Sequence[str] = ()) -> None:
        """Raises InvalidArgumentError for an empty stop text."""
        self._tokenizer = tokenizer
        self._stops = TextStream(None, stop)
        self._before: list[int] = []
        self._pending: list[int] = []

    def add(self, token: int) -> str:
        """The text that is certain after one more id; may be empty."""
        self._pending.append(integer(token, "token", 0, 2**31 - 1))
        text = self._new_text()
        return "" if text.endswith("\ufffd") else self._take(text)

    def finish(self) -> str:
        """The rest, when no more ids come."""
        return self._take(self._new_text()) + self._stops.finish()

    @property
    def stopped(self) -> bool:
        """True once a stop text was found; nothing comes after it."""
        return self._stops.stopped

    def _new_text(self) -> str:
        before = self._tokenizer.decode(self._before)
        return self._tokenizer.decode(self._before + self._pending)[len(before) :]

    def _take(self, text: str) -> str:
        if self._pending:
            self._before, self._pending = self._pending, []
        return self._stops.add_text(text)


def _read_ends(folder: Path) -> frozenset[int]:
    """eos_token_id, a number or several."""
    for name in ("generation_config.json", "config.json"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            config = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise BadFileError(f"'{path}': {error}") from None
        ends = config.get("eos_token_id") if isinstance(config, dict) else None
        if ends is None:
            continue
        numbers = ends if isinstance(ends, list) else [ends]
        if not all(type(number) is int for number in numbers):
            raise BadFileError(f"'{path}': eos_token_id expects numbers, found {ends!r}")
        return frozenset(numbers)
    return frozenset()
