"""Checking what callers pass as numbers and arrays."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from winnow.errors import InvalidArgumentError

Ids: TypeAlias = Sequence[int] | npt.NDArray[np.integer[Any]]
"""Token ids: a sequence of ints, or an integer array [count]."""

_INT32 = np.iinfo(np.int32)


def integer(value: Any, what: str, least: int, most: int = 2**63 - 1) -> int:
    """A whole number in [least, most]."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgumentError(f"{what} expects a whole number, found {value!r}") from None
    if isinstance(value, bool) or not least <= number <= most:
        raise InvalidArgumentError(
            f"{what} expects a whole number from {least} to {most}, found {value!r}"
        )
    return number


def int32_array(values: Ids, what: str) -> npt.NDArray[np.int32]:
    """Whole numbers as a contiguous array [count]; checked to fit in 32 bits."""
    if isinstance(values, str | bytes):
        raise InvalidArgumentError(f"{what} expects whole numbers, found text")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"{what} expects whole numbers: {error}") from None
    if array.size == 0 and array.ndim == 1:
        return np.empty(0, np.int32)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"{what} expects whole numbers [count], found {array.dtype} {list(array.shape)}"
        )
    if array.min() < _INT32.min or array.max() > _INT32.max:
        raise InvalidArgumentError(f"{what} expects numbers that fit in 32 bits")
    return np.ascontiguousarray(array, np.int32)


def typed_array(value: npt.ArrayLike, dtype: np.dtype[Any], what: str) -> np.ndarray[Any, Any]:
    """A contiguous array of exactly `dtype`. An array of another dtype is an
    error, because converting it could round; plain Python numbers are converted."""
    given = isinstance(value, np.ndarray | np.generic)
    try:
        array = np.asarray(value) if given else np.asarray(value, dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"{what} expects {dtype}: {error}") from None
    if array.dtype != dtype:
        raise InvalidArgumentError(f"{what} expects {dtype}, found {array.dtype}")
    return np.require(array, requirements=["C", "A"])
