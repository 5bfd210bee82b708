"""Heads, rope and attention in random programs, with their numerical bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from program_ir import (
    Bound,
    Bounds,
    Cache,
    Decoded,
    Op,
    Param,
    Read,
    TensorType,
    Value,
    write_float,
)
from program_ops import U, exact, wide, write_vector

# Heads


def make_split(source: Value, output: Value) -> Op:
    """[T, H * D] to [T, H, D]."""
    rows = output.type.shape[0]
    sizes = ", ".join(map(str, output.type.shape[1:]))

    def write(read: Read) -> list[str]:
        name = output.name
        lead = str(rows)
        lines = []
        if isinstance(rows, str):
            lead = f"%{name}_size"
            lines = [
                f"%{name}_axis = arith.constant 0 : index",
                f"%{name}_size = tensor.dim {read(source)}, %{name}_axis : {source.type.text}",
            ]
        return [
            *lines,
            f"%{name} = tensor.expand_shape {read(source)} [[0], [1, 2]]"
            f" output_shape [{lead}, {sizes}] : {source.type.text} into {output.type.text}",
        ]

    return Op("split_heads", "-", "-", (source,), (output,), write, exact)


def make_join(source: Value, output: Value) -> Op:
    """[T, H, D] to [T, H * D]."""

    def write(read: Read) -> list[str]:
        return [
            f"%{output.name} = tensor.collapse_shape {read(source)} [[0], [1, 2]]"
            f" : {source.type.text} into {output.type.text}"
        ]

    return Op("join_heads", "-", "-", (source,), (output,), write, exact)


@dataclass(frozen=True)
class RopeSettings:
    """The attributes of a rope."""

    base: float
    dims: int
    layout: str
    scaling: str
    scaling_text: str


def make_rope(
    settings: RopeSettings, factors: Param | None, source: Value, positions: Value, output: Value
) -> Op:
    """A rotary embedding."""

    def write(read: Read) -> list[str]:
        lines, optional = [], ""
        if factors:
            lines = write_vector(factors, f"{output.name}_factors")
            optional = f" factors(%{output.name}_factors : {factors.plain_type})"
        lines.append(
            f"%{output.name} = winnow.rope {read(source)} at {read(positions)}{optional}"
            f" {{base = {write_float(settings.base)} : f64, dims = {settings.dims} : i64,"
            f" layout = #winnow<rope_layout {settings.layout}>{settings.scaling_text}}}"
            f" : {source.type.text}, {positions.type.text}"
        )
        return lines

    def bound(inputs: list[np.ndarray], _: list[np.ndarray], __: Decoded) -> Bounds:
        # Each result mixes two channels of a row; the largest bounds both.
        return [16 * U * wide(inputs[0]).max(-1, keepdims=True, initial=0)]

    variant = f"{settings.layout}/{settings.scaling}" + ("+factors" if factors else "")
    params = (factors,) if factors else ()
    return Op("rope", variant, "-", (source, positions), (output,), write, bound, params)


# Attention


@dataclass(frozen=True)
class AttentionSettings:
    """The attributes of an attention and its optional operands."""

    mask: str
    mask_text: str
    scale: float
    softcap: float
    sinks: Param | None = None
    segments: tuple[Value, Value] | None = None
    bias: Value | None = None
    relative: Param | None = None
    distances: tuple[int, ...] = ()
    visible: Value | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The optional parts that are there."""
        parts = {
            "softcap": self.softcap != 0,
            "sinks": self.sinks is not None,
            "segments": self.segments is not None,
            "bias": self.bias is not None,
            "relative bias": self.relative is not None,
        }
        return tuple(name for name, used in parts.items() if used)

    @property
    def params(self) -> tuple[Param, ...]:
        """The operands that are params."""
        return tuple(param for param in (self.sinks, self.relative) if param)


def _write_attention(
    settings: AttentionSettings,
    read: Read,
    query: tuple[str, str, TensorType],
    key: tuple[str, str, TensorType],
    value: tuple[str, TensorType],
    segments: tuple[str, str] | None,
    outputs: tuple[Value, ...],
) -> list[str]:
    """The lines of the op from the names of its operands."""
    name = outputs[0].name
    lines, optional = [], ""
    if settings.sinks:
        lines = write_vector(settings.sinks, f"{name}_sinks")
        optional += f" sinks(%{name}_sinks : {settings.sinks.plain_type})"
    if settings.bias:
        optional += f" bias({read(settings.bias)} : {settings.bias.type.text})"
    distances = ""
    if settings.relative:
        kind = settings.relative.type
        lines.append(f"%{name}_relative = winnow.use @{settings.relative.name} : {kind}")
        optional += f" relative(%{name}_relative : {kind})"
        distances = f", distances = array<i64: {', '.join(map(str, settings.distances))}>"
    if settings.visible:
        optional += f" visible({read(settings.visible)} : {settings.visible.type.text})"
    q_segments, k_segments, segment_types = "", "", ""
    if segments:
        q_segments, k_segments = f", {segments[0]}", f", {segments[1]}"
        segment_types = ", tensor<?xi32>, tensor<?xi32>"
    results = f"-> {outputs[0].type.text}"
    for keyword, output in zip(("lse", "scores"), outputs[1:], strict=False):
        results += f" {keyword} {output.type.text}"
    lines += [
        f"{', '.join('%' + output.name for output in outputs)} = winnow.attention"
        f" query({query[0]}, {query[1]}{q_segments}) key({key[0]}, {key[1]}{k_segments})"
        f" value({value[0]}){optional}",
        f"  {{mask = #winnow.mask<{settings.mask_text}>,"
        f" scale = {write_float(settings.scale)} : f32,"
        f" softcap = {write_float(settings.softcap)} : f32{distances}}}",
        f"  : {query[2].text}, {key[2].text}, {value[1].text}, tensor<?xi32>, tensor<?xi32>"
        f"{segment_types} {results}",
    ]
    return lines


