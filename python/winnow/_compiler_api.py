"""winnow/Compiler.h for ctypes."""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
)
from functools import cache
from typing import Any

from winnow._libraries import declare, open_library
from winnow.errors import COMPILER_ERRORS, Error

VERSION = 1

SEVERITIES = ("note", "warning", "error", "remark")
"""By winnow_compiler_severity."""

WRITE = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
PROGRESS = CFUNCTYPE(c_int, c_void_p, c_char_p, c_double)
DIAGNOSTIC = CFUNCTYPE(None, c_void_p, c_int, c_char_p)


class ErrorInfo(ctypes.Structure):
    """winnow_compiler_error."""

    _fields_ = (("status", c_int32), ("message", c_char * 1000))


class LoadOptions(ctypes.Structure):
    """winnow_compiler_load_options."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("context", c_int64),
        ("diagnostic", DIAGNOSTIC),
        ("diagnostic_context", c_void_p),
    )


class Options(ctypes.Structure):
    """winnow_compiler_options."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("threads", c_int32),
        ("target_cpu", c_char_p),
        ("activations", c_char_p),
        ("emit", c_char_p),
        ("debug", c_int32),
        ("progress", PROGRESS),
        ("progress_context", c_void_p),
        ("remarks", c_char_p),
        ("weights", c_char_p),
        ("weights_only", c_char_p),
        ("weights_skip", c_char_p),
        ("recipe", c_char_p),
        ("report", c_char_p),
        ("evaluate_texts", POINTER(c_char_p)),
        ("evaluate_text_count", c_int32),
        ("evaluate_tokens", c_int64),
        ("evaluate_window", c_int64),
    )


class CalibrateOptions(ctypes.Structure):
    """winnow_compiler_calibrate_options."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("threads", c_int32),
        ("texts", POINTER(c_char_p)),
        ("text_count", c_int32),
        ("kinds", c_char_p),
        ("only", c_char_p),
        ("window", c_int64),
        ("progress", PROGRESS),
        ("progress_context", c_void_p),
    )


class SearchOptions(ctypes.Structure):
    """winnow_compiler_search_options."""

    _fields_ = (("struct_size", c_uint32), ("rounds", c_int32), ("formats", c_char_p))


class ModelInfo(ctypes.Structure):
    """winnow_compiler_model_info."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("name", c_char_p),
        ("architecture", c_char_p),
        ("layers", c_int64),
        ("width", c_int64),
        ("vocabulary", c_int64),
        ("context", c_int64),
        ("trained_context", c_int64),
    )


_ERROR = POINTER(ErrorInfo)
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "winnow_compiler_version": (c_char_p,),
    "winnow_compiler_load": (c_int, c_char_p, POINTER(LoadOptions), POINTER(c_void_p), _ERROR),
    "winnow_compiler_release": (None, c_void_p),
    "winnow_compiler_info": (c_int, c_void_p, POINTER(ModelInfo), _ERROR),
    "winnow_compiler_print": (c_int, c_void_p, WRITE, c_void_p, _ERROR),
    "winnow_compiler_tokenizer": (c_int, c_void_p, WRITE, c_void_p, _ERROR),
    "winnow_compiler_run_pipeline": (c_int, c_void_p, c_char_p, _ERROR),
    "winnow_compiler_calibrate": (
        *(c_int, c_void_p, c_char_p, POINTER(CalibrateOptions)),
        _ERROR,
    ),
    "winnow_compiler_load_statistics": (c_int, c_void_p, c_char_p, _ERROR),
    "winnow_compiler_search": (
        *(c_int, c_void_p, c_char_p, c_char_p, POINTER(SearchOptions), POINTER(Options)),
        _ERROR,
    ),
    "winnow_compiler_compile": (c_int, c_void_p, c_char_p, POINTER(Options), _ERROR),
}


class CompilerApi:
    """The functions of libwinnow-compiler.so by their names without
    `winnow_compiler_`."""

    def __init__(self) -> None:
        library = open_library("winnow-compiler", "winnow_compiler_api_version", VERSION)
        for name, types in _FUNCTIONS.items():
            setattr(self, name.removeprefix("winnow_compiler_"), declare(library, name, *types))

    def __getattr__(self, name: str) -> Any:  # for type checkers
        raise AttributeError(name)


@cache
def compiler_api() -> CompilerApi:
    """The library, loaded when first needed: it brings LLVM with it."""
    return CompilerApi()


def call(function: Any, *arguments: Any) -> None:
    """Calls a function whose last parameter is a winnow_compiler_error."""
    error = ErrorInfo()
    status = function(*arguments, ctypes.byref(error))
    if status:
        message = error.message.decode("utf-8", "replace")
        raise COMPILER_ERRORS.get(status, Error)(message, status)
