"""Prints the paths of two texts, one to calibrate with and one to evaluate with,
cutting them on first use: the two halves of the Debian FAQ (the package debian-faq),
a paragraph a line, without contents and headings of its own."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache"
SOURCE = Path("/usr/share/doc/debian/FAQ/debian-faq.en.txt.gz")


@dataclass(frozen=True)
class Texts:
    """No paragraph is in both."""

    calibration: Path
    evaluation: Path


def paragraphs(text: str) -> list[str]:
    """The paragraphs of the chapters, each on one line."""
    body = text[re.search(r"^Chapter\s1\.", text, re.MULTILINE).start() :]
    lines = (re.sub(r"\s+", " ", part).strip() for part in re.split(r"\n\s*\n", body))
    return [line for line in lines if len(line) >= 80]


def write(path: Path, lines: list[str]) -> None:
    """All of it or nothing."""
    part = path.with_suffix(".part")
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(path)


def texts() -> Texts:
    """The two texts."""
    result = Texts(CACHE / "calibration.txt", CACHE / "evaluation.txt")
    if not (result.calibration.exists() and result.evaluation.exists()):
        CACHE.mkdir(exist_ok=True)
        lines = paragraphs(gzip.decompress(SOURCE.read_bytes()).decode())
        half = len(lines) // 2
        write(result.calibration, lines[:half])
        write(result.evaluation, lines[half:])
    return result


if __name__ == "__main__":
    found = texts()
    print(found.calibration)
    print(found.evaluation)
