"""Writes lib/Tokenizer/BertNormalizerTables.inc: what BERT's text cleaning does to
each code point.

    make_bert_tables.py > lib/Tokenizer/BertNormalizerTables.inc

BERT's rules are stated in terms of Unicode's categories, and ids depend on the
version of Unicode. The PyPI package `tokenizers` (requirements-peers.txt) has
settled on categories of Unicode 8 and decompositions of a later version, so the
tables are read off its behaviour, one code point at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tokenizers import normalizers, pre_tokenizers

CODE_POINTS = [*range(0xD800), *range(0xE000, 0x110000)]
HANGUL = range(0xAC00, 0xD7A4)
"""Syllables decompose by a formula."""


def normalizer(**rule: bool) -> Callable[[str], str]:
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False}
    return normalizers.BertNormalizer(**{**off, "lowercase": False, **rule}).normalize_str


def is_punctuation(character: str) -> bool:
    parts = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(f"a{character}a")
    return len(parts) == 3


def ranges(points: Iterable[int]) -> list[list[int]]:
    """Runs of successive numbers, [first, last]."""
    runs: list[list[int]] = []
    for point in points:
        if runs and runs[-1][1] == point - 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return runs


def shifts(images: dict[int, str]) -> list[list[int]]:
    """Code points that become one other: [first, last, step, what is added]."""
    rows: list[list[int]] = []
    for point, image in images.items():
        if len(image) != 1:
            continue
        added = ord(image) - point
        if rows and rows[-1][3] == added:
            gap = point - rows[-1][1]
            if gap in (1, 2) and rows[-1][2] in (0, gap):
                rows[-1][1:3] = [point, gap]
                continue
        rows.append([point, point, 0, added])
    return [[first, last, max(step, 1), added] for first, last, step, added in rows]


def sequences(images: dict[int, str]) -> list[list[int | list[int]]]:
    """Code points that become several: [point, images padded with zeros]."""
    several = {point: image for point, image in images.items() if len(image) > 1}
    assert all(len(image) <= 3 for image in several.values())
    return [
        [point, [*map(ord, image), *[0] * (3 - len(image))]] for point, image in several.items()
    ]


def initializer(row: Iterable[int | list[int]]) -> str:
    parts = (initializer(part) if isinstance(part, list) else str(part) for part in row)
    return "{" + ",".join(parts) + "}"


def write(kind: str, name: str, rows: Iterable[Iterable[int | list[int]]]) -> None:
    print(f"static constexpr {kind} {name}[] = {{")
    line = "   "
    for row in rows:
        text = f" {initializer(row)},"
        if len(line) + len(text) > 118:
            print(line)
            line = "   "
        line += text
    print(f"{line}\n}};")


def main() -> None:
    clean, strip, lower = (
        normalizer(**{rule: True}) for rule in ("clean_text", "strip_accents", "lowercase")
    )
    stripped, lowered = (
        {point: image for point in CODE_POINTS if (image := rule(chr(point))) != chr(point)}
        for rule in (strip, lower)
    )
    stripped = {point: image for point, image in stripped.items() if point not in HANGUL}
    print("// Written by scripts/make_bert_tables.py from the package `tokenizers`.")
    write("Range", "removed", ranges(point for point in CODE_POINTS if not clean(chr(point))))
    write("Range", "spaces", ranges(point for point in CODE_POINTS if clean(chr(point)) == " "))
    write("Range", "punctuation", ranges(p for p in CODE_POINTS if is_punctuation(chr(p))))
    write("Range", "marks", ranges(point for point, image in stripped.items() if not image))
    write("Shift", "strippedShifts", shifts(stripped))
    write("Sequence", "strippedSequences", sequences(stripped))
    write("Shift", "loweredShifts", shifts(lowered))
    write("Sequence", "loweredSequences", sequences(lowered))


if __name__ == "__main__":
    main()
