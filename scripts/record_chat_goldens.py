"""Records what Jinja 2 makes of chat templates and of small snippets, in the
environment that `transformers` gives them, to test/Golden/chat/chat.json.

Needs the package jinja2. The templates are written in the documented formats of
the model families.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = Path(__file__).resolve().parent.parent / "test" / "Golden" / "chat"
NOW = 1_700_000_000  # 14 November 2023, UTC

SYSTEM = {"role": "system", "content": "  Answer briefly.\n"}
USER = {"role": "user", "content": " What is 2+2? \n"}
ASSISTANT = {"role": "assistant", "content": "<think>\nAdd.\n</think>\n\nFour. "}
AGAIN = {"role": "user", "content": 'Über "naïve" <b>字</b>\t{{ x }} {% if %}'}
CONVERSATIONS = {
    "one": [USER],
    "system": [SYSTEM, USER],
    "turns": [USER, ASSISTANT, AGAIN],
    "all": [SYSTEM, USER, ASSISTANT, AGAIN, ASSISTANT],
    "wrong order": [ASSISTANT, USER],
    "unknown role": [USER, {"role": "judge", "content": "x"}],
}


def environment() -> ImmutableSandboxedEnvironment:
    """The environment of `transformers`' apply_chat_template."""

    def raise_exception(message: str) -> None:
        raise jinja2.TemplateError(message)

    def to_json(x: object, indent: int | None = None) -> str:
        return json.dumps(x, ensure_ascii=False, indent=indent)

    class Generation(jinja2.ext.Extension):
        """{% generation %}: only marks its content."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols],
    )
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda form: time.strftime(form, time.gmtime(NOW))
    return made


def render(template: str, messages: list[dict], generate: bool) -> str | None:
    """The prompt, or nothing where the template fails."""
    try:
        return (
            environment()
            .from_string(template)
            .render(
                messages=messages,
                bos_token="<s>",
                eos_token="</s>",
                add_generation_prompt=generate,
                tools=None,
                documents=None,
            )
        )
    except (jinja2.TemplateError, TypeError, ValueError, ZeroDivisionError, AttributeError):
        return None


def snippets() -> list[str]:
    """Those of snippets.txt, one a line, and some of several lines."""
    return (FOLDER / "snippets.txt").read_text().splitlines() + [
        "  {% if true %}\n  indented\n  {% endif %}\ntail\n",
        "a\n  {%- if true -%}  tight  {%- endif -%}  z\n\n",
        "a\n  {%+ if true %}kept{% endif +%}\nb",
        "{% for x in [1, 2] %}\n  {{ x }}\n{% endfor %}\r\nend {# c #}\nline {# d -#}\n next",
    ]


def main() -> None:
    cases = []
    for path in sorted(FOLDER.glob("*.jinja")):
        for name, messages in CONVERSATIONS.items():
            for generate in (True, False):
                cases.append((f"{path.stem}, {name}", path.read_text(), messages, generate))
    for snippet in snippets():
        cases.append((snippet, snippet, CONVERSATIONS["all"], True))
    records = [
        {
            "name": name,
            "template": template,
            "messages": messages,
            "add_generation_prompt": generate,
            "expected": render(template, messages, generate),
        }
        for name, template, messages, generate in cases
    ]
    record = {"jinja2": jinja2.__version__, "now": NOW, "cases": records}
    (FOLDER / "chat.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
