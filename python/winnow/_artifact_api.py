"""winnow/Artifact.h for ctypes."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char, c_char_p, c_float, c_int, c_int32, c_int64, c_uint32, c_void_p
from typing import Any

import numpy as np

from winnow.errors import ARTIFACT_ERRORS, Error, UnsupportedError

ABI_VERSION = 1

DTYPES = (np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.bool_))
"""By winnow_dtype."""

ROWS = {"last": 0, "all": 1, "none": 2}
"""winnow_rows."""

MAX_RANK = 4


class ErrorInfo(ctypes.Structure):
    """winnow_error."""

    _fields_ = (("status", c_int32), ("message", c_char * 500))


PART = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_int32)
EXECUTOR = ctypes.CFUNCTYPE(None, c_void_p, c_int32, PART, c_void_p)
"""winnow_executor."""

CANCEL = ctypes.CFUNCTYPE(c_int, c_void_p)
"""winnow_cancel."""


class SessionOptions(ctypes.Structure):
    """winnow_session_options."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("threads", c_int32),
        ("context", c_int64),
        ("piece", c_int64),
        ("executor", EXECUTOR),
        ("executor_context", c_void_p),
        ("allocator", c_void_p),
        ("cancel", CANCEL),
        ("cancel_context", c_void_p),
        ("log", c_void_p),
        ("log_context", c_void_p),
    )


class Tokens(ctypes.Structure):
    """winnow_tokens."""

    _fields_ = (
        ("ids", c_void_p),
        ("positions", c_void_p),
        ("segments", c_void_p),
        ("count", c_int64),
    )


class Embeddings(ctypes.Structure):
    """winnow_embeddings."""

    _fields_ = (
        ("rows", c_void_p),
        ("width", c_int64),
        ("positions", c_void_p),
        ("segments", c_void_p),
        ("count", c_int64),
    )


class Span(ctypes.Structure):
    """winnow_span."""

    _fields_ = (("first", c_int64), ("last", c_int64))


class Texts(ctypes.Structure):
    """winnow_texts."""

    _fields_ = (("ids", c_void_p), ("lengths", c_void_p), ("count", c_int64))


class Tensor(ctypes.Structure):
    """winnow_tensor."""

    _fields_ = (
        ("dtype", c_int32),
        ("rank", c_int32),
        ("shape", c_int64 * MAX_RANK),
        ("data", c_void_p),
    )

    @classmethod
    def of(cls, array: np.ndarray[Any, Any]) -> Tensor:
        """Points to a contiguous array, which has to outlive the result."""
        shape = (c_int64 * MAX_RANK)(*array.shape)
        return cls(DTYPES.index(array.dtype), array.ndim, shape, array.ctypes.data)


class Stage(ctypes.Structure):
    """winnow_stage."""

    _fields_ = (
        ("entry", c_char_p),
        ("dims", POINTER(c_int64)),
        ("past", c_int64),
        ("stage", c_int32),
        ("thread", c_int32),
        ("leaves", c_int32),
    )


PROFILER = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Stage))


class ModelInfo(ctypes.Structure):
    """winnow_model_info."""

    _fields_ = (
        ("struct_size", c_uint32),
        ("name", c_char_p),
        ("architecture", c_char_p),
        ("target_cpu", c_char_p),
        ("manifest_json", c_char_p),
        ("vocabulary", c_int64),
        ("context", c_int64),
        ("layers", c_int64),
        ("weight_bytes", c_int64),
        ("kv_bytes_per_token", c_int64),
        ("checkpoint_bytes_per_token", c_int64),
        ("embedding_width", c_int64),
        ("hidden_width", c_int64),
        ("pooled_width", c_int64),
        ("prunes_prompts", c_int64),
    )


def _function(result: Any, *arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(result, *arguments)


_ERROR = POINTER(ErrorInfo)
_TENSORS = (POINTER(Tensor), c_int32)
_FLOATS = POINTER(POINTER(c_float))


class Api(ctypes.Structure):
    """winnow_api."""

    _fields_ = (
        ("abi_version", c_uint32),
        ("struct_size", c_uint32),
        ("open", _function(c_int32, c_uint32, c_char_p, POINTER(c_void_p), _ERROR)),
        ("close", _function(None, c_void_p)),
        ("info", _function(c_int32, c_void_p, POINTER(ModelInfo))),
        ("verify", _function(c_int32, c_void_p, _ERROR)),
        (
            "session_create",
            _function(c_int32, c_void_p, POINTER(SessionOptions), POINTER(c_void_p), _ERROR),
        ),
        ("session_destroy", _function(None, c_void_p)),
        ("prefill", _function(c_int32, c_void_p, POINTER(Tokens), c_int32, _ERROR)),
        ("decode", _function(c_int32, c_void_p, c_int32, _ERROR)),
        ("logits", _function(c_int32, c_void_p, _FLOATS, POINTER(c_int64), _ERROR)),
        ("length", _function(c_int64, c_void_p)),
        ("truncate", _function(c_int32, c_void_p, c_int64, _ERROR)),
        ("reset", _function(c_int32, c_void_p)),
        ("invoke", _function(c_int32, c_void_p, c_char_p, *_TENSORS, *_TENSORS, _ERROR)),
        # Artifacts of older compilers lack these: see `function`.
        ("set_profiler", _function(c_int32, c_void_p, PROFILER, c_void_p, _ERROR)),
        ("status_name", _function(c_char_p, c_int32)),
        (
            "open_with_options",
            _function(c_int32, c_uint32, c_char_p, c_void_p, POINTER(c_void_p), _ERROR),
        ),
        ("session_save", _function(c_int32, c_void_p, c_char_p, _ERROR)),
        ("session_load", _function(c_int32, c_void_p, c_char_p, _ERROR)),
        ("session_state_size", _function(c_int64, c_void_p)),
        ("session_save_to", _function(c_int32, c_void_p, c_void_p, c_int64, _ERROR)),
        ("session_load_from", _function(c_int32, c_void_p, c_void_p, c_int64, _ERROR)),
        ("cache_lengths", _function(c_int32, c_void_p, POINTER(c_int64), c_int64, _ERROR)),
        (
            "prefill_embeddings",
            _function(c_int32, c_void_p, POINTER(Embeddings), c_int32, _ERROR),
        ),
        ("encode", _function(c_int32, c_void_p, POINTER(Texts), c_void_p, c_void_p, _ERROR)),
        (
            "prefill_prompt",
            _function(c_int32, c_void_p, POINTER(Tokens), POINTER(Span), c_int32, _ERROR),
        ),
    )


LEAST_SIZE: int = Api.set_profiler.offset
"""The functions that every artifact has, in bytes of winnow_api."""


def function(api: Any, name: str) -> Any:
    """A function that artifacts of older compilers lack."""
    field = getattr(Api, name)
    if api.struct_size < field.offset + field.size:
        raise UnsupportedError(f"the artifact was compiled before there was {name}")
    return getattr(api, name)


def call(called: Any, *arguments: Any) -> None:
    """Calls a function whose last parameter is a winnow_error."""
    error = ErrorInfo()
    status = called(*arguments, ctypes.byref(error))
    if status:
        raise failure(status, error.message.decode("utf-8", "replace"))


def failure(status: int, message: str) -> Error:
    """The exception for a status."""
    return ARTIFACT_ERRORS.get(status, Error)(message, status)
