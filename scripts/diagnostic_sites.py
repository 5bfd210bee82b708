"""The errors that verifiers in C++ can report, and the ones that tests expect.

A site is a place that reports an error: a call of emitOpError, emitError, fail
or of one of the checks of lib/Dialect/Checks.h. Its message is known as far as
it stands in string literals; `cond ? "a" : "b"` makes two sites, as there are
two branches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ods_entries import ROOT

SOURCES = ("lib/Dialect/*.cpp", "lib/Formats/VerifyFormat.cpp", "lib/Analysis/VerifyModel.cpp")
CALLS = re.compile(r"\b(emitOpError|emitError|fail|expectEqual|expectFinite)\(")
STRING = r'"(?:[^"\\]|\\.)*"'
# A literal, perhaps of several parts; a choice between two; or any other text.
TOKEN = re.compile(
    rf"\(?[^()?;\"]*\?\s*({STRING})\s*:\s*({STRING})\)?|((?:{STRING}\s*)+)|[^\"()?;]+|.", re.DOTALL
)


@dataclass(frozen=True)
class Site:
    """One branch that reports an error."""

    place: str
    # What the message is certain to hold, in this order.
    pieces: tuple[str, ...]

    def matches(self, message: str) -> bool:
        """Whether a message can come from here."""
        text = ".*".join(map(re.escape, self.pieces))
        first, last = self.pieces[0][0], self.pieces[-1][-1]
        text = r"\b" * first.isalnum() + text + r"\b" * last.isalnum()
        return re.search(text, message, re.DOTALL) is not None

    def __str__(self) -> str:
        return f"{self.place}: {'...'.join(self.pieces)}"


def read_sites() -> list[Site]:
    """All sites of the verifiers."""
    paths = sorted(path for pattern in SOURCES for path in ROOT.glob(pattern))
    return [
        site for path in paths for site in find_sites(str(path.relative_to(ROOT)), path.read_text())
    ]


def find_sites(name: str, text: str) -> list[Site]:
    """The sites of one file."""
    sites = []
    # Comments go, lines stay.
    text = re.sub(rf"({STRING})|//[^\n]*", lambda match: match[1] or "", text)
    for call in CALLS.finditer(text):
        line = text.count("\n", 0, call.start()) + 1
        for pieces in _pieces(_statement(text, call)):
            if pieces:
                sites.append(_make_site(f"{name}:{line}", call[1], pieces))
    return sites


def _make_site(place: str, call: str, pieces: tuple[str, ...]) -> Site:
    """The site of a call with these literals; checks write the rest."""
    if call == "expectFinite":
        return Site(place, (f"expects {pieces[0]} to be finite",))
    if call == "expectEqual":
        # What stands in one literal alone is what was found.
        expected = tuple(f" to be {piece} (" for piece in pieces[1:])
        return Site(place, (f"expects {pieces[0]} (", *expected))
    return Site(place, pieces)


def _statement(text: str, call: re.Match[str]) -> str:
    """The arguments of the call and, of one that reports itself, all that is
    written to its result."""
    depth, position = 1, call.end()
    while depth > 0 and position < len(text):
        literal = re.compile(STRING).match(text, position)
        if literal:
            position = literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    if call[1].startswith("expect"):
        return text[call.end() : position]
    end = re.compile(rf"(?:{STRING}|[^;\"])*").match(text, position)
    return text[call.end() : end.end()]


def _pieces(code: str) -> Iterator[tuple[str, ...]]:
    """The literals of a message, for every choice among them."""
    parts: list[tuple[str, ...]] = []
    for token in TOKEN.finditer(code):
        first, second, literal = token.groups()
        if first:
            parts.append((_value(first), _value(second)))
        elif literal:
            parts.append((_value(literal),))
    for chosen in product(*parts):
        yield tuple(piece for piece in chosen if piece.strip(" '#(),"))


def _value(literals: str) -> str:
    """What string literals side by side mean."""
    joined = "".join(part[1:-1] for part in re.findall(STRING, literals))
    return joined.replace('\\"', '"').replace("\\n", "\n")


def find_untested(sites: list[Site], expected: set[str]) -> list[Site]:
    """The sites that no expected message can come from. Sites with the same
    message need as many different messages."""
    by_pieces: dict[tuple[str, ...], list[Site]] = {}
    for site in sites:
        by_pieces.setdefault(site.pieces, []).append(site)
    untested = []
    for same in by_pieces.values():
        found = sum(same[0].matches(message) for message in expected)
        untested += same[found:]
    return untested


def read_expected() -> set[str]:
    """The messages that tests expect: of -verify-diagnostics, and of the tests
    of formats, where they are string literals."""
    messages = []
    for path in sorted((ROOT / "test").rglob("*.mlir")):
        text = path.read_text()
        if "verify-diagnostics" in text:
            messages += re.findall(r"expected-error[^{\n]*\{\{(.*?)\}\}", text, re.DOTALL)
    for path in sorted((ROOT / "unittests/Formats").glob("*.cpp")):
        messages += [_value(part) for part in re.findall(rf"(?:{STRING}\s*)+", path.read_text())]
    return set(messages)
