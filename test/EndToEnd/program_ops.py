"""The ops that random programs are made of, with their numerical bounds.

Bounds are those of the ops' Numerics headings, or worst cases of rounding in
float32 (unit roundoff u = 2^-24) where these are tighter: a sum of n products
is off by at most (n + c) u times the sum of their magnitudes.
"""

from __future__ import annotations

import numpy as np

from program_ir import Bound, Bounds, Decoded, Op, Param, Read, Value, write_float
from program_weights import Change, write_changes

U = 2.0**-24
# Between neighbouring f32 numbers near zero: half of it, at most, is lost by each
# rounding of a number too small for a relative bound.
STEP_AT_ZERO = 2.0**-149
# Random weights are below this in magnitude (ParamSource.h).
LARGEST_WEIGHT = 0.1

# Elements per block of the weight formats.
FORMATS = {"f32": 1, "f16": 1, "bf16": 1}
FORMATS |= dict.fromkeys("q4_0 q4_1 q5_0 q5_1 q8_0 iq4_nl mxfp4".split(), 32)
FORMATS |= {"q2_0": 64, "nvfp4": 64, "q1_0": 128}
FORMATS |= {"int4_g32": 32, "int4_g64": 64, "int4_g128": 128, "int8_g128": 128}
FORMATS |= dict.fromkeys((f"int{b}_g32_{n}" for b in (4, 8) for n in ("2of4", "4of8")), 32)
FORMATS |= dict.fromkeys("q2_k q3_k q4_k q5_k q6_k iq4_xs tq1_0 tq2_0".split(), 256)
FLOAT_FORMATS = ("f32", "f16", "bf16")
# What inputs are rounded to in front of weights of a format.
ACTIVATIONS = {name: "a8_b32" for name in FORMATS if name not in FLOAT_FORMATS}
ACTIVATIONS["bf16"] = "bf16"


def exact(_: list[np.ndarray], expected: list[np.ndarray], __: Decoded) -> Bounds:
    """The bound of ops that do not round, or round once as the interpreter."""
    return [0.0 for _ in expected]


def wide(array: np.ndarray) -> np.ndarray:
    """Magnitudes in float64."""
    return np.abs(array.astype(np.float64))


# Elementwise

# Lines of the body, with %a and %b the operands and %r the result; the
# constants that they use; and whether there are two operands.
SCALAR_FUNCTIONS: dict[str, tuple[list[str], dict[str, float], int]] = {
    "add": (["%r = arith.addf %a, %b : f32"], {}, 2),
    "mul": (["%r = arith.mulf %a, %b : f32"], {}, 2),
    "relu": (["%r = arith.maximumf %a, %zero : f32"], {"zero": 0.0}, 1),
    "softcap": (
        [
            "%s = arith.divf %a, %cap : f32",
            "%t = math.tanh %s : f32",
            "%r = arith.mulf %t, %cap : f32",
        ],
        {"cap": 3.0},
        1,
    ),
    "silu_gate": (
        [
            "%n = arith.negf %a : f32",
            "%e = math.exp %n : f32",
            "%d = arith.addf %e, %one : f32",
            "%s = arith.divf %a, %d : f32",
            "%r = arith.mulf %s, %b : f32",
        ],
        {"one": 1.0},
        2,
    ),
    "gelu_tanh_gate": (
        [
            "%q = arith.mulf %a, %a : f32",
            "%c = arith.mulf %q, %cubic : f32",
            "%w = arith.addf %c, %one : f32",
            "%u = arith.mulf %a, %root : f32",
            "%y = arith.mulf %u, %w : f32",
            "%t = math.tanh %y : f32",
            "%p = arith.addf %t, %one : f32",
            "%h = arith.mulf %a, %half : f32",
            "%g = arith.mulf %h, %p : f32",
            "%r = arith.mulf %g, %b : f32",
        ],
        {"cubic": 0.044715, "one": 1.0, "root": 0.7978845608, "half": 0.5},
        2,
    ),
    "gelu_erf": (
        [
            "%u = arith.mulf %a, %root : f32",
            "%e = math.erf %u : f32",
            "%p = arith.addf %e, %one : f32",
            "%h = arith.mulf %a, %half : f32",
            "%r = arith.mulf %h, %p : f32",
        ],
        {"root": 0.7071067812, "one": 1.0, "half": 0.5},
        1,
    ),
    "bell": (
        [
            "%q = arith.mulf %a, %a : f32",
            "%n = arith.negf %q : f32",
            "%r = math.exp %n : f32",
        ],
        {},
        1,
    ),
    "inverse_root": (
        [
            "%q = arith.mulf %a, %a : f32",
            "%s = arith.addf %q, %one : f32",
            "%r = math.rsqrt %s : f32",
        ],
        {"one": 1.0},
        1,
    ),
}
EXACT_FUNCTIONS = ("add", "mul", "relu")


