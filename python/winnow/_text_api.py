"""winnow/Text.h for ctypes."""

from __future__ import annotations

import ctypes
from ctypes import (
    POINTER,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import Any

from winnow._libraries import declare, open_library

VERSION = 1

ADD_BOS = 1
ADD_EOS = 2
SPECIAL = 4
CONTINUES = 8


class SamplerOptions(ctypes.Structure):
    """winnow_sampler_options."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("top_k", c_int64),
        ("temperature", c_double),
        ("top_p", c_double),
        ("min_p", c_double),
        ("seed", c_uint64),
    )


class ChatMessage(ctypes.Structure):
    """winnow_chat_message."""

    _fields_ = (("role", c_char_p), ("content", c_char_p), ("content_size", c_size_t))


class ChatOptions(ctypes.Structure):
    """winnow_chat_options."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("without_prompt", c_int32),
        ("bos_token", c_char_p),
        ("eos_token", c_char_p),
        ("now", c_int64),
    )


_FAILURE = (c_char_p, c_size_t)
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "winnow_tokenizer_open": (c_void_p, c_char_p, *_FAILURE),
    "winnow_tokenizer_parse": (c_void_p, c_char_p, c_size_t, *_FAILURE),
    "winnow_tokenizer_close": (None, c_void_p),
    "winnow_tokenizer_encode": (
        c_int64,
        *(c_void_p, c_char_p, c_size_t, c_uint32, c_void_p, c_int64),
    ),
    "winnow_tokenizer_decode": (
        c_int64,
        *(c_void_p, c_void_p, c_int64, c_uint32, c_void_p, c_int64),
    ),
    "winnow_tokenizer_size": (c_int32, c_void_p),
    "winnow_tokenizer_find": (c_int32, c_void_p, c_char_p, c_size_t),
    "winnow_tokenizer_piece": (c_int64, c_void_p, c_int32, c_void_p, c_int64),
    "winnow_tokenizer_chat_template": (c_int64, c_void_p, c_void_p, c_int64),
    "winnow_tokenizer_ends": (c_int32, c_void_p, c_int32),
    "winnow_tokenizer_bos": (c_int32, c_void_p),
    "winnow_tokenizer_eos": (c_int32, c_void_p),
    "winnow_chat_render": (
        c_int64,
        *(c_char_p, c_size_t, POINTER(ChatMessage), c_int64, POINTER(ChatOptions)),
        *(c_void_p, c_int64, *_FAILURE),
    ),
    "winnow_text_stream_create": (c_void_p, c_void_p, POINTER(c_char_p), c_int32, *_FAILURE),
    "winnow_text_stream_destroy": (None, c_void_p),
    "winnow_text_stream_add": (c_void_p, c_void_p, c_int32, POINTER(c_size_t)),
    "winnow_text_stream_add_text": (c_void_p, c_void_p, c_char_p, c_size_t, POINTER(c_size_t)),
    "winnow_text_stream_finish": (c_void_p, c_void_p, POINTER(c_size_t)),
    "winnow_text_stream_stopped": (c_int32, c_void_p),
    "winnow_sampler_create": (c_void_p, POINTER(SamplerOptions), *_FAILURE),
    "winnow_sampler_destroy": (None, c_void_p),
    "winnow_sampler_sample": (c_int32, c_void_p, c_void_p, c_int64),
}


class TextApi:
    """The functions of libwinnow-text.so by their names without `winnow_`."""

    def __init__(self) -> None:
        library = open_library("winnow-text", "winnow_text_api_version", VERSION)
        for name, types in _FUNCTIONS.items():
            setattr(self, name.removeprefix("winnow_"), declare(library, name, *types))

    def __getattr__(self, name: str) -> Any:  # for type checkers
        raise AttributeError(name)


@cache
def text_api() -> TextApi:
    """The library, loaded when first needed."""
    return TextApi()
