"""Entry points on plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import winnow

PROGRAM = """
winnow.param @w from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q8_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x32xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
  %y = winnow.linear %x, %w : tensor<?x64xf32>,
    tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> winnow.Session:
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.mlir").write_text(PROGRAM)
    artifact = winnow.compile(folder / "program.mlir", folder / "program", activations="f32")
    return artifact.session()


def test_linear(session: winnow.Session) -> None:
    """The weights come out as rows of an identity, and the rest follows."""
    entry = session.artifact.entries["forward"]
    assert entry.inputs == (winnow.TensorSpec("x", np.dtype(np.float32), ("T", 64)),)
    assert entry.outputs == (winnow.TensorSpec("y", np.dtype(np.float32), ("T", 32)),)
    weights = session.invoke("forward", x=np.eye(64, dtype=np.float32))["y"]
    assert weights.shape == (64, 32) and weights.std() > 0
    x = np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32)
    y = session.invoke("forward", x=x)["y"]
    np.testing.assert_allclose(y, x.astype(np.float64) @ weights, rtol=1e-5, atol=1e-5)
    # Arrays that are not contiguous, and plain numbers.
    np.testing.assert_array_equal(session.invoke("forward", x=np.asfortranarray(x))["y"], y)
    np.testing.assert_array_equal(session.invoke("forward", x=x.tolist())["y"], y)
    assert session.invoke("forward", x=x[:0])["y"].shape == (0, 32)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"z": np.zeros((1, 64), np.float32)},
        {"x": np.zeros((1, 64), np.float32), "z": 1},
        {"x": np.zeros((1, 64))},
        {"x": np.zeros((1, 64), ">f4")},
        {"x": np.zeros((1, 64), np.int32)},
        {"x": np.zeros((1, 63), np.float32)},
        {"x": np.zeros(64, np.float32)},
        {"x": np.zeros((1, 1, 1, 1, 64), np.float32)},
        {"x": "text"},
        {"x": [[1, 2], [3]]},
        {"x": None},
        {"x": object()},
    ],
)
def test_refused(session: winnow.Session, inputs: dict[str, Any]) -> None:
    with pytest.raises(winnow.InvalidArgumentError):
        session.invoke("forward", **inputs)


def test_no_decoder(session: winnow.Session) -> None:
    assert session.artifact.vocabulary == 0
    with pytest.raises(winnow.UnsupportedError):
        session.prefill([1])
    with pytest.raises(winnow.UnsupportedError):
        session.generate([1])
    assert session.logits.shape == (0, 0)
