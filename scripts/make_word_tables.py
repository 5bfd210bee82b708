"""Writes lib/Tokenizer/WordTables.inc: the characters that are part of a word
where an added token of tokenizer.json is found as a single word alone, asked of
Hugging Face's `tokenizers` (requirements-peers.txt) character by character.

    make_word_tables.py > lib/Tokenizer/WordTables.inc
"""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, models


def main() -> None:
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, "?"))
    tokenizer.add_special_tokens([AddedToken("x", single_word=True, normalized=False)])
    token = tokenizer.token_to_id("x")
    points = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    encodings = tokenizer.encode_batch([f"x{chr(point)}" for point in points])
    runs: list[list[int]] = []
    for point, encoding in zip(points, encodings, strict=True):
        # Behind a part of a word there is no token.
        if token in encoding.ids:
            continue
        if runs and runs[-1][1] == point - 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    print("// Written by scripts/make_word_tables.py from the package `tokenizers`.")
    print("static constexpr Range wordRanges[] = {")
    line = "   "
    for first, last in runs:
        text = f" {{{first:#x}, {last:#x}}},"
        if len(line) + len(text) > 80:
            print(line)
            line = "   "
        line += text
    print(line + "\n};")


if __name__ == "__main__":
    main()
