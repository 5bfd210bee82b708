"""Ten thousand strings for tokenizer tests: many scripts, spaces, digits, emoji,
code, special tokens, long runs and invalid UTF-8, the same on every machine.

The generator is SplitMix64 and not Python's, whose sequences may change between
versions. F4 90 and above never occurs: llama.cpp ends the process on code points
above 10FFFF, so it has no opinion on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# ruff: noqa: RUF001 (look-alikes are what these strings are for)

# First and last code point of some letters of each script.
SCRIPTS = {
    "latin": (0x61, 0x7A), "latin1": (0xC0, 0xFF), "latin_a": (0x100, 0x17F),
    "greek": (0x391, 0x3C9), "cyrillic": (0x410, 0x44F), "armenian": (0x531, 0x586),
    "hebrew": (0x5D0, 0x5EA), "arabic": (0x620, 0x64A), "syriac": (0x710, 0x72F),
    "thaana": (0x780, 0x7A5), "nko": (0x7CA, 0x7EA), "devanagari": (0x904, 0x94D),
    "bengali": (0x985, 0x9CD), "gurmukhi": (0xA05, 0xA4D), "gujarati": (0xA85, 0xACD),
    "tamil": (0xB85, 0xBCD), "telugu": (0xC05, 0xC4D), "kannada": (0xC85, 0xCCD),
    "malayalam": (0xD05, 0xD4D), "sinhala": (0xD85, 0xDC6), "thai": (0xE01, 0xE4E),
    "lao": (0xE81, 0xEBD), "tibetan": (0xF40, 0xF84), "myanmar": (0x1000, 0x103F),
    "georgian": (0x10A0, 0x10FA), "hangul_jamo": (0x1100, 0x11FF),
    "ethiopic": (0x1200, 0x1248), "cherokee": (0x13A0, 0x13F4), "ogham": (0x1680, 0x169A),
    "runic": (0x16A0, 0x16EA), "khmer": (0x1780, 0x17D2), "mongolian": (0x1820, 0x1877),
    "greek_extended": (0x1F00, 0x1FFC), "hiragana": (0x3041, 0x3096),
    "katakana": (0x30A1, 0x30FE), "bopomofo": (0x3105, 0x312F), "han": (0x4E00, 0x9FA5),
    "yi": (0xA000, 0xA48C), "hangul": (0xAC00, 0xD7A3), "fullwidth": (0xFF21, 0xFF5A),
    "gothic": (0x10330, 0x1034A), "cuneiform": (0x12000, 0x12399),
    "math": (0x1D400, 0x1D7FF), "han_b": (0x20000, 0x2A6DF),
}  # fmt: skip
DIGITS = [0x30, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10, 0x1D7CE]
NUMBERS = "½¼¾²³¹①②⑳Ⅷⅻ〇㊿୲"
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\u00a0", "\u2003", "\u3000",
          "\u0085", "\u1680", "\u180e", "\u200b", "\u2028", "\u202f", "\x0b", "\x0c", "\u2581",
          "\ufeff"]  # fmt: skip
PUNCTUATION = [
    *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "...", "--", "—", "“", "”", "‘", "’", "«", "»", "…", "。", "、", "！", "？", "·", "€", "£", "°",
    "™", "→", "≤", "∞", "==", "!=", "->", "::", "//", "/*", "*/", "#!",
]  # fmt: skip
EMOJI = ["😀", "🎉", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "🏳️‍🌈", "❤️", "☃", "1️⃣", "🤦🏾‍♂️", "🫠", "✈️", "🧑‍🚀"]
ENGLISH = """the of and to in is that it was for on are with as his they be at one have this from
or had by hot but some what there we can out other were all your when up use word how said each she
which do their time if will way about many then them would write like these her long make thing see
him two has look more day could go come did my sound no most number who over know water than call
first people may down side been now find any new work part take get place made live where after back
little only round man year came show every good me give our under name very through just form much
great think say help low line before turn cause same mean differ move right boy old too does tell
extraordinary internationalization unbelievable tokenizer representation counterrevolutionary"""
CONTRACTIONS = ["don't", "I'm", "we'll", "they've", "you're", "she'd", "it's", "DON'T", "I'M",
                "WE'LL", "'s", "'S", "'ſ", "'re", "'Ve", "l'été", "rock'n'roll", "’s",
                "'llama"]  # fmt: skip
SPECIAL = [
    "<bos>", "<eos>", "<pad>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<unused0>",
    "<unused99>", "<start_of_image>", "[multimodal]", "<table>", "</table>", "<h1>", "<strong>",
    "<0x0A>", "<0xFF>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>",
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<tool_call>", "</tool_call>",
    "<|im_", "<eos", "eos>", "<<eos>>", "<unused", "<bos><bos>",
]  # fmt: skip
CODE = [
    "def f(x):\n    return x + 1\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n",
    "#include <stdio.h>\n", "SELECT * FROM t WHERE id=42;", "x = {'a': [1, 2.5e-3], \"b\": None}",
    "https://example.org/a/b?c=d&e=%20f#g", "user@example.com", "$ ls -la ~/src | grep '.cpp'",
    "<div class=\"x\">text</div>", "\\frac{a}{b} \\alpha_{i}^{2}", "0xDEADBEEF", "camelCaseName",
    "snake_case_name", "HTTPServerError", "v1.2.3-rc4", "\t\t\tif x:\n\t\t\t\tpass",
    "{\n  \n}\n\n\n",
]  # fmt: skip
UNITS = [
    "a",
    " ",
    "\n",
    "\t",
    "=",
    "-",
    "ab",
    "0",
    "é",
    "日",
    "\u2581",
    "<",
    "\r\n",
    "ha",
    "😀",
    ". ",
]
BOUNDS = [0x80, 0x800, 0x3000, 0x10000, 0x32400, 0xE0200]
BAD_BYTES = [
    b"\xff", b"\xfe\xff", b"\x80", b"\xbf\xbf", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\x80",
    b"\xc1\xbf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\x80",
    b"\xf8\x88", b"\xc3\x28", b"\xe2\x28\xa1", b"\xf0\x28\x8c\xbc", b"\x00", b"\xef\xbf\xbe",
    b"\xef\xbf\xbd",
]  # fmt: skip


class SplitMix64:
    """Steele, Lea and Flood's generator: 64 bits of state, one step each."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        word = self.state
        word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & mask
        word = ((word ^ word >> 27) * 0x94D049BB133111EB) & mask
        return (word ^ word >> 31) % bound

    def choose(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]