def _attention_bound(settings: AttentionSettings) -> Bound:
    def bound(inputs: list[np.ndarray], expected: list[np.ndarray], _: Decoded) -> Bounds:
        query, key, value = inputs[:3]
        if query.size == 0 or value.size == 0:
            return [0.0 for _ in expected]
        largest = settings.scale * np.sqrt(
            (wide(query) ** 2).sum(-1).max() * (wide(key) ** 2).sum(-1).max()
        )
        # The error of a score, and so the relative one of a weight.
        score = (query.shape[-1] + 8) * U * largest + 8 * U * (settings.softcap + largest)
        relative = 2 * score + (len(key) + 32) * U
        bounds: Bounds = [2 * relative * wide(value).max() + 1e-30]
        if len(expected) > 1:
            finite = np.where(np.isfinite(expected[1]), wide(expected[1]), 0)
            bounds.append(relative + 4 * U * finite)
        if len(expected) > 2:
            rows = query.shape[0] * query.shape[1]
            bounds.append((relative + rows * U) * np.maximum(wide(expected[2]), 1))
        # What the op's heading promises for inputs of ordinary size.
        if max(wide(operand).max(initial=0) for operand in inputs[:3]) < 4:
            headings = zip((1e-5, 1e-5, 1e-4), expected, bounds, strict=False)
            bounds = [
                np.minimum(worst, share * np.maximum(1, wide(found)))
                for share, found, worst in headings
            ]
        return bounds

    return bound


def make_attention(
    settings: AttentionSettings,
    query: Value,
    key: Value,
    value: Value,
    positions: tuple[Value, Value],
    outputs: tuple[Value, ...],
) -> Op:
    """Attention on plain keys and values."""
    inputs = [query, key, value, *positions]
    for extra in (*(settings.segments or ()), settings.bias, settings.visible):
        if extra is not None:
            inputs.append(extra)

    def write(read: Read) -> list[str]:
        segments = settings.segments
        return _write_attention(
            settings,
            read,
            (read(query), read(positions[0]), query.type),
            (read(key), read(positions[1]), key.type),
            (read(value), value.type),
            (read(segments[0]), read(segments[1])) if segments else None,
            outputs,
        )

    return Op(
        "attention",
        settings.mask,
        "-",
        tuple(inputs),
        outputs,
        write,
        _attention_bound(settings),
        settings.params,
        features=settings.features + _describe(query, key, outputs),
    )


def make_cached_attention(
    settings: AttentionSettings,
    capacity: int,
    query: Value,
    key: Value,
    value: Value,
    positions: Value,
    segments: Value,
    outputs: tuple[Value, ...],
    kept: int | None = None,
    formats: tuple[str, str] = ("f32", "f32"),
    *,
    counts: bool = False,
) -> Op:
    """Attention on all keys that a cache has stored, after those of this call;
    it forgets earlier ones beyond the first `kept`. `formats` are those in which
    keys and values are stored; counts: whether positions are counted in the cache."""
    name = outputs[0].name
    _, heads, key_dim = key.type.shape
    value_dim = value.type.shape[2]
    cache = Cache(
        f"{name}_kv",
        f"!winnow.kv_cache<heads = {heads}, key_dim = {key_dim}, value_dim = {value_dim},"
        f" key = {formats[0]}, value = {formats[1]}, capacity = {capacity}>",
        capacity,
    )

    def write(read: Read) -> list[str]:
        ids = "tensor<?xi32>"
        lines, before = [], read(cache)
        if kept is not None:
            before = f"%{name}_cut"
            lines = [
                f"%{name}_kept = arith.constant {kept} : i64",
                f"{before} = winnow.kv_truncate {read(cache)} to %{name}_kept : {cache.type}",
            ]
        places = read(positions)
        if counts:
            places = f"%{name}_places"
            lines.append(
                f"{places} = winnow.kv_next_positions {before} of {read(segments)}"
                f" : {cache.type}, {ids}"
            )
        return [
            *lines,
            f"%{cache.name}_next = winnow.kv_append {before}, {read(key)}, {read(value)}"
            f" at {places}, {read(segments)}",
            f"  : {cache.type}, {key.type.text}, {value.type.text}, {ids}, {ids}",
            f"%{name}_k, %{name}_v, %{name}_p, %{name}_s = winnow.kv_view %{cache.name}_next",
            f"  : {cache.type} -> {key.type.text}, {value.type.text}, {ids}, {ids}",
            *_write_attention(
                settings,
                read,
                (read(query), places, query.type),
                (f"%{name}_k", f"%{name}_p", key.type),
                (f"%{name}_v", value.type),
                (read(segments), f"%{name}_s"),
                outputs,
            ),
        ]

    return Op(
        "cached_attention",
        settings.mask,
        "-" if formats == ("f32", "f32") else "/".join(formats),
        (query, key, value, positions, segments),
        outputs,
        write,
        _attention_bound(settings),
        settings.params,
        cache,
        features=(*settings.features, "segments", *_describe(query, key, outputs))
        + (() if kept is None else ("kv_truncate",))
        + (("kv_next_positions",) if counts else ()),
    )


def _describe(query: Value, key: Value, outputs: tuple[Value, ...]) -> tuple[str, ...]:
    """How heads are grouped and which results there are."""
    group = int(query.type.shape[1]) // int(key.type.shape[1])
    return (f"{group} heads per key head", *("lse", "scores")[: len(outputs) - 1])
