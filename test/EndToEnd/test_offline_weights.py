"""Arithmetic on params and constants, which is done when the weights are written:
NumPy, the interpreter and native code make the same numbers of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from artifact import Artifact
from both_ways import run_both_ways
from interpreter import Call, interpret, recode
from programs import Programs
from reference.hadamard import rotated

ROWS, COLUMNS = 40, 96


def random_param(seed: int, count: int) -> np.ndarray:
    """What `{random = seed}` stands for: Analysis/ParamSource.h."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    parts = sum((z >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
    scale = np.float32(float.fromhex("0x1.1bc77ap-21"))
    return (parts.astype(np.int64) - 131070).astype(np.float32) * scale


ROWS_LEFT = [0, 1, 7, 8, 30, 39]
COLUMNS_LEFT = [*range(32, 64), 70, 95]


def taken(number_format: str, blocks: bool) -> str:
    """Rows of a weight as it is stored, then columns of its numbers or, of blocks,
    of their codes; then arithmetic on what is left."""
    encoding = "" if number_format == "f32" else f", #winnow.encoding<{number_format}>"
    columns = COLUMNS_LEFT[:32] if blocks else COLUMNS_LEFT
    shape, left = f"{len(ROWS_LEFT)}x{COLUMNS}xf32", f"{len(ROWS_LEFT)}x{len(columns)}xf32"
    decode, numbers, inner = "", "%r", encoding
    if not blocks and encoding:
        decode = f"%d = winnow.recode %r : tensor<{shape}{encoding}> -> tensor<{shape}>"
        numbers, inner = "%d", ""
    return f"""
winnow.param @w from {{random = 1 : i64}} : tensor<{ROWS}x{COLUMNS}xf32{encoding}>
winnow.param @b from {{random = 2 : i64}} : tensor<{ROWS}xf32>
func.func @f(%x: tensor<?x{len(columns)}xf32> {{winnow.name = "x", winnow.dims = ["T"]}})
    -> (tensor<?x{len(ROWS_LEFT)}xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %w = winnow.use @w : tensor<{ROWS}x{COLUMNS}xf32{encoding}>
  %r = winnow.take %w {ROWS_LEFT} along 0
    : tensor<{ROWS}x{COLUMNS}xf32{encoding}> -> tensor<{shape}{encoding}>
  {decode}
  %c = winnow.take {numbers} {columns} along 1 : tensor<{shape}{inner}> -> tensor<{left}{inner}>
  %v = winnow.use @b : tensor<{ROWS}xf32>
  %t = arith.constant {dense(np.arange(ROWS) / 4)}
  %a = arith.addf %v, %t : tensor<{ROWS}xf32>
  %b = winnow.take %a {ROWS_LEFT} along 0 : tensor<{ROWS}xf32> -> tensor<{len(ROWS_LEFT)}xf32>
  %y = winnow.linear %x, %c bias(%b : tensor<{len(ROWS_LEFT)}xf32>)
    : tensor<?x{len(columns)}xf32>, tensor<{left}{inner}> -> tensor<?x{len(ROWS_LEFT)}xf32>
  return %y : tensor<?x{len(ROWS_LEFT)}xf32>
}}
"""