class Strings:
    """Draws strings; each method is one kind."""

    def __init__(self, seed: int) -> None:
        self.random = SplitMix64(seed)
        self.english = ENGLISH.split()
        self.kinds: list[Callable[[], bytes]] = (
            [self.sentence] * 4
            + [self.words_of_a_script] * 4
            + [self.spaces] * 2
            + [self.numbers] * 2
            + [self.emoji, self.code, self.special, self.special, self.run]
            + [self.code_points, self.invalid, self.random_bytes, self.mixture, self.mixture]
        )

    def word(self, script: str) -> str:
        first, last = SCRIPTS[script]
        length = 1 + self.random.below(7)
        return "".join(chr(first + self.random.below(last - first + 1)) for _ in range(length))

    def common_word(self) -> str:
        """An English word; the first ones are drawn most often."""
        bound = 1 + self.random.below(len(self.english))
        word = self.english[self.random.below(bound)]
        return self.random.choose([word] * 6 + [word.capitalize(), word.upper()])

    def sentence(self) -> bytes:
        words = []
        for _ in range(1 + self.random.below(14)):
            words.append(self.common_word())
            if self.random.below(6) == 0:
                words.append(self.random.choose(CONTRACTIONS))
        text = " ".join(words)
        if self.random.below(2):
            text += self.random.choose(PUNCTUATION)
        return text.encode()

    def words_of_a_script(self) -> bytes:
        script = self.random.choose(list(SCRIPTS))
        joint = self.random.choose([" ", " ", "", "-", "\u00b7", "\u200d"])
        return joint.join(self.word(script) for _ in range(1 + self.random.below(8))).encode()

    def spaces(self) -> bytes:
        parts = []
        for _ in range(1 + self.random.below(8)):
            parts.append(self.random.choose(SPACES) * (1 + self.random.below(4)))
            if self.random.below(3):
                parts.append(self.common_word())
        return "".join(parts).encode()

    def numbers(self) -> bytes:
        parts = []
        for _ in range(1 + self.random.below(6)):
            zero = self.random.choose(DIGITS)
            length = 1 + self.random.below(9)
            digits = "".join(chr(zero + self.random.below(10)) for _ in range(length))
            parts.append(self.random.choose([digits, digits, self.random.choose(NUMBERS)]))
        return self.random.choose([" ", "", ".", ",", "-", " + "]).join(parts).encode()

    def emoji(self) -> bytes:
        joint = self.random.choose(["", " "])
        emoji = [self.random.choose(EMOJI) for _ in range(1 + self.random.below(6))]
        return joint.join(emoji).encode()

    def code(self) -> bytes:
        return "".join(self.random.choose(CODE) for _ in range(1 + self.random.below(3))).encode()

    def special(self) -> bytes:
        parts = []
        for _ in range(1 + self.random.below(5)):
            parts.append(self.random.choose(SPECIAL))
            word = self.common_word()
            parts.append(self.random.choose(["", "", " ", "\n", word, " " + word]))
        return "".join(parts).encode()

    def run(self) -> bytes:
        """One character or word many times."""
        return (self.random.choose(UNITS) * (1 + self.random.below(120))).encode()

    def code_points(self) -> bytes:
        """Any code points, assigned or not."""
        points = []
        while len(points) < 1 + self.random.below(12):
            point = self.random.below(self.random.choose(BOUNDS))
            if not 0xD800 <= point <= 0xDFFF:
                points.append(point)
        return "".join(map(chr, points)).encode()

    def invalid(self) -> bytes:
        parts = []
        for _ in range(1 + self.random.below(5)):
            parts.append(self.random.choose(BAD_BYTES))
            word = self.random.choose([self.common_word(), self.word("han")])
            parts.append(self.random.choose([b"", b" ", word.encode()]))
        return b"".join(parts)

    def random_bytes(self) -> bytes:
        values = [value for value in range(256) if not 0xF4 <= value <= 0xF7]
        return bytes(self.random.choose(values) for _ in range(1 + self.random.below(24)))

    def mixture(self) -> bytes:
        kinds = [self.sentence, self.words_of_a_script, self.spaces, self.numbers, self.emoji]
        return b"".join(self.random.choose(kinds)() for _ in range(2 + self.random.below(4)))

    def draw(self) -> bytes:
        return self.random.choose(self.kinds)()


def draw_strings(count: int = 10_000, seed: int = 20_26) -> list[bytes]:
    """The first `count` strings of the sequence `seed`."""
    strings = Strings(seed)
    fixed = [b"", b" ", b"\n", b"\x00", b"a\x00b", b"  leading", b"trailing  ", "▁".encode()]
    return fixed + [strings.draw() for _ in range(count - len(fixed))]