def _map_bound(inputs: list[np.ndarray], expected: list[np.ndarray], _: Decoded) -> Bounds:
    """A few roundings and functions of about two units in the last place, on
    operands whose product bounds the result; squares amplify in `bell`."""
    size = np.ones(inputs[0].shape)
    for array in inputs:
        size = size * np.maximum(wide(array), 1)
    return [24 * U * np.maximum(size, wide(expected[0]) * np.maximum(wide(inputs[0]) ** 2, 1))]


def make_map(function: str, inputs: tuple[Value, ...], output: Value) -> Op:
    """A linalg.map of one of the scalar functions."""
    lines, constants, _ = SCALAR_FUNCTIONS[function]
    name, kind = output.name, output.type

    def write(read: Read) -> list[str]:
        text = [
            f"%{name}_{key} = arith.constant {write_float(value)} : f32"
            for key, value in constants.items()
        ]
        sizes = []
        for axis in range(len(kind.names)):
            text.append(f"%{name}_axis{axis} = arith.constant {axis} : index")
            text.append(
                f"%{name}_size{axis} = tensor.dim {read(inputs[0])}, %{name}_axis{axis}"
                f" : {kind.text}"
            )
            sizes.append(f"%{name}_size{axis}")
        text.append(f"%{name}_init = tensor.empty({', '.join(sizes)}) : {kind.text}")
        operands = ", ".join(read(value) for value in inputs)
        types = ", ".join(kind.text for _ in inputs)
        parameters = ["%a: f32", "%b: f32"][: len(inputs)]
        text.append(
            f"%{name} = linalg.map ins({operands} : {types}) outs(%{name}_init : {kind.text})"
        )
        # A map has an argument for its init, too.
        text.append(f"  ({', '.join([*parameters, '%unused: f32'])}) {{")
        for line in lines:
            for key in constants:
                line = line.replace(f"%{key} ", f"%{name}_{key} ")
                line = line.replace(f"%{key},", f"%{name}_{key},")
            text.append("    " + line)
        text += ["    linalg.yield %r : f32", "  }"]
        return text

    bound: Bound = exact if function in EXACT_FUNCTIONS else _map_bound
    return Op("map", function, "-", inputs, (output,), write, bound)


def make_residual(
    residual: Value, branch: Value, output: Value, multiplier: float, layer: int
) -> Op:
    """The sum that ends a residual layer. Outside of a layer op it is a map."""
    kind = output.type
    body = "%r = math.fma %m, %b, %a : f32"
    if multiplier == 1:
        body = "%r = arith.addf %a, %b : f32"

    def write(read: Read) -> list[str]:
        name = output.name
        return [
            f"%{name}_m = arith.constant {write_float(multiplier)} : f32",
            f"%{name}_axis = arith.constant 0 : index",
            f"%{name}_size = tensor.dim {read(residual)}, %{name}_axis : {kind.text}",
            f"%{name}_init = tensor.empty(%{name}_size) : {kind.text}",
            f"%{name} = linalg.map ins({read(residual)}, {read(branch)} : {kind.text}, {kind.text})"
            f" outs(%{name}_init : {kind.text})",
            "  (%a: f32, %b: f32, %unused: f32) {",
            "    " + body.replace("%m", f"%{name}_m"),
            "    linalg.yield %r : f32",
            "  }",
        ]

    return Op(
        "layer",
        "residual" if multiplier == 1 else "scaled",
        "-",
        (residual, branch),
        (output,),
        write,
        exact,
        layer=layer,
        multiplier=multiplier,
    )


# Vectors


def write_vector(param: Param, name: str) -> list[str]:
    """Lines that define %NAME as a vector without encoding."""
    if param.encoding == "f32":
        return [f"%{name} = winnow.use @{param.name} : {param.type}"]
    return [
        f"%{name}_stored = winnow.use @{param.name} : {param.type}",
        f"%{name} = winnow.recode %{name}_stored : {param.type} -> {param.plain_type}",
    ]


# Norm


