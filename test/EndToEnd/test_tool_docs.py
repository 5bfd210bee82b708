"""Man pages and completions against what the programs say in --help."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from make_tool_docs import OPTION, parse
from programs import Programs

OURS = ("winnow-compile", "winnow-run")
LLVMS = ("winnow-opt", "winnow-reduce", "winnow-lsp-server")


@pytest.fixture(scope="module")
def share(pytestconfig: pytest.Config) -> Path:
    folder = pytestconfig.getoption("--winnow-build").resolve() / "tools" / "share"
    if not folder.exists():
        pytest.fail("the target winnow-tool-docs is not built")
    return folder


def flags_of(programs: Programs, tool: str) -> set[str]:
    """The flags in the first column of --help."""
    text = programs.execute(tool, "--help").stdout
    return set(re.findall(r"^ {2,}(--?[A-Za-z][\w-]*)", text, re.MULTILINE))


@pytest.mark.parametrize("tool", OURS + LLVMS)
def test_everything_is_there(programs: Programs, share: Path, tool: str) -> None:
    flags = flags_of(programs, tool)
    assert "--help" in flags
    page = (share / "man" / "man1" / f"{tool}.1").read_text().replace("\\-", "-")
    assert flags <= set(re.findall(r"^\\fB(\S+?)\\fR", page, re.MULTILINE))
    fish = (share / "fish" / "vendor_completions.d" / f"{tool}.fish").read_text()
    assert {flag.lstrip("-") for flag in flags} <= set(re.findall(r"-[lso] (\S+)", fish))
    zsh = (share / "zsh" / "site-functions" / f"_{tool}").read_text()
    assert flags <= set(re.findall(r"^  '(--?[\w-]+)", zsh, re.MULTILINE))


@pytest.mark.parametrize("tool", OURS + LLVMS)
def test_man_reads_the_page(share: Path, tool: str) -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    page = share / "man" / "man1" / f"{tool}.1"
    run = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbu", "-rLL=200n", page],
        capture_output=True,
        text=True,
        check=True,
    )
    problems = [line for line in run.stderr.splitlines() if "break" not in line]
    assert problems == []
    assert "OPTIONS" in run.stdout


def complete(share: Path, line: str) -> list[str]:
    """What bash offers at the end of a line."""
    tool = line.split()[0]
    words = re.findall(r"[^\s=]+|=", line)
    script = f"""
        source {share}/bash-completion/completions/{tool}
        COMP_LINE='{line}' COMP_POINT={len(line)}
        COMP_WORDS=({" ".join(words)}) COMP_CWORD={len(words) - 1}
        _{tool.replace("-", "_")} ; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    run = subprocess.run(["bash", "-uc", script], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    return run.stdout.split()


def test_bash_completes(share: Path) -> None:
    assert complete(share, "winnow-run model --pro") == ["--profile", "--prompt", "--prompt-file"]
    assert complete(share, "winnow-compile --em") == ["--emit="]
    assert complete(share, "winnow-run mod") == []
    # Behind '=' bash wants the rest alone.
    assert complete(share, "winnow-opt --remark-format=y") == ["yaml"]


def test_forms_of_help() -> None:
    """winnow-run's table, OptTable's and cl::opt's."""
    text = """\
usage: winnow-x NAME
       winnow-x --all

Says hello.

  --name NAME           whom
  --loud                say it loud
  --very-long-name=<value>
                         on the next line
  --kind=<value>         - one of them
    =first               -   the first
    =second              -   the second
"""
    tool = parse("winnow-x", text)
    assert tool.synopsis == ["winnow-x NAME", "winnow-x --all"]
    assert tool.description == ["Says hello."]
    found = [(o.flag, o.joint, o.value, o.help, o.choices) for o in tool.options]
    assert found == [
        ("--name", " ", "NAME", "whom", []),
        ("--loud", "", "", "say it loud", []),
        ("--very-long-name", "=", "<value>", "on the next line", []),
        ("--kind", "=", "<value>", "one of them", ["first", "second"]),
    ]
    assert OPTION.fullmatch("  --x  - help").group(3) is None
