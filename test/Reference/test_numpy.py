"""The interpreter against NumPy formulas in float64, on random cases.

The formulas are written from the definitions and not from the interpreter:
whole matrices at a time, masks as arrays of booleans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from interpreter import Call, interpret

ROOT = Path(__file__).resolve().parent.parent.parent
SEED = 20250
CASES = 40
# One rounding to float32 of a float64 result, and of numbers near zero that
# come out of larger ones.
RELATIVE, ABSOLUTE = 2e-7, 1e-12


@pytest.fixture(scope="module")
def winnow_opt(pytestconfig: pytest.Config) -> Path:
    """The program that holds the interpreter."""
    build = Path(pytestconfig.getoption("--winnow-build", default=ROOT / "build"))
    path = build.resolve() / "bin" / "winnow-opt"
    if not path.exists():
        pytest.skip("winnow-opt is not built")
    return path


@dataclass(frozen=True)
class Case:
    """A function, its arguments and what it must return."""

    text: str
    arguments: dict[str, np.ndarray]
    expected: list[np.ndarray]


ELEMENTS = {"float32": "f32", "int32": "i32", "int64": "i64", "bool": "i1"}


def type_of(array: np.ndarray) -> str:
    """The type of an array with its first dimension dynamic."""
    sizes = ["?", *map(str, array.shape[1:])] if array.ndim else []
    return f"tensor<{'x'.join([*sizes, ELEMENTS[array.dtype.name]])}>"


def make_function(
    name: str, arguments: dict[str, np.ndarray], body: str, results: str, types: list[str]
) -> str:
    """The text of a function."""
    parameters = ", ".join(
        f'%{key}: {type_of(value)} {{winnow.name = "{key}"}}' for key, value in arguments.items()
    )
    return (
        f"func.func @{name}({parameters}) -> ({', '.join(types)}) {{\n{body}\n"
        f"  return {results} : {', '.join(types)}\n}}\n"
    )


def check(winnow_opt: Path, folder: Path, cases: list[Case], declarations: str = "") -> None:
    """Runs all cases in one module and compares."""
    texts = [case.text.replace("@case", f"@case{i}") for i, case in enumerate(cases)]
    calls = [Call(f"case{i}", case.arguments) for i, case in enumerate(cases)]
    found = interpret(winnow_opt, declarations + "\n".join(texts), calls, folder)
    for number, case in enumerate(cases):
        assert len(found[number]) == len(case.expected)
        for output, (actual, expected) in enumerate(zip(found[number], case.expected, strict=True)):
            np.testing.assert_allclose(
                actual,
                expected,
                rtol=RELATIVE,
                atol=ABSOLUTE,
                err_msg=f"seed {SEED}, case {number}, result {output}\n{case.text}",
            )


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random float32 numbers."""
    return rng.standard_normal(shape, dtype=np.float32)


# Attention


def unpack_ancestors(words: np.ndarray, nodes: int) -> np.ndarray:
    """The bits of ancestor words as booleans [queries, nodes]."""
    bytes_ = words.astype("<i8").view(np.uint8).reshape(len(words), -1)
    return np.unpackbits(bytes_, axis=1, bitorder="little")[:, :nodes].astype(bool)


def visible_pairs(
    kind: str, mask: dict[str, int], qp: np.ndarray, kp: np.ndarray, operand: np.ndarray | None
) -> np.ndarray:
    """Which query [rows] sees which key [columns]."""
    q, k = qp[:, None].astype(np.int64), kp[None, :].astype(np.int64)
    if kind == "full":
        return np.ones((len(qp), len(kp)), bool)
    if kind == "causal":
        return k <= q
    if kind == "sliding_window":
        in_window = q - k < mask["window"]
        return (k <= q) & (in_window | (k < mask.get("sinks", 0)))
    if kind == "prefix":
        return (k < mask["prefix"]) | (k <= q)
    if kind == "grid":
        first = mask.get("sinks", 0)
        in_front = (q < first) | (k < first)
        q, k = q - first, k - first
        rows = np.abs(q // mask["width"] - k // mask["width"])
        columns = np.abs(q % mask["width"] - k % mask["width"])
        return in_front | ((rows <= mask["window"]) & (columns <= mask["window"]))
    assert operand is not None
    if kind == "explicit":
        return operand
    committed = np.ones((len(qp), len(kp) - len(qp)), bool)
    return np.concatenate([committed, unpack_ancestors(operand, len(qp))], axis=1)


def attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    visible: np.ndarray,
    scale: float,
    softcap: float,
    sinks: np.ndarray | None,
    bias: np.ndarray | None,
) -> list[np.ndarray]:
    """Output [Tq, Hq, Dv], lse [Tq, Hq], and column sums [Tk, Hkv]."""
    group = q.shape[1] // k.shape[1]
    keys = np.repeat(k.astype(np.float64), group, axis=1)
    values = np.repeat(v.astype(np.float64), group, axis=1)
    scores = float(np.float32(scale)) * np.einsum("ihc,jhc->hij", q.astype(np.float64), keys)
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    if bias is not None:
        scores = scores + bias.astype(np.float64)
    scores = np.where(visible[None], scores, -np.inf)
    with np.errstate(all="ignore"):
        top = scores.max(axis=2, keepdims=True, initial=-1e30)
        weights = np.exp(scores - top)
        lse = (top + np.log(weights.sum(axis=2, keepdims=True)))[:, :, 0]
        total = weights.sum(axis=2, keepdims=True)
        if sinks is not None:
            total = total + np.exp(sinks.astype(np.float64)[:, None, None] - top)
        p = np.where(visible.any(axis=1)[None, :, None], weights / total, 0.0)
    output = np.einsum("hij,jhc->ihc", p, values)
    mass = p.sum(axis=1).reshape(k.shape[1], group, -1).sum(axis=1)
    return [output, lse.T, mass.T]