def check(
    programs: Programs, text: str, inputs: np.ndarray, expected: np.ndarray, folder: Path
) -> None:
    """The program's results, compiled and interpreted, bit for bit."""
    module = folder / "program.mlir"
    module.write_text(text)
    artifact = programs.compile(module, folder / "artifact", "--activations=f32")
    interpreted, results = run_both_ways(
        programs,
        Artifact(artifact),
        module.read_text(),
        Call("f", {"x": inputs}),
        expected.shape,
        [1, 2],
        folder / "interpreted",
    )
    for native in results:
        np.testing.assert_array_equal(native, expected)
    np.testing.assert_array_equal(interpreted, expected)


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("number_format", ["f32", "f16", "bf16", "q8_0", "q4_1"])
def test_rows_and_columns(
    number_format: str, blocks: bool, programs: Programs, tmp_path: Path
) -> None:
    """The interpreter decodes the random codes of the whole weight for NumPy."""
    encoding = "" if number_format == "f32" else f", #winnow.encoding<{number_format}>"
    whole = f"""
winnow.param @w from {{random = 1 : i64}} : tensor<{ROWS}x{COLUMNS}xf32{encoding}>
func.func @f() -> tensor<{ROWS}x{COLUMNS}xf32> {{
  %w = winnow.use @w : tensor<{ROWS}x{COLUMNS}xf32{encoding}>
  %d = winnow.recode %w : tensor<{ROWS}x{COLUMNS}xf32{encoding}> -> tensor<{ROWS}x{COLUMNS}xf32>
  return %d : tensor<{ROWS}x{COLUMNS}xf32>
}}
"""
    winnow_opt = programs.directory / "winnow-opt"
    [[matrix]] = interpret(winnow_opt, whole, [Call("f", {})], tmp_path / "whole")
    columns = COLUMNS_LEFT[:32] if blocks else COLUMNS_LEFT
    matrix = matrix[np.ix_(ROWS_LEFT, columns)]
    bias = (random_param(2, ROWS) + (np.arange(ROWS) / 4).astype(np.float32))[ROWS_LEFT]
    inputs = np.vstack([np.eye(len(columns), dtype=np.float32), np.zeros((1, len(columns)))])
    expected = np.vstack([matrix.T + bias, bias[None]])
    check(programs, taken(number_format, blocks), inputs.astype(np.float32), expected, tmp_path)


def dense(values: np.ndarray) -> str:
    return f"dense<[{', '.join(f'{float(v)!r}' for v in values)}]> : tensor<{len(values)}xf32>"


def program(columns: np.ndarray, rows: np.ndarray, shift: np.ndarray, number_format: str) -> str:
    matrix = f"tensor<{ROWS}x{COLUMNS}xf32>"
    encoded = f"tensor<{ROWS}x{COLUMNS}xf32, #winnow.encoding<{number_format}>>"
    encode, q = f"%q = winnow.recode %n : {matrix} -> {encoded}", "%q"
    if number_format == "f32":
        encoded, encode, q = matrix, "", "%n"
    return f"""
winnow.param @w from {{random = 1 : i64}} : {matrix}
winnow.param @b from {{random = 2 : i64}} : tensor<{ROWS}xf32>
func.func @f(%x: tensor<?x{COLUMNS}xf32> {{winnow.name = "x", winnow.dims = ["T"]}})
    -> (tensor<?x{ROWS}xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %w = winnow.use @w : {matrix}
  %e = tensor.empty() : {matrix}
  %c = arith.constant {dense(columns)}
  %cs = linalg.broadcast ins(%c : tensor<{COLUMNS}xf32>) outs(%e : {matrix}) dimensions = [0]
  %m = arith.mulf %w, %cs : {matrix}
  %r = arith.constant {dense(rows)}
  %rs = linalg.broadcast ins(%r : tensor<{ROWS}xf32>) outs(%e : {matrix}) dimensions = [1]
  %n = arith.mulf %rs, %m : {matrix}
  {encode}
  %v = winnow.use @b : tensor<{ROWS}xf32>
  %t = arith.constant {dense(shift)}
  %a = arith.addf %v, %t : tensor<{ROWS}xf32>
  %b = arith.mulf %a, %r : tensor<{ROWS}xf32>
  %y = winnow.linear %x, {q} bias(%b : tensor<{ROWS}xf32>)
    : tensor<?x{COLUMNS}xf32>, {encoded} -> tensor<?x{ROWS}xf32>
  return %y : tensor<?x{ROWS}xf32>
}}
"""


