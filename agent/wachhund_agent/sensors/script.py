"""Which script an interpreter runs: for the kernel the program is /usr/bin/python3, for people it is the script.

Option letters: the manual pages python(1), bash(1), dash(1), perlrun(1), ruby(1), node(1), lua(1). Pure.
"""

import os
import re
from typing import Dict, FrozenSet, NamedTuple, Optional, Sequence, Tuple

_VERSION = re.compile(r"[-0-9.]+$")  # python3.11, perl5.36.0, lua5.3


class _Grammar(NamedTuple):
    """How an interpreter reads its options, in letters of one-letter options.

    `none`: there is no script file after this one. `value`: takes a value, the rest of the word or the next word.
    `rest`: swallows the rest of its word. `next`: takes the next word, and letters may follow it. `long_none`,
    `long_value`: the same of long options. `dash_ends`: a lone "-" ends the options, else it stands for standard input.
    """

    none: str
    value: str = ""
    rest: str = ""
    next: str = ""
    long_none: FrozenSet[str] = frozenset()
    long_value: FrozenSet[str] = frozenset()
    dash_ends: bool = False


_PYTHON = _Grammar(
    "cmhV?",
    value="WXQ",
    long_none=frozenset({"--help", "--version"}),
    long_value=frozenset({"--check-hash-based-pycs"}),
)
_SHELL = _Grammar(
    "cs",
    next="oO",
    long_none=frozenset({"--help", "--version"}),
    long_value=frozenset({"--rcfile", "--init-file"}),
    dash_ends=True,
)
_PERL = _Grammar("eESvVh?", value="I", rest="MmiFxCdD")
_RUBY = _Grammar(
    "eSvh",
    value="IrCXE",
    rest="FiKxW",
    long_none=frozenset({"--help", "--version"}),
    long_value=frozenset(
        {"--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable", "--dump"}
    ),
)
_NODE = _Grammar(
    "epchv",
    value="rC",
    long_none=frozenset({"--eval", "--print", "--check", "--test", "--run", "--help", "--version"}),
    long_value=frozenset(
        {
            "--conditions", "--env-file", "--experimental-loader", "--icu-data-dir", "--import", "--input-type",
            "--inspect-port", "--loader", "--openssl-config", "--redirect-warnings", "--require", "--title",
        }
    ),
)  # fmt: skip
_LUA = _Grammar("", value="el")
_GRAMMARS: Dict[str, _Grammar] = {
    "python": _PYTHON,
    "bash": _SHELL,
    "sh": _SHELL,
    "dash": _SHELL,
    "perl": _PERL,
    "ruby": _RUBY,
    "node": _NODE,
    "nodejs": _NODE,
    "lua": _LUA,
}


def _name(path: str) -> str:
    return _VERSION.sub("", path.rsplit("/", 1)[-1].lstrip("-"))


def _short(word: str, grammar: _Grammar) -> Tuple[bool, int]:
    """A word of one-letter options: whether it says that there is no script, and how many words after it are values."""
    taken = 0
    for place, letter in enumerate(word[1:], start=2):
        if letter in grammar.none:
            return True, 0
        if letter in grammar.next:
            taken += 1
        elif letter in grammar.value:
            return False, taken + (place == len(word))
        elif letter in grammar.rest:
            break
    return False, taken


def script_of(argv: Sequence[bytes], cwd: Optional[str], exe: Optional[str]) -> Optional[str]:
    """The path of the script file that an interpreter was started with; None for any other program, and where no file
    is named: a command in the arguments (-c, -e), a module (-m), standard input, a name that is searched for.

    `exe`: the program's path; without it argv[0] is believed. A relative name needs `cwd`. The path is not looked at:
    nothing may be there. It is as Python reads paths (surrogateescape), so that it can be opened.
    """
    words = [os.fsdecode(word) for word in argv]
    if not words:
        return None
    name = _name(exe or words[0])
    grammar = _GRAMMARS.get(_name(words[0]) if name == "busybox" else name)
    if grammar is None:
        return None
    at = 1
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--" or (word == "-" and grammar.dash_ends):
            break
        if word == "-":
            return None
        if word.startswith("--"):
            option, equals, _ = word.partition("=")
            if option in grammar.long_none:
                return None
            at += option in grammar.long_value and not equals
        elif word.startswith("-") or (word.startswith("+") and grammar is _SHELL):
            ends, taken = _short(word, grammar)
            if ends and word.startswith("-"):
                return None
            if grammar is _RUBY and word[:2] in ("-C", "-X"):
                cwd = None  # it changes its folder first
            at += taken
        else:
            at -= 1
            break
    if grammar is _NODE and words[at : at + 1] in (["inspect"], ["debug"]):
        at += 1
    script = words[at] if at < len(words) else ""
    if not script or script.startswith("/"):
        return script or None
    if cwd is None:
        return None
    return os.path.join(cwd, script[2:] if script.startswith("./") else script)
