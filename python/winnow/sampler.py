"""Choosing the next id, exactly as winnow-run does."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow._arrays import integer
from winnow._libraries import Handle, opened
from winnow._text_api import SamplerOptions, text_api
from winnow.errors import Error, InvalidArgumentError


class Sampler:
    """Draws ids from logits.

    With temperature 0 it is the largest logit; of equal ones the lowest id.
    Else, in this order: softmax of logits / temperature; the `top_k` most likely
    (0: all); the fewest of the most likely that together reach `top_p` of what
    is left (1: all); those at least `min_p` times as likely as the best; one of
    the rest by its probability. The same seed and logits draw the same ids on
    every machine.

    A sampler belongs to one thread at a time.
    """

    def __init__(
        self,
        temperature: float = 0.0,
        *,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int = 42,
    ) -> None:
        """Raises InvalidArgumentError for numbers that make no sense."""
        api = text_api()
        options = SamplerOptions(
            ctypes.sizeof(SamplerOptions),
            integer(top_k, "top_k", 0),
            real(temperature, "temperature"),
            real(top_p, "top_p"),
            real(min_p, "min_p"),
            integer(seed, "seed", 0),
        )
        message = ctypes.create_string_buffer(500)
        pointer = api.sampler_create(ctypes.byref(options), message, len(message))
        if not pointer:
            raise InvalidArgumentError(message.value.decode("utf-8", "replace"))
        self._handle: Handle | None = Handle(pointer, api.sampler_destroy)

    def sample(self, logits: npt.ArrayLike) -> int:
        """The next id for logits, float32 [vocabulary].

        Raises Error where a logit is NaN or plus infinity, or none is a number.
        """
        array: np.ndarray[Any, Any] = np.ascontiguousarray(logits)
        if array.dtype != np.float32 or array.ndim != 1:
            raise InvalidArgumentError(
                f"logits expects float32 [vocabulary], found {array.dtype} {list(array.shape)}"
            )
        handle = opened(self._handle, "sampler")
        token: int = text_api().sampler_sample(handle.pointer, array.ctypes.data, array.size)
        if token < 0:
            raise Error("the logits are not numbers")
        return token


def real(value: float, what: str) -> float:
    """A number as C's double."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(f"{what} expects a number, found {value!r}") from None