@pytest.mark.parametrize("number_format", ["f32", "bf16", "q4_0", "int4_g32"])
def test_same_numbers_everywhere(number_format: str, programs: Programs, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    columns = random.uniform(0.3, 3, COLUMNS).astype(np.float32)
    rows = random.uniform(0.3, 3, ROWS).astype(np.float32)
    shift = random.uniform(-1, 1, ROWS).astype(np.float32)
    text = program(columns, rows, shift, number_format)
    matrix = random_param(1, ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    matrix = rows[:, None] * (matrix * columns)
    if number_format != "f32":
        winnow_opt = programs.directory / "winnow-opt"
        matrix = recode(winnow_opt, tmp_path / "recode", matrix, [number_format])[number_format]
    bias = (random_param(2, ROWS) + shift) * rows
    # A row for each column, and one that leaves the bias alone.
    inputs = np.vstack([np.eye(COLUMNS, dtype=np.float32), np.zeros((1, COLUMNS), np.float32)])
    expected = np.vstack([matrix.T + bias, bias[None]])

    check(programs, text, inputs, expected, tmp_path)


def rotating(rows: int, kept: list[int], number_format: str) -> str:
    """Rows and columns of a weight and its bias are rotated, in between multiplied;
    some whole runs of rows are left."""
    matrix, left = f"tensor<{rows}x{COLUMNS}xf32>", f"tensor<{len(kept)}x{COLUMNS}xf32>"
    encoded = f"{left[:-1]}, #winnow.encoding<{number_format}>>"
    encode, q = f"%q = winnow.recode %t : {left} -> {encoded}", "%q"
    if number_format == "f32":
        encoded, encode, q = left, "", "%t"
    return f"""
winnow.param @w from {{random = 1 : i64}} : {matrix}
winnow.param @b from {{random = 2 : i64}} : tensor<{rows}xf32>
func.func @f(%x: tensor<?x{COLUMNS}xf32> {{winnow.name = "x", winnow.dims = ["T"]}})
    -> (tensor<?x{len(kept)}xf32> {{winnow.dims = ["T"]}}) attributes {{winnow.entry}} {{
  %w = winnow.use @w : {matrix}
  %h = winnow.hadamard %w by 64 along 0 : {matrix}
  %r = arith.constant {dense(1 + np.arange(rows) % 64 / 64)}
  %e = tensor.empty() : {matrix}
  %rs = linalg.broadcast ins(%r : tensor<{rows}xf32>) outs(%e : {matrix}) dimensions = [1]
  %m = arith.mulf %h, %rs : {matrix}
  %c = winnow.hadamard %m by 32 along 1 : {matrix}
  %t = winnow.take %c {kept} along 0 : {matrix} -> {left}
  {encode}
  %v = winnow.use @b : tensor<{rows}xf32>
  %a = winnow.hadamard %v by 64 along 0 : tensor<{rows}xf32>
  %b = winnow.take %a {kept} along 0 : tensor<{rows}xf32> -> tensor<{len(kept)}xf32>
  %y = winnow.linear %x, {q} bias(%b : tensor<{len(kept)}xf32>)
    : tensor<?x{COLUMNS}xf32>, {encoded} -> tensor<?x{len(kept)}xf32>
  return %y : tensor<?x{len(kept)}xf32>
}}
"""


# The last one is written in pieces of 2 MB, which are no whole runs by themselves.
@pytest.mark.parametrize(
    ("rows", "number_format"), [(192, "f32"), (192, "q4_0"), (192, "int4_g32"), (6144, "f32")]
)
def test_rotations(rows: int, number_format: str, programs: Programs, tmp_path: Path) -> None:
    kept = [row for row in range(rows) if row // 64 != 1]
    matrix = rotated(random_param(1, rows * COLUMNS).reshape(rows, COLUMNS), 64, 0)
    factors = (1 + np.arange(rows) % 64 / 64).astype(np.float32)
    matrix = rotated(matrix * factors[:, None], 32, 1)[kept]
    if number_format != "f32":
        winnow_opt = programs.directory / "winnow-opt"
        matrix = recode(winnow_opt, tmp_path / "recode", matrix, [number_format])[number_format]
    bias = rotated(random_param(2, rows), 64, 0)[kept]
    inputs = np.vstack([np.eye(COLUMNS, dtype=np.float32), np.zeros((1, COLUMNS), np.float32)])
    expected = np.vstack([matrix.T + bias, bias[None]])
    check(programs, rotating(rows, kept, number_format), inputs, expected, tmp_path)


def test_parts_of_runs_are_refused(programs: Programs, tmp_path: Path) -> None:
    module = tmp_path / "program.mlir"
    module.write_text(rotating(192, [row for row in range(192) if row % 64 != 1], "f32"))
    message = programs.failure("winnow-compile", module, "-o", tmp_path / "name")
    assert message.endswith("'winnow.take' op is not supported by native code")
    assert not list(tmp_path.glob("name*"))
