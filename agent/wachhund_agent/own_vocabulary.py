"""Texts of the agent with everything taken out of them that it did not bring along itself.

A sense says why it can't see something in words of this program, with a path, an address or a name in between. What is
left here is what also stands in this program's own sources, and the kernel's names for errors: a list of what may stay
can't overlook a kind of name, as a list of what must go can.
"""

import ast
import errno
import os
from pathlib import Path
from typing import FrozenSet, Iterator

LEFT_OUT = "[...]"
_AROUND = ",;:.()'\""


def vocabulary(folder: Path = Path(__file__).parent) -> FrozenSet[str]:
    """The words of all texts in the Python files below a folder, and of the system's errors."""
    texts = [os.strerror(number) for number in errno.errorcode]
    for path in sorted(folder.rglob("*.py")):
        try:
            texts.extend(_texts(ast.parse(path.read_bytes())))
        except (OSError, SyntaxError, ValueError):
            continue  # fewer words: more is left out
    return frozenset(word.strip(_AROUND) for text in texts for word in text.split())


def only_own(text: str, known: FrozenSet[str]) -> str:
    """The text with every word left out that is none of `known`."""
    return " ".join(_kept(word, known) for word in text.split())


def _kept(word: str, known: FrozenSet[str]) -> str:
    core = word.strip(_AROUND)
    if not core or core in known:
        return word
    begin = word.index(core)
    return word[:begin] + LEFT_OUT + word[begin + len(core) :]


def _texts(tree: ast.AST) -> Iterator[str]:
    """Those that the program may say, and not those about it."""
    about = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = vars(node).get("value", vars(node).get("s"))  # `s`: before Python 3.8
        if isinstance(text, str) and id(node) not in about:
            yield text
