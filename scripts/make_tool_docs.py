"""Makes man pages and completions for bash, zsh and fish of what programs say of
themselves in --help, so that nothing is written down twice.

    make_tool_docs.py VERSION OUT PROGRAM...

Writes below OUT what an installation has below share/.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

OPTION = re.compile(r" {2,}(--?[A-Za-z][\w-]*)(?:(\[?=| )(?=\S)(?!- )(\S+))?(?: +(?:- )?(.*))?")
"""An option, what joins its value to it, the value, and its help, as the tables of
winnow-run, of LLVM's OptTable and of its cl::opt print them."""
CHOICE = re.compile(r" {2,}=(\S+)(?: +- +(.*))?")
"""One of the words that a cl::opt takes."""
FILES = ("FILE", "FOLDER", "<filename>", "<string>", "NAME")


@dataclass
class Option:
    """One option of a program."""

    flag: str
    joint: str
    value: str
    help: str
    choices: list[str] = field(default_factory=list)

    @property
    def needs_value(self) -> bool:
        """Not of --name[=VALUE]."""
        return self.joint in ("=", " ")

    @property
    def takes_file(self) -> bool:
        return self.value in FILES or bool(re.search(r"\.\w+$", self.value))


@dataclass
class Tool:
    """A program and its options, as --help tells them."""

    name: str
    synopsis: list[str]
    description: list[str]
    options: list[Option]


def parse(name: str, text: str) -> Tool:
    """Reads the text of --help."""
    tool = Tool(name, [], [], [])
    in_usage = False
    for line in text.splitlines():
        usage = re.match(r"usage: (.*)", line, re.IGNORECASE)
        if usage or (in_usage and line.startswith("       ")):
            tool.synopsis.append((usage.group(1) if usage else line).strip())
            in_usage = True
            continue
        in_usage = False
        if match := OPTION.fullmatch(line):
            flag, joint, value, words = (part or "" for part in match.groups())
            tool.options.append(Option(flag, joint, value, words.strip()))
        elif (match := CHOICE.fullmatch(line)) and tool.options:
            tool.options[-1].choices.append(match.group(1))
        elif line.startswith("      ") and tool.options and not tool.options[-1].help:
            tool.options[-1].help = line.strip()
        elif line.strip() and not tool.options and not line.startswith("OPTIONS"):
            tool.description.append(line.removeprefix("OVERVIEW: "))
    return tool


def roff(text: str) -> str:
    """Text of a man page; a point or an apostrophe in front would be a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def man_page(tool: Tool, version: str) -> str:
    summary = tool.description[0] if tool.description else tool.name
    lines = [
        f'.TH {tool.name.upper().replace("-", chr(92) + "-")} 1 "" "Winnow {version}"',
        ".SH NAME",
        f"{roff(tool.name)} \\- {roff(summary)}",
        ".SH SYNOPSIS",
    ]
    for line in tool.synopsis:
        lines += [roff(line), ".br"]
    lines.append(".SH DESCRIPTION")
    for line in tool.description:
        lines += [roff(line), ".br"]
    lines.append(".SH OPTIONS")
    for option in tool.options:
        value = f"{option.joint}\\fI{roff(option.value)}\\fR" if option.value else ""
        words = option.help
        if option.choices:
            words = f"{words} ({', '.join(option.choices)})".strip()
        lines += [".TP", f"\\fB{roff(option.flag)}\\fR{value}", roff(words)]
    return "\n".join(lines) + "\n"


def words_of(tool: Tool) -> list[str]:
    """What may stand on a command line: flags, with their choices where there are
    some."""
    words = []
    for option in tool.options:
        equals = "=" if option.joint == "=" else ""
        words += [f"{option.flag}={c}" for c in option.choices] or [option.flag + equals]
    return sorted(set(words))


def bash(tool: Tool) -> str:
    function = "_" + tool.name.replace("-", "_")
    return f"""{function}() {{
  local line=${{COMP_LINE:0:COMP_POINT}}
  local word=${{line##* }} part=${{COMP_WORDS[COMP_CWORD]}}
  COMPREPLY=()
  [[ $word == -* ]] || return
  COMPREPLY=($(compgen -W '{" ".join(words_of(tool))}' -- "$word"))
  [[ ${{#COMPREPLY[@]}} == 1 && ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
  # Where bash cuts words at '=' it wants the rest only.
  [[ $part == = ]] && part=
  [[ $word == *=* && $part != "$word" ]] && COMPREPLY=("${{COMPREPLY[@]#"${{word%"$part"}}"}}")
}}
complete -o default -F {function} {tool.name}
"""


def zsh(tool: Tool) -> str:
    def quoted(text: str) -> str:
        return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")

    lines = [f"#compdef {tool.name}", "_arguments \\"]
    for option in tool.options:
        equals = "=" if option.joint == "=" else ""
        spec = f"{option.flag}{equals}[{quoted(option.help)}]"
        if option.needs_value:
            action = f"({' '.join(option.choices)})" if option.choices else ""
            if option.takes_file:
                action = "_files"
            spec += f":{quoted(option.value)}:{action}"
        lines.append(f"  '{spec}' \\")
    return "\n".join([*lines, "  '*:file:_files'"]) + "\n"


def fish(tool: Tool) -> str:
    lines = []
    for option in tool.options:
        name = option.flag.lstrip("-")
        kind = "-l" if option.flag.startswith("--") else "-s" if len(name) == 1 else "-o"
        line = f"complete -c {tool.name} {kind} {name}"
        if option.needs_value:
            line += " -r" if option.takes_file else " -x"
        if option.choices:
            line += f" -a '{' '.join(option.choices)}'"
        words = option.help.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"{line} -d '{words}'")
    return "\n".join(lines) + "\n"


def main() -> None:
    version, out, *programs = sys.argv[1:]
    for program in programs:
        name = Path(program).name
        run = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
        tool = parse(name, run.stdout)
        if not tool.options or not tool.synopsis:
            sys.exit(f"{program} --help tells of no options")
        files = {
            f"man/man1/{name}.1": man_page(tool, version),
            f"bash-completion/completions/{name}": bash(tool),
            f"zsh/site-functions/_{name}": zsh(tool),
            f"fish/vendor_completions.d/{name}.fish": fish(tool),
        }
        for path, text in files.items():
            target = Path(out) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


if __name__ == "__main__":
    main()
