"""Seeds for the fuzzers of what winnow-run and an artifact's runtime read: .npy
files, weights, states of sessions and manifests."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np

# The hand-written model in unittests/Runtime/FakeModel.
BUILD_ID = "0123456789abcdeffedcba9876543210"
VOCABULARY = 11
WEIGHT_BYTES = 100
# Heads, key and value width of its caches, and how many tokens a block of keys has.
CACHES = ((1, 4, 4), (2, 3, 2), (1, 1, 1), (1, 1, 1))
CHUNK = 128
BLOCK = 16

# Small, so that many are tried in a second.
COSTS = [
    {"rows": 0, "keys": 1, "window": 16, "past": True, "operations": [1, 2.5, 3], "bytes": [9]},
    {"rows": -1, "integer": True},
]
STAGES = [
    {"name": "embed", "kernels": ["winnow_norm", "winnow_norm", "x"], "costs": COSTS},
    {"name": "end", "kernels": []},
]
MANIFESTS: dict[str, object] = {
    "entries": {"entries": [{"name": "forward", "dims": ["T", "R"], "stages": STAGES}]},
    "no_stages": {"entries": [{"name": "forward"}]},
    "values": {"name": '\u00fc \U0001f600\t"', "n": -12345, "t": True, "x": None, "f": 1.5e-3},
    "tables": {"w": [{"a": "q4_k", "b": 1234567}, {"a": "b", "shape": [2, 3]}]},
    "groups": {"groups": [{"layers": ["x" * 50, "y y " * 5], "z": {"w": [1, [2]]}}]},
    "lists": {"lists": [["a", "b"], ["a", "b"], ["c"], [[], {}]]},
    "long": {"text": "word, " * 20, "spaces": "\u00e9" * 110},
    "table": [{"a": 1}, {"a": "x", "b": False}],
}


def npy_files() -> dict[str, bytes]:
    files = {}
    for shape in ((2, 3), (1, 2, 2), (0, 4), (3,)):
        stream = io.BytesIO()
        np.save(stream, np.arange(np.prod(shape), dtype=np.float32).reshape(shape))
        files["x".join(map(str, shape))] = stream.getvalue()
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ones((2, 2), np.float32), version=(2, 0))
    files["version2"] = stream.getvalue()
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(np.ones((2, 3), np.float32)))
    files["fortran"] = stream.getvalue()
    stream = io.BytesIO()
    np.save(stream, np.ones((2, 3)))
    files["double"] = stream.getvalue()
    return files


def winnow_hash(data: bytes) -> int:
    """The hash of include/winnow/Runtime/Hash.h."""
    prime, mask = 0xD6E8FEB86659FD93, (1 << 64) - 1
    lanes = [0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89]

    def step(lane: int, word: int) -> int:
        lane = (lane ^ word) * prime & mask
        return lane ^ lane >> 32

    padded = data + bytes(-len(data) % 32)
    for i, word in enumerate(struct.unpack(f"<{len(padded) // 8}Q", padded)):
        lanes[i % 4] = step(lanes[i % 4], word)
    result = len(data)
    for lane in lanes:
        result = step(result, lane)
    return result


def weights_files() -> dict[str, bytes]:
    data = struct.pack("<f", 2.0) + b"x" * (WEIGHT_BYTES - 4)

    def file(build_id: str, hashed: str, size: int = 4096) -> bytes:
        header = f'{{"__metadata__":{{"winnow_build_id":"{build_id}"{hashed}}}}}'
        padded = header.ljust(size - 8).encode()
        return struct.pack("<Q", len(padded)) + padded + data

    good = f',"winnow_hash":"{winnow_hash(data):016x}"'
    return {
        "good": file(BUILD_ID, good),
        "damaged": file(BUILD_ID, f',"winnow_hash":"{0:016x}"'),
        "no_hash": file(BUILD_ID, ""),
        "no_digits": file(BUILD_ID, ',"winnow_hash":"zz'),
        "other_model": file("0" * 32, good),
        "unaligned": file(BUILD_ID, good, 4160),
        "short": file(BUILD_ID, good)[:-1],
        "long": file(BUILD_ID, good) + b"x",
        "empty": b"",
        "tiny": b"12345678",
    }


def slots_of(segments: list[int]) -> list[int]:
    """The slot of each token: a chunk belongs to one segment."""
    chunks: list[list[int]] = []  # segment, used slots
    slots = []
    for segment in segments:
        own = [i for i, chunk in enumerate(chunks) if chunk[0] == segment]
        if not own or chunks[own[-1]][1] == CHUNK:
            chunks.append([segment, 0])
            own.append(len(chunks) - 1)
        slots.append(own[-1] * CHUNK + chunks[own[-1]][1])
        chunks[own[-1]][1] += 1
    return slots


def segments_of_slots(segments: list[int]) -> list[int]:
    """The segment of each slot of a chunked cache; -1: none."""
    slots = slots_of(segments)
    kept = [-1] * (max(slots, default=-1) + 1)
    for slot, segment in zip(slots, segments, strict=True):
        kept[slot] = segment
    return kept


def state(segments: list[int], other: list[int], row: bool) -> bytes:
    """A session of tokens of these segments, with tokens of the segments `other`
    in the caches of the entry "append"; lib/Runtime/State.h describes the form."""
    length, kept = len(segments), segments_of_slots(segments)
    cache_segments = (kept, kept, other, segments_of_slots(other))
    lengths = [len(own) for own in cache_segments]
    body = struct.pack("<4q2q", *lengths, length, len(other))
    body += struct.pack(f"<{length}i", *range(length))
    body += struct.pack(f"<{length + len(other)}i", *segments, *other)
    body += np.arange(VOCABULARY, dtype=np.float32).tobytes() if row else b""
    for (heads, keys, values), used, own in zip(CACHES, lengths, cache_segments, strict=True):
        body += struct.pack(f"<{used}i", *range(used)) + struct.pack(f"<{used}i", *own)
        block = -(-used // BLOCK) * BLOCK
        for _ in range(heads):
            body += np.ones(block * keys, np.float32).tobytes()
            body += np.ones(used * values, np.float32).tobytes()
    size = 56 + len(body) + 8
    build_id = (int(BUILD_ID[:16], 16), int(BUILD_ID[16:], 16))
    header = struct.pack("<8sIIQQqqq", b"winnowKV", 2, 4, *build_id, size, length, row)
    return header + body + struct.pack("<Q", winnow_hash(header + body))


def states() -> dict[str, bytes]:
    cases = [(0, 0, False), (1, 0, True), (5, 3, True), (17, 16, False), (64, 0, True)]
    result = {
        f"{length}-{other}": state([0] * length, [0] * other, row) for length, other, row in cases
    }
    # Within the artifact's context, beyond that of the fuzzer's session.
    result["70-0"] = state([0] * 70, [], True)
    result["segments"] = state([3, 3, 5, 3, 5], [], True)
    result["other_segments"] = state([], [7, 0, 7, 1, 0], False)
    result["negative"] = state([3, -3], [], True)
    return result


def manifests() -> dict[str, bytes]:
    files = {name: json.dumps(value).encode() for name, value in MANIFESTS.items()}
    files["raw"] = json.dumps(MANIFESTS["values"], ensure_ascii=False, indent=1).encode()
    files["escapes"] = rb'"\u00e9\ud83d\ude00\ud800 \b\f\n\r\t\/\\"'
    return files


def write(directory: Path) -> None:
    kinds = {"npy": npy_files, "weights": weights_files, "state": states, "manifest": manifests}
    for kind, make in kinds.items():
        (directory / kind).mkdir(parents=True, exist_ok=True)
        for name, contents in make().items():
            (directory / kind / name).write_bytes(contents)
