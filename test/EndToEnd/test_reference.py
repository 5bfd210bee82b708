"""The NumPy forward pass against formulas written another way."""

import numpy as np
import pytest

from reference.transformer import attention, gelu_tanh, rms_norm, rope, silu

RNG = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, np.float32)


@pytest.mark.parametrize("interleaved", [True, False])
def test_rope_turns_complex_numbers(interleaved: bool) -> None:
    x, positions = normal(5, 3, 12), np.array([0, 1, 7, 7, 500])
    frequencies = 1000.0 ** -np.array([0, 0.25, 0.5, 0.75])
    order = [0, 2, 4, 6, 1, 3, 5, 7] if interleaved else list(range(8))
    real, imaginary = x[..., order[:4]], x[..., order[4:]]
    turned = (real + 1j * imaginary) * np.exp(1j * np.outer(positions, frequencies))[:, None]
    expected = x.copy()
    expected[..., order[:4]], expected[..., order[4:]] = turned.real, turned.imag
    actual = rope(x, positions, 8, 1000.0, interleaved, None)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


def test_rope_scores_depend_on_distance_alone() -> None:
    q, k = normal(1, 1, 16), normal(1, 1, 16)

    def score(query_position: int, key_position: int) -> float:
        turned_q = rope(q, np.array([query_position]), 16, 1e4, False, None)
        turned_k = rope(k, np.array([key_position]), 16, 1e4, False, None)
        return float(np.sum(turned_q * turned_k))

    assert score(9, 4) == pytest.approx(score(105, 100), abs=1e-5)


def test_attention_is_the_sum_over_visible_keys() -> None:
    q, k, v = normal(4, 6, 5), normal(7, 2, 5), normal(7, 2, 3)
    visible = np.tril(np.ones((4, 7), bool), 2)
    actual = attention(q, k, v, visible, 0.3)
    for token, head in np.ndindex(4, 6):
        total, mixed = 0.0, np.zeros(3)
        for key in np.flatnonzero(visible[token]):
            weight = np.exp(0.3 * float(q[token, head] @ k[key, head // 3]))
            total += weight
            mixed += weight * v[key, head // 3]
        np.testing.assert_allclose(actual[token, head], mixed / total, rtol=1e-5, atol=1e-6)


def test_norm_has_unit_mean_square() -> None:
    x = 100 * normal(3, 64)
    normed = rms_norm(x, np.ones(64, np.float32), 0.0)
    np.testing.assert_allclose(np.mean(normed**2, axis=-1), 1, rtol=1e-5)


def test_activations_at_known_points() -> None:
    x = np.array([-200, -1, 0, 1, 200], np.float32)
    np.testing.assert_allclose(silu(x), [0, -0.26894142, 0, 0.73105858, 200], atol=1e-6)
    np.testing.assert_allclose(gelu_tanh(x), [0, -0.158808, 0, 0.841192, 200], atol=1e-5)