def make_norm(
    kind: str,
    epsilon: float,
    offset: float,
    weight: Param | None,
    bias: Param | None,
    source: Value,
    output: Value,
) -> Op:
    """A norm over the last dimension."""
    width = source.type.shape[-1]
    assert isinstance(width, int)

    def write(read: Read) -> list[str]:
        lines, optional = [], ""
        for key, param in (("weight", weight), ("bias", bias)):
            if param:
                lines += write_vector(param, f"{output.name}_{key}")
                optional += f" {key}(%{output.name}_{key} : {param.plain_type})"
        lines.append(
            f"%{output.name} = winnow.norm {kind} {read(source)}{optional}"
            f" {{epsilon = {write_float(epsilon)} : f32,"
            f" weight_offset = {write_float(offset)} : f32}}"
            f" : {source.type.text}"
        )
        return lines

    def bound(inputs: list[np.ndarray], expected: list[np.ndarray], params: Decoded) -> Bounds:
        x = inputs[0].astype(np.float64)
        mean = x.mean(-1, keepdims=True) if kind == "layer" else 0.0
        squares = ((x - mean) ** 2).sum(-1, keepdims=True)
        divisor = np.sqrt(squares / width + epsilon)
        if kind == "l2":
            divisor = np.maximum(np.sqrt(squares), epsilon)
        factor = np.abs(params[weight.name] + offset) if weight else 1.0
        size = (wide(x) / divisor) * factor
        if kind == "layer":
            size = size + np.abs(x).mean(-1, keepdims=True) / divisor * factor
        worst = (width + 16) * U * size + 2 * U * wide(expected[0])
        # Products with the reciprocal and with the weight, and the reference's own.
        small = STEP_AT_ZERO * (1 + factor)
        if kind == "layer":  # the mean cancels
            return [worst + small]
        return [np.minimum(worst, 2e-6 * np.maximum(1, wide(expected[0]))) + small]

    params = tuple(param for param in (weight, bias) if param)
    variant = kind + ("+offset" if offset else "")
    return Op("norm", variant, "-", (source,), (output,), write, bound, params)


# Linear


def make_linear(
    weight: Param,
    bias: Param | None,
    activations: str,
    source: Value,
    output: Value,
    changes: tuple[Change, ...] = (),
) -> Op:
    """A linear layer of what the changes make of a weight, with its input recoded to
    the format `activations` first if that is not f32."""
    inner = source.type.shape[1]
    assert isinstance(inner, int)
    quantized = activations == "a8_b32"

    def write(read: Read) -> list[str]:
        lines, changed = write_changes(f"{output.name}_w", weight, changes)
        optional, operand, kind = "", read(source), source.type.text
        if bias:
            lines += write_vector(bias, f"{output.name}_bias")
            optional = f" bias(%{output.name}_bias : {bias.plain_type})"
        if activations != "f32":
            encoded = f"{kind[:-1]}, #winnow.encoding<{activations}>>"
            lines.append(f"%{output.name}_x = winnow.recode {operand} : {kind} -> {encoded}")
            operand, kind = f"%{output.name}_x", encoded
        lines.append(
            f"%{output.name} = winnow.linear {operand}, %{output.name}_w{optional}"
            f" : {kind}, {changed.type} -> {output.type.text}"
        )
        return lines

    def bound(inputs: list[np.ndarray], expected: list[np.ndarray], params: Decoded) -> Bounds:
        matrix = params[weight.name]
        for change in changes:
            matrix = change.of(matrix)
        # Scale and offset of a block of codes are applied apart, so that each
        # term is as large as the largest weight.
        size = wide(inputs[0]) @ (wide(matrix) + LARGEST_WEIGHT * quantized).T
        size *= 1 + 2.0**-8  # inputs may be rounded up
        terms = inner // 8 if quantized else inner
        if bias:
            size, terms = size + wide(params[bias.name]), terms + 1
        least = 0.0
        if activations == "bf16":  # denormals may count as zero
            sums = wide(inputs[0]).sum(-1)[:, None] + wide(matrix).sum(-1)
            least = 2.0**-126 * (sums + 2 * inner)
        return [(terms + (8 if quantized else 4)) * U * size + least]

    params = (weight, bias) if bias else (weight,)
    encoding = weight.encoding + ("*a8" if quantized else f"*{activations}")
    variant = "bias" if bias else "-"
    features = tuple(change.name for change in changes)
    rounded = None
    if activations == "f32" and weight.encoding in ACTIVATIONS:
        rounded = make_linear(weight, bias, ACTIVATIONS[weight.encoding], source, output, changes)
    return Op(
        "linear",
        variant,
        encoding,
        (source,),
        (output,),
        write,
        bound,
        params,
        features=features,
        rounded=rounded,
    )
