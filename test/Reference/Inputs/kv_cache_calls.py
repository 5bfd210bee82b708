"""Calls on one cache, and what the cache must hold after each of them."""

import sys
from pathlib import Path

import numpy as np

# Each step: the entry, its arguments, and the numbers of the slots that are
# left afterwards, or positions. Slot n holds the key (n, -n) and the value n + 1/512;
# its segment is n mod 2.
STEPS: list[tuple[str, list[int] | int, list[int]]] = [
    ("append", [1, 2, 3], [1, 2, 3]),
    ("append", [], [1, 2, 3]),
    ("truncate", 5, [1, 2, 3]),
    ("truncate", 2, [1, 2]),
    ("append", [7, 8], [1, 2, 7, 8]),
    ("append", [5], [1, 2, 7, 8, 5]),
    ("next", [0, 1, 6, 1, 0, 6, 6], [2, 3, 0, 4, 3, 1, 2]),
    ("next", [], []),
    ("truncate", 0, []),
    ("next", [0, 0], [0, 1]),
    ("append", [9], [9]),
]


# Rows that a cache of bf16 keys and i8 values stores, and what it shows of them.
# 1 + 2^-8 lies halfway between two neighbours, and 3.4e38 beyond all of them.
ROUNDED = [
    ([127.0, -63.5, 0.25, 62.5], [127.0, -63.5, 0.25, 62.5], [127.0, -64.0, 0.0, 62.0]),
    ([1 + 2.0**-8, 1 + 3 * 2.0**-8, 0.0, 0.0], [1.0, 1 + 2.0**-6, 0.0, 0.0], None),
    ([3.4e38, -3.4e38, 1.0, 0.0], [np.inf, -np.inf, 1.0, 0.0], None),
    ([2.0**-121, 0.0, 0.0, 0.0], [2.0**-121, 0.0, 0.0, 0.0], [0.0] * 4),
    ([np.inf, 1.0, 1.0, 1.0], [np.inf, 1.0, 1.0, 1.0], [np.nan] * 4),
    ([1.0, np.nan, 1.0, 1.0], [1.0, np.nan, 1.0, 1.0], [np.nan] * 4),
    ([0.0] * 4, [0.0] * 4, [0.0] * 4),
]


def write(folder: Path) -> None:
    """Write the arguments of all steps and the list of calls."""
    lines = []
    for number, (entry, argument, _) in enumerate(STEPS):
        prefix = folder / f"step{number}"
        lines.append(f"{entry} {prefix}")
        if entry == "truncate":
            np.save(f"{prefix}.length.npy", np.array(argument, np.int64))
            continue
        if entry == "next":
            np.save(f"{prefix}.segments.npy", np.array(argument, np.int32))
            continue
        slots = np.array(argument, np.float32)
        np.save(f"{prefix}.key.npy", np.stack([slots, -slots], 1)[:, None, :])
        np.save(f"{prefix}.value.npy", (slots + np.float32(1 / 512))[:, None, None])
        np.save(f"{prefix}.positions.npy", 10 * slots.astype(np.int32))
        np.save(f"{prefix}.segments.npy", slots.astype(np.int32) % 2)
    prefix = folder / "round"
    lines.append(f"round {prefix}")
    rows = np.array([row for row, _, _ in ROUNDED], np.float32)
    np.save(f"{prefix}.x.npy", rows[:, None, :])
    np.save(f"{prefix}.ids.npy", np.zeros(len(rows), np.int32))
    (folder / "calls.txt").write_text("\n".join(lines) + "\n")


def check(folder: Path) -> None:
    """Compare the results of all steps."""
    for number, (entry, _, left) in enumerate(STEPS):
        if entry == "next":
            found = np.load(folder / f"step{number}.out0.npy")
            np.testing.assert_array_equal(found, np.array(left, np.int32), f"step {number}")
            continue
        slots = np.array(left, np.float32)
        expected = [
            np.stack([slots, -slots], 1)[:, None, :],
            (slots + np.float32(1 / 512))[:, None, None],
            10 * slots.astype(np.int32),
            slots.astype(np.int32) % 2,
        ]
        for output, array in enumerate(expected):
            found = np.load(folder / f"step{number}.out{output}.npy")
            np.testing.assert_array_equal(found, array, f"step {number}, output {output}")
            assert found.dtype == array.dtype
    keys, values = (np.load(folder / f"round.out{output}.npy") for output in range(2))
    for (_, key, value), found_key, found_value in zip(ROUNDED, keys, values, strict=True):
        np.testing.assert_array_equal(found_key[0], np.array(key, np.float32))
        if value is not None:
            np.testing.assert_array_equal(found_value[0], np.array(value, np.float32))


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
