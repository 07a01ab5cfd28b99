"""A robot's text, made harmless in a message that some program will draw: a mail reader, a chat, a pager.

It may have been written by an attacker who knows that an operator will read it at night. Nothing of it may hide, turn,
begin a line, become a link, call somebody, or be taken for markup.
"""

import re
import unicodedata

SHOWN_CHARS = 200
_CODED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = 2  # combining marks that a letter may carry
# What the chats take for markup, a mention or a link.
_REPLACED = str.maketrans({"<": "‹", ">": "›", "@": "(at)", "`": "'", "[": "(", "]": ")", "|": "¦", "*": "∗"})
_SCHEME = re.compile(r"(\w)://")
_SCRIPT = re.compile(r"\b(javascript|data|vbscript|mailto|tel|file)(:)", re.IGNORECASE)
# `evil.example`, also inside a longer text; not a file's name in a path, nor numbers.
_DOMAIN = re.compile(r"(?<![\w.-])(?<![^/]/)(?<!^/)((?:[\w-]+\.)+)([^\W\d_]{2,24})(?![\w-])")


def plain(value: object, limit: int = SHOWN_CHARS) -> str:
    """One line. None is "unknown"."""
    if value is None:
        return "unknown"
    text = "".join(_visible(str(value)[: 4 * limit]))
    text = text.translate(_REPLACED)
    text = _SCHEME.sub(r"\1[:]//", text)
    text = _SCRIPT.sub(r"\1[:]", text)
    text = _DOMAIN.sub(lambda found: found[1].replace(".", "[.]") + found[2], text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _visible(text: str) -> list[str]:
    made: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        category = unicodedata.category(character)
        if category in _CODED or marks > _MARKS:
            made.append(f"(U+{ord(character):04X})")
        else:
            made.append(" " if category == "Zs" else character)
    return made
