"""Finding the errors of verifiers that no test expects."""

from __future__ import annotations

from diagnostic_sites import find_sites, find_untested, read_expected, read_sites

SOURCE = """
// return emitError("a comment");
if (bad)
  return emitOpError("expects ")
         << (needed ? "a" : "no") << " bias for \'" << name << "\', found "
         << type;
if (failed(expectEqual(op, Size::of("number of rows", x, 0),
                       Size::of("number of tokens", y, 0))))
  return expectFinite(*this, "scale", getScale());
"""


def test_finds_sites() -> None:
    """Both branches of a choice, and what checks write."""
    sites = find_sites("a.cpp", SOURCE)
    assert [(site.place, site.pieces) for site in sites] == [
        ("a.cpp:4", ("expects ", "a", " bias for '", "', found ")),
        ("a.cpp:4", ("expects ", "no", " bias for '", "', found ")),
        ("a.cpp:7", ("expects number of rows (", " to be number of tokens (")),
        ("a.cpp:9", ("expects scale to be finite",)),
    ]
    expected = {
        "expects no bias for 'x', found f32",
        "expects number of rows (2) to be number of tokens (3)",
        "expects another scale to be finite",
    }
    untested = find_untested(sites, expected)
    assert [site.pieces[1:2] for site in untested] == [("a",), ()]


def test_every_expected_message_counts() -> None:
    """Without a message that one test expects, its branch has no test."""
    sites, expected = read_sites(), read_expected()
    assert len(sites) > 100 and not find_untested(sites, expected)
    places = {site.place.split(":")[0] for site in sites}
    assert "lib/Formats/VerifyFormat.cpp" in places
    assert "lib/Analysis/VerifyModel.cpp" in places
    less = {message for message in expected if "base to be positive" not in message}
    [missing] = find_untested(sites, less)
    assert missing.place.startswith("lib/Dialect/AttentionOps.cpp")
