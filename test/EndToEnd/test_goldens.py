"""The NumPy forward pass against what llama.cpp said of the same files, so that
a misreading that Winnow and the reference share would show."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from conftest import WITH_GOLDEN, Tiny
from make_tiny_models import MODELS
from reference import Transformer

# llama.cpp reads GELU, for GPT-NeoX its tanh approximation, too, from a table in
# half precision; elsewhere two float32
# programs differ by rounding alone.
EXACT_BOUND = {"gemma3": 1e-3, "gptneox": 1e-3}


def test_file_is_the_recorded_one(tiny: Tiny) -> None:
    assert hashlib.sha256(tiny.path.read_bytes()).hexdigest() == tiny.record["sha256"]


@pytest.mark.parametrize("tiny", WITH_GOLDEN, indirect=True)
def test_agrees_with_llama_cpp(tiny: Tiny) -> None:
    # In front of block formats llama.cpp rounds activations to 8 bits; a wrong
    # rope, mask or format is off by the size of the logits themselves.
    bound = EXACT_BOUND.get(tiny.model.architecture, 1e-5) if tiny.model.exact else 0.15
    difference = np.abs(tiny.llama_cpp_logits - tiny.expected).max()
    assert difference <= bound * np.abs(tiny.expected).max()
    spread = np.std(tiny.llama_cpp_logits - tiny.expected) / np.std(tiny.expected)
    assert spread <= bound / 2


@pytest.mark.parametrize("tiny", [model.name for model in MODELS if model.window], indirect=True)
def test_window_matters(tiny: Tiny) -> None:
    """Otherwise the models with a window would test nothing about it."""
    model = Transformer(tiny.path)
    model.config = replace(model.config, window=1000)
    different = np.abs(model(tiny.model.token_ids()) - tiny.expected).max(axis=-1)
    # Position 0 to 15 see the same keys with and without the window.
    assert different[:16].max() < 1e-3 * np.abs(tiny.expected).max()
    assert different[16:].max() > 0.1 * np.abs(tiny.expected).max()
