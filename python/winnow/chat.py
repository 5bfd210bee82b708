"""Conversations to prompts, by the templates of checkpoints."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping, Sequence

from winnow._libraries import ENCODING, encode_text
from winnow._text_api import ChatMessage, ChatOptions, text_api
from winnow.errors import InvalidArgumentError

Message = Mapping[str, str]
""""role" ("system", "user" or "assistant") and "content"."""


def render_chat(
    template: str,
    messages: Sequence[Message],
    *,
    bos: str = "",
    eos: str = "",
    add_generation_prompt: bool = True,
    now: int | None = None,
) -> str:
    """The text that a chat template (Jinja, as `transformers` runs it) makes of a
    conversation. Templates are not trusted: they reach nothing but these values,
    and depth, work and output are bounded.

    Args:
        messages: each with a "role" and a "content".
        bos, eos: the texts of those tokens, as the template writes them.
        add_generation_prompt: the text ends where the assistant begins to speak.
        now: seconds since 1970, for templates that tell the date; None: now.

    Raises InvalidArgumentError, with the line of the template, where it is none
    or refuses the conversation.
    """
    given = (ChatMessage * len(messages))(*map(_message, messages))
    options = ChatOptions(
        ctypes.sizeof(ChatOptions),
        not add_generation_prompt,
        _text(bos, "bos"),
        _text(eos, "eos"),
        int(time.time()) if now is None else now,
    )
    source = _text(template, "template")
    error = ctypes.create_string_buffer(500)
    size = 1024
    while True:
        buffer = ctypes.create_string_buffer(size)
        count = text_api().chat_render(
            *(source, len(source), given, len(given), ctypes.byref(options)),
            *(buffer, size, error, len(error)),
        )
        if count < 0:
            raise InvalidArgumentError(error.value.decode(*ENCODING))
        if count <= size:
            return buffer.raw[:count].decode(*ENCODING)
        size = count


def _message(message: Message) -> ChatMessage:
    try:
        role, content = message["role"], message["content"]
    except (KeyError, TypeError):
        raise InvalidArgumentError(
            f"a message expects a role and a content, found {message!r}"
        ) from None
    encoded = _text(content, "content")
    name = _text(role, "role")
    if b"\0" in name:
        raise InvalidArgumentError("a role holds a null character")
    return ChatMessage(name, encoded, len(encoded))


def _text(value: str, what: str) -> bytes:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} expects text, found {type(value).__name__}")
    return encode_text(value, what)