def make_attention(rng: np.random.Generator) -> Case:
    """One random attention."""
    key_heads, group = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    queries, keys = int(rng.integers(1, 9)), int(rng.integers(0, 20))
    kinds = ["full", "causal", "sliding_window", "prefix", "grid", "explicit", "tree"]
    kind = str(rng.choice(kinds))
    if kind == "tree":
        keys += queries
    key_dim, value_dim = int(rng.integers(1, 10)), int(rng.integers(1, 10))
    heads = key_heads * group
    mask: dict[str, int] = {}
    if kind == "sliding_window":
        mask["window"] = int(rng.integers(1, 8))
        if rng.random() < 0.5:
            mask["sinks"] = int(rng.integers(1, 4))
    if kind == "prefix":
        mask["prefix"] = int(rng.integers(1, 8))
    if kind == "grid":
        mask |= {"window": int(rng.integers(1, 3)), "width": int(rng.integers(1, 6))}
        if rng.random() < 0.5:
            mask["sinks"] = int(rng.integers(1, 4))

    arguments = {
        "q": normal(rng, queries, heads, key_dim),
        "k": normal(rng, keys, key_heads, key_dim),
        "v": normal(rng, keys, key_heads, value_dim),
        "qp": rng.integers(0, 20, queries).astype(np.int32),
        "kp": rng.integers(0, 20, keys).astype(np.int32),
    }
    optional, segment_text, segment_types = "", ("", ""), ""
    operand = sinks = bias = None
    if rng.random() < 0.3:
        arguments["qs"] = rng.integers(0, 2, queries).astype(np.int32)
        arguments["ks"] = rng.integers(0, 2, keys).astype(np.int32)
        segment_text = (", %qs", ", %ks")
        segment_types = ", tensor<?xi32>, tensor<?xi32>"
    if rng.random() < 0.3:
        sinks = arguments["sinks"] = normal(rng, heads)
        optional += " sinks(%sinks : tensor<?xf32>)"
    if rng.random() < 0.3:
        shape = (heads, queries, keys)[int(rng.integers(0, 2)) :]
        bias = arguments["bias"] = normal(rng, *shape)
        optional += f" bias(%bias : {type_of(bias)})"
    if kind == "explicit":
        operand = arguments["visible"] = rng.random((queries, keys)) < 0.5
    if kind == "tree":
        # Arbitrary words: the op reads bits, whatever the tree.
        operand = arguments["visible"] = rng.integers(-(2**62), 2**62, (queries, 1))
    if operand is not None:
        optional += f" visible(%visible : {type_of(operand)})"
    scale = float(rng.uniform(0.1, 1.5))
    softcap = float(rng.choice([0.0, 0.5, 30.0]))

    visible = visible_pairs(kind, mask, arguments["qp"], arguments["kp"], operand)
    if segment_types:
        visible = visible & (arguments["qs"][:, None] == arguments["ks"][None, :])
    expected = attention(
        arguments["q"], arguments["k"], arguments["v"], visible, scale, softcap, sinks, bias
    )
    fields = "".join(f", {key} = {value}" for key, value in mask.items())
    types = [
        f"tensor<?x{heads}x{value_dim}xf32>",
        f"tensor<?x{heads}xf32>",
        f"tensor<?x{key_heads}xf32>",
    ]
    body = f"""  %o, %lse, %scores = winnow.attention
      query(%q, %qp{segment_text[0]}) key(%k, %kp{segment_text[1]}) value(%v){optional}
      {{mask = #winnow.mask<{kind}{fields}>, scale = {scale!r} : f32, softcap = {softcap} : f32}}
      : {type_of(arguments["q"])}, {type_of(arguments["k"])}, {type_of(arguments["v"])},
        tensor<?xi32>, tensor<?xi32>{segment_types}
      -> {types[0]} lse {types[1]} scores {types[2]}"""
    text = make_function("case", arguments, body, "%o, %lse, %scores", types)
    return Case(text, arguments, expected)


