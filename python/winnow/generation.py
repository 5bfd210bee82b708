"""A prompt in, tokens out: the loop of winnow-run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from winnow._arrays import Ids, int32_array, integer
from winnow.errors import ContextOverrunError, InvalidArgumentError, UnsupportedError
from winnow.huggingface import HuggingFaceStream, HuggingFaceTokenizer
from winnow.sampler import Sampler
from winnow.tokenizer import TextStream, Tokenizer

if TYPE_CHECKING:
    from winnow.session import Session

DEFAULT_TOKENS = 128


class Token(NamedTuple):
    """A generated token."""

    id: int
    text: str
    """What became certain with it: complete characters, before any stop text.
    Empty where the artifact has no tokenizer."""


OnToken = Callable[[Token], object]

Reason = Literal["end", "stop", "length"]
"""Why a generation ended: an end-of-sequence token, a stop text, or the number
of tokens."""


@dataclass(frozen=True)
class Generation:
    """What was generated."""

    ids: list[int]
    """All of them; an end-of-sequence id is the last."""
    text: str | None
    """Their text up to a stop text; None where the artifact has no tokenizer."""
    reason: Reason


class Stream(Iterator[Token]):
    """An iterator over generated tokens; see `Session.stream`."""

    def __init__(
        self,
        session: Session,
        prompt: str | Ids,
        max_tokens: int | None,
        *,
        sampling: dict[str, Any],
        stop: str | Sequence[str],
        ignore_eos: bool,
    ) -> None:
        if session.artifact.vocabulary == 0:
            raise UnsupportedError(
                f"'{session.artifact.name}' has no decoder: use invoke for its entry points"
            )
        self._session = session
        self._sampler = Sampler(**sampling)
        self._ignore_eos = ignore_eos
        self._tokenizer = _tokenizer_of(session, needed=isinstance(prompt, str) or bool(stop))
        self._decoder: TextStream | HuggingFaceStream | None = None
        if self._tokenizer is not None:
            self._decoder = self._tokenizer.stream(stop)
        self._ids: list[int] = []
        self._texts: list[str] = []
        self._reason: Reason | None = None
        if isinstance(prompt, str):
            assert self._tokenizer
            ids: Ids = self._tokenizer.encode(prompt, bos=session.length == 0)
        else:
            ids = int32_array(prompt, "prompt")
        if len(ids) == 0:
            raise InvalidArgumentError("the prompt has no tokens")
        self._wanted = _count(session, len(ids), max_tokens)
        if session.artifact.prunes_prompts:
            session.prefill_prompt(ids)
        else:
            session.prefill(ids)
        if self._wanted == 0:
            self._reason = "length"

    def __next__(self) -> Token:
        if self._reason:
            raise StopIteration
        if self._ids:
            self._session.decode(self._ids[-1])
        token = self._sampler.sample(self._session.logits[-1])
        self._ids.append(token)
        text = self._advance(token)
        self._texts.append(text)
        return Token(token, text)

    def _advance(self, token: int) -> str:
        """The text of one more token; sets the reason where it is the last."""
        ends = not self._ignore_eos and bool(self._tokenizer and self._tokenizer.ends(token))
        # The end is one of the generated ids, but it is no text.
        text = self._decoder.add(token) if self._decoder and not ends else ""
        if ends:
            self._reason = "end"
        elif self._decoder and self._decoder.stopped:
            self._reason = "stop"
        elif len(self._ids) == self._wanted:
            self._reason = "length"
        if self._decoder and self._reason and self._reason != "stop":
            text += self._decoder.finish()
            if self._decoder.stopped:
                self._reason = "stop"
        return text

    def result(self) -> Generation:
        """What was generated up to now."""
        text = "".join(self._texts) if self._tokenizer else None
        return Generation(list(self._ids), text, self._reason or "length")


def _tokenizer_of(session: Session, needed: bool) -> Tokenizer | HuggingFaceTokenizer | None:
    try:
        return session.artifact.tokenizer
    except UnsupportedError:
        if needed:
            raise
        return None


def _count(session: Session, prompt: int, max_tokens: int | None) -> int:
    """Tokens to generate. The last one is not computed further, so it needs no
    place in the session."""
    free = session.context - session.length
    room = free - prompt + 1
    if max_tokens is None:
        count = min(DEFAULT_TOKENS, max(room, 0))
    else:
        count = integer(max_tokens, "max_tokens", 0)
    if prompt > free or count > room:
        raise ContextOverrunError(
            f"context overrun: a prompt of {prompt} tokens and {count} to generate do not fit in "
            f"the {free} of {session.context} tokens that are free"
        )
    return count
