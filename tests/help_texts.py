"""The `--help` texts as documents show them. `python -m tests.help_texts` writes them into docs/operate.md anew.

A block is a fenced block whose first line is `$ wachhund ... --help`; what follows is the program's own text.
"""

import argparse
import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "operate.md"
BLOCK = re.compile(r"^```text\n\$ (?P<command>wachhund[^\n]*) --help\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COLUMNS = "100"


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Command -> its parser, for both programs and all their commands, subcommands included."""
    os.environ["COLUMNS"] = COLUMNS  # argparse wraps to the terminal
    from wachhund import cli as host
    from wachhund_agent import cli as agent

    return dict([*_with_subcommands(host.build_parser()), *_with_subcommands(agent.build_parser())])


def _with_subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _with_subcommands(child)


def written() -> dict[str, str]:
    """Command -> help text as docs/operate.md shows it."""
    return {block["command"]: block["text"] for block in BLOCK.finditer(DOCUMENT.read_text(encoding="utf-8"))}


def rewrite() -> None:
    """Put the programs' present texts into docs/operate.md; a block of a command that is gone stays, for a person."""
    known = parsers()

    def present(block: re.Match[str]) -> str:
        parser = known.get(block["command"])
        text = parser.format_help() if parser else block["text"]
        return f"```text\n$ {block['command']} --help\n{text}```"

    DOCUMENT.write_text(BLOCK.sub(present, DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