# Rope


def rope(
    x: np.ndarray, positions: np.ndarray, frequencies: np.ndarray, interleaved: bool
) -> np.ndarray:
    """Rotation as multiplication by complex numbers of magnitude one."""
    pairs = len(frequencies)
    turn = np.exp(1j * positions[:, None, None] * frequencies)
    wide = x.astype(np.float64)
    a = wide[..., 0 : 2 * pairs : 2] if interleaved else wide[..., :pairs]
    b = wide[..., 1 : 2 * pairs : 2] if interleaved else wide[..., pairs : 2 * pairs]
    turned = (a + 1j * b) * turn
    result = wide.copy()
    if interleaved:
        result[..., 0 : 2 * pairs : 2], result[..., 1 : 2 * pairs : 2] = turned.real, turned.imag
    else:
        result[..., :pairs], result[..., pairs : 2 * pairs] = turned.real, turned.imag
    return result


def make_rope(rng: np.random.Generator) -> Case:
    """One random rope, without the scalings that have tests of their own."""
    tokens, heads, pairs = (int(n) for n in rng.integers(1, 6, 3))
    width = 2 * pairs + int(rng.integers(0, 4))
    base = float(rng.choice([10000.0, 500000.0, 7.0]))
    arguments = {
        "x": normal(rng, tokens, heads, width),
        "p": rng.integers(0, 10000, tokens).astype(np.int32),
    }
    frequencies = base ** (-np.arange(pairs) / pairs)
    factors = ""
    if rng.random() < 0.5:
        arguments["f"] = rng.uniform(1, 8, pairs).astype(np.float32)
        frequencies = frequencies / arguments["f"].astype(np.float64)
        factors = " factors(%f : tensor<?xf32>)"
    scaling = ""
    if rng.random() < 0.5:
        scaling = ", scaling = #winnow.rope_scaling<linear, factor = 4.0 : f64>"
        frequencies = frequencies / 4
    interleaved = bool(rng.random() < 0.5)
    layout = "interleaved" if interleaved else "half"
    kind = type_of(arguments["x"])
    body = f"""  %y = winnow.rope %x at %p{factors} {{base = {base} : f64, dims = {2 * pairs} : i64,
      layout = #winnow<rope_layout {layout}>{scaling}}} : {kind}, tensor<?xi32>"""
    text = make_function("case", arguments, body, "%y", [kind])
    return Case(text, arguments, [rope(arguments["x"], arguments["p"], frequencies, interleaved)])


# Norm


def make_norm(rng: np.random.Generator) -> Case:
    """One random norm."""
    shape = tuple(int(n) for n in rng.integers(1, 12, int(rng.integers(2, 4))))
    kind = str(rng.choice(["rms", "layer", "l2"]))
    epsilon = float(np.float32(rng.choice([1e-6, 0.3])))
    offset = float(rng.choice([0.0, 1.0]))
    arguments = {"x": 3 * normal(rng, *shape)}
    x = arguments["x"].astype(np.float64)
    if kind == "rms":
        y = x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
    elif kind == "layer":
        y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
    else:
        y = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), epsilon)
    optional = ""
    if rng.random() < 0.7:
        arguments["w"] = normal(rng, shape[-1])
        optional += " weight(%w : tensor<?xf32>)"
        y = y * (arguments["w"].astype(np.float64) + offset)
    if rng.random() < 0.5:
        arguments["b"] = normal(rng, shape[-1])
        optional += " bias(%b : tensor<?xf32>)"
        y = y + arguments["b"]
    type_text = type_of(arguments["x"])
    body = f"""  %y = winnow.norm {kind} %x{optional}
      {{epsilon = {epsilon!r} : f32, weight_offset = {offset} : f32}} : {type_text}"""
    return Case(make_function("case", arguments, body, "%y", [type_text]), arguments, [y])


# Linear, embed, token_gather


