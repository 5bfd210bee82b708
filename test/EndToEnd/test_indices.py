"""Numbers that choose rows: `invoke` refuses those that are no row, and native
code, which computes some of them, never reads elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from artifact import Artifact, ArtifactError, Status
from programs import Programs

VOCABULARY, WIDTH = 11, 37

PROGRAM = f"""
winnow.param @table from {{random = 1 : i64}} : tensor<{VOCABULARY}x{WIDTH}xf32>

// An argument that chooses from a table and from an argument.
func.func @arguments(%ids: tensor<?xi32> {{winnow.name = "ids", winnow.dims = ["T"]}},
                     %rows: tensor<?xi32> {{winnow.name = "rows", winnow.dims = ["R"]}})
    -> (tensor<?x{WIDTH}xf32> {{winnow.dims = ["R"]}}, tensor<?xi32> {{winnow.dims = ["R"]}})
    attributes {{winnow.entry}} {{
  %table = winnow.use @table : tensor<{VOCABULARY}x{WIDTH}xf32>
  %x = winnow.embed %table[%ids]
    : tensor<{VOCABULARY}x{WIDTH}xf32>, tensor<?xi32> -> tensor<?x{WIDTH}xf32>
  %y = winnow.token_gather %x[%rows]
    : tensor<?x{WIDTH}xf32>, tensor<?xi32> -> tensor<?x{WIDTH}xf32>
  %chosen = winnow.token_gather %ids[%rows] : tensor<?xi32>, tensor<?xi32> -> tensor<?xi32>
  return %y, %chosen : tensor<?x{WIDTH}xf32>, tensor<?xi32>
}}

winnow.param @no_rows from {{splat = 1.0 : f32}} : tensor<0x{WIDTH}xf32>

// A table without rows.
func.func @nothing(%ids: tensor<?xi32> {{winnow.name = "ids", winnow.dims = ["T"]}})
    -> (tensor<?x{WIDTH}xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %table = winnow.use @no_rows : tensor<0x{WIDTH}xf32>
  %y = winnow.embed %table[%ids]
    : tensor<0x{WIDTH}xf32>, tensor<?xi32> -> tensor<?x{WIDTH}xf32>
  return %y : tensor<?x{WIDTH}xf32>
}}

// Numbers that are computed: 7 more than those given.
func.func @computed(%x: tensor<?x{WIDTH}xf32> {{winnow.name = "x", winnow.dims = ["T"]}},
                    %given: tensor<?xi32> {{winnow.name = "given", winnow.dims = ["R"]}})
    -> (tensor<?x{WIDTH}xf32> {{winnow.dims = ["R"]}},
        tensor<?x{WIDTH}xf32> {{winnow.dims = ["R"]}})
    attributes {{winnow.entry}} {{
  %c0 = arith.constant 0 : index
  %R = tensor.dim %given, %c0 : tensor<?xi32>
  %empty = tensor.empty(%R) : tensor<?xi32>
  %rows = linalg.map ins(%given : tensor<?xi32>) outs(%empty : tensor<?xi32>)
    (%g: i32, %o: i32) {{
      %c7 = arith.constant 7 : i32
      %sum = arith.addi %g, %c7 : i32
      linalg.yield %sum : i32
    }}
  %y = winnow.token_gather %x[%rows]
    : tensor<?x{WIDTH}xf32>, tensor<?xi32> -> tensor<?x{WIDTH}xf32>
  %z = winnow.embed %x[%rows] {{scale = 2.0 : f32}}
    : tensor<?x{WIDTH}xf32>, tensor<?xi32> -> tensor<?x{WIDTH}xf32>
  return %y, %z : tensor<?x{WIDTH}xf32>, tensor<?x{WIDTH}xf32>
}}
"""


@pytest.fixture(scope="module")
def artifact(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("indices")
    source = folder / "indices.mlir"
    source.write_text(PROGRAM)
    with Artifact(programs.compile(source, folder / "indices")) as opened:
        yield opened


def choose(artifact: Artifact, ids: list[int], rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the ids that `rows` choose."""
    given = [np.array(numbers, np.int32) for numbers in (ids, rows)]
    y = np.full((len(rows), WIDTH), 7, np.float32)
    chosen = np.full(len(rows), 7, np.int32)
    with artifact.session(threads=2) as session:
        try:
            session.invoke("arguments", given, [y, chosen])
        except ArtifactError:
            assert (y == 7).all() and (chosen == 7).all()
            raise
    return y, chosen


def test_rows_that_there_are(artifact: Artifact) -> None:
    table, all_ids = choose(artifact, list(range(VOCABULARY)), list(range(VOCABULARY)))
    np.testing.assert_array_equal(all_ids, range(VOCABULARY))
    y, chosen = choose(artifact, [10, 0, 4], [2, 0, 0, 1])
    np.testing.assert_array_equal(chosen, [4, 10, 10, 0])
    np.testing.assert_array_equal(y, table[chosen])
    assert choose(artifact, [], [])[0].shape == (0, WIDTH)


@pytest.mark.parametrize(
    ("ids", "rows", "message"),
    [
        ([3, 11], [0], "arguments: 11 at index 1 of ids is not in [0, 11)"),
        ([-1], [0], "arguments: -1 at index 0 of ids is not in [0, 11)"),
        ([3, 4], [0, 1, 2], "arguments: 2 at index 2 of rows is not in [0, 2)"),
        ([3], [0, -(2**31)], f"arguments: {-(2**31)} at index 1 of rows is not in [0, 1)"),
        ([3], [2**31 - 1], f"arguments: {2**31 - 1} at index 0 of rows is not in [0, 1)"),
        ([], [0], "arguments: 0 at index 0 of rows is not in [0, 0)"),
    ],
)
def test_rows_that_there_are_not(
    ids: list[int], rows: list[int], message: str, artifact: Artifact
) -> None:
    with pytest.raises(ArtifactError) as raised:
        choose(artifact, ids, rows)
    assert raised.value.status == Status.INDEX_OUT_OF_RANGE
    assert raised.value.message == message


def test_table_without_rows(artifact: Artifact) -> None:
    with artifact.session() as session:
        session.invoke("nothing", [np.zeros(0, np.int32)], [np.zeros((0, WIDTH), np.float32)])
        with pytest.raises(ArtifactError) as raised:
            session.invoke("nothing", [np.zeros(1, np.int32)], [np.zeros((1, WIDTH), np.float32)])
    assert raised.value.message == "nothing: 0 at index 0 of ids is not in [0, 0)"


@pytest.mark.parametrize("tokens", [0, 1, 12])
@pytest.mark.parametrize("threads", [1, 2])
def test_computed_numbers_stay_inside(tokens: int, threads: int, artifact: Artifact) -> None:
    """The nearest row; without rows, zeros."""
    given = np.array([-7, 0, 4, -8, 5, 2**31 - 8, -(2**31), 10**9], np.int32)
    x = np.random.default_rng(tokens).normal(size=(tokens, WIDTH)).astype(np.float32)
    results = [np.full((len(given), WIDTH), 7, np.float32) for _ in range(2)]
    with artifact.session(threads=threads) as session:
        session.invoke("computed", [x, given], results)
    expected = np.zeros((len(given), WIDTH), np.float32)
    if tokens:
        expected = x[np.clip(given.astype(np.int64) + 7, 0, tokens - 1)]
    np.testing.assert_array_equal(results[0], expected)
    np.testing.assert_array_equal(results[1], 2 * expected)