def make_linear(rng: np.random.Generator) -> Case:
    """One random linear layer."""
    rows, inner, outer = (int(n) for n in rng.integers(1, 40, 3))
    arguments = {"x": normal(rng, rows, inner), "w": normal(rng, outer, inner)}
    y = arguments["x"].astype(np.float64) @ arguments["w"].astype(np.float64).T
    optional = ""
    if rng.random() < 0.5:
        arguments["b"] = normal(rng, outer)
        optional = " bias(%b : tensor<?xf32>)"
        y = y + arguments["b"]
    types = [type_of(arguments["x"]), type_of(arguments["w"])]
    result = "tensor<?x?xf32>"
    body = f"  %y = winnow.linear %x, %w{optional} : {types[0]}, {types[1]} -> {result}"
    return Case(make_function("case", arguments, body, "%y", [result]), arguments, [y])


def make_rows(rng: np.random.Generator) -> Case:
    """One random embed and token_gather of the same rows."""
    rows, width, count = (int(n) for n in rng.integers(1, 20, 3))
    arguments = {
        "x": normal(rng, rows, width),
        "ids": rng.integers(0, rows, count).astype(np.int32),
    }
    kind = type_of(arguments["x"])
    body = f"""  %e = winnow.embed %x[%ids] {{scale = 4.0 : f32}} : {kind}, tensor<?xi32> -> {kind}
  %g = winnow.token_gather %x[%ids] : {kind}, tensor<?xi32> -> {kind}"""
    chosen = np.take(arguments["x"], arguments["ids"], axis=0)
    text = make_function("case", arguments, body, "%e, %g", [kind, kind])
    return Case(text, arguments, [4 * chosen, chosen])


@pytest.mark.parametrize(
    "make", [make_attention, make_rope, make_norm, make_linear, make_rows], ids=lambda f: f.__name__
)
def test_random_cases(
    winnow_opt: Path, tmp_path: Path, make: Callable[[np.random.Generator], Case]
) -> None:
    """An op on random shapes, attributes and operands."""
    rng = np.random.default_rng(SEED)
    check(winnow_opt, tmp_path, [make(rng) for _ in range(CASES)])


# Params


def splitmix64(seed: int, count: int) -> np.ndarray:
    """The first outputs of splitmix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64)
        z = np.uint64(seed) + steps * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def test_random_param(winnow_opt: Path, tmp_path: Path) -> None:
    """Random params are the numbers that ParamSource.h defines."""
    words = splitmix64(42, 5 * 64)
    sums = sum((words >> np.uint64(16 * i) & np.uint64(0xFFFF)).astype(np.int64) for i in range(4))
    step = np.float32(0.02 * np.sqrt(3) / 65536)
    expected = ((sums - 131070).astype(np.float32) * step).reshape(5, 64)
    assert abs(expected.std() - 0.02) < 0.002
    cases, declarations = [], ""
    for kind, numbers in (("f32", expected), ("f16", expected.astype(np.float16))):
        plain = "tensor<5x64xf32>"
        stored = plain if kind == "f32" else f"tensor<5x64xf32, #winnow.encoding<{kind}>>"
        declarations += f"winnow.param @{kind} from {{random = 42 : i64}} : {stored}\n"
        body = f"""  %w = winnow.use @{kind} : {stored}
  %y = winnow.recode %w : {stored} -> {plain}"""
        text = make_function("case", {}, body, "%y", [plain])
        cases.append(Case(text, {}, [numbers.astype(np.float32)]))
    check(winnow_opt, tmp_path, cases, declarations)


BLOCK_FORMATS = (
    "q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs tq1_0 tq2_0 mxfp4 nvfp4 "
    "q1_0 q2_0 int4_g32 int4_g64 int4_g128 int8_g128 int4_g32_2of4 int4_g32_4of8 "
    "int8_g32_2of4 int8_g32_4of8"
).split()


def test_random_param_in_block_formats(winnow_opt: Path, tmp_path: Path) -> None:
    """Random blocks decode to numbers of the size of real weights, in every
    format, and no two rows are the same."""
    declarations = text = ""
    plain = "tensor<3x512xf32>"
    for name in BLOCK_FORMATS:
        stored = f"tensor<3x512xf32, #winnow.encoding<{name}>>"
        declarations += f"winnow.param @w_{name} from {{random = 1 : i64}} : {stored}\n"
        body = f"""  %w = winnow.use @w_{name} : {stored}
  %y = winnow.recode %w : {stored} -> {plain}"""
        text += make_function(name, {}, body, "%y", [plain])
    calls = [Call(name, {}) for name in BLOCK_FORMATS]
    results = interpret(winnow_opt, declarations + text, calls, tmp_path)
    for name, [numbers] in zip(BLOCK_FORMATS, results, strict=True):
        assert np.abs(numbers).max() <= 0.1, name
        assert numbers.std() > 0.001, name
        assert not np.array_equal(numbers[0], numbers[1]), name
