"""What people ask of the fleet: words and `key:value` filters, each with NOT, as a line that stands in the URL. Pure.

`-` before a term excludes. A value with spaces stands in quotes: control:"NOT ALLOWED".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

# What can be filtered by, in the order in which the page offers it.
FACETS = ("control", "proof", "coverage", "silence", "site", "tag", "version")
NONE = "none"  # the value of who has none
SILENCES = ((60.0, "under 1 min"), (300.0, "under 5 min"), (3600.0, "under 1 h"), (86400.0, "under 1 d"))
LONGER, NEVER = "1 d and more", "never heard"


class Asked(Protocol):
    """The part of a robot that the query looks at. `facets`: values by facet, in lower case, but for silence."""

    @property
    def name(self) -> str: ...
    @property
    def last_t(self) -> float | None: ...
    @property
    def facets(self) -> Mapping[str, tuple[str, ...]]: ...


def silence_of(last_t: float | None, now: float) -> str:
    """Which value of `silence` holds for who was last heard at `last_t`. Both in host time."""
    if last_t is None:
        return NEVER
    return next((name for below, name in SILENCES if now - last_t < below), LONGER)


def split_query(query: str) -> tuple[str, ...]:
    """Terms of a search: words, or "several words" in quotes; what stands right before a quote belongs to it."""
    terms: list[str] = []
    glued = ""
    for place, piece in enumerate(query.split('"')):
        if place % 2:
            terms.append(glued + piece)
            glued = ""
            continue
        words = piece.split()
        glued = words.pop() if words and not piece[-1].isspace() and place < query.count('"') else ""
        terms += words
    if glued:
        terms.append(glued)
    return tuple(term for term in terms if term.lstrip("-"))


def parts(term: str) -> tuple[bool, str, str]:
    """Whether the term excludes, its facet (empty: a plain word) and its value, in lower case."""
    wanted = term.removeprefix("-")
    key, colon, value = wanted.partition(":")
    if colon and key.lower() in FACETS and value:
        return term.startswith("-"), key.lower(), value.lower()
    return term.startswith("-"), "", wanted.lower()


def term_of(facet: str, value: str, excludes: bool = False) -> str:
    """The term that asks for that value of a facet, or for all others."""
    return f"{'-' if excludes else ''}{facet}:{value}"


def join_query(terms: Sequence[str]) -> str:
    """The inverse of `split_query`."""
    return " ".join(_quoted(term) for term in terms)


def _quoted(term: str) -> str:
    if not any(character.isspace() for character in term):
        return term
    sign = "-" if term.startswith("-") else ""
    _, facet, _ = parts(term)
    head = sign + (f"{term.removeprefix('-').partition(':')[0]}:" if facet else "")
    return f'{head}"{term[len(head) :]}"'


def predicate(terms: Sequence[str], now: float) -> Callable[[Asked], bool]:
    """Whether a robot matches all terms: a facet has the value; a word is one of its words, or part of its name."""
    asked = [parts(term) for term in terms]

    def matches(robot: Asked) -> bool:
        for excludes, facet, value in asked:
            if facet == "silence":
                hit = silence_of(robot.last_t, now) == value
            elif facet:
                hit = value in robot.facets[facet]
            else:
                hit = value in robot.name.lower() or value in robot.facets["words"]
            if hit is excludes:
                return False
        return True

    return matches


def follows_time(terms: Sequence[str]) -> bool:
    """Whether the answer changes by time alone."""
    return any(parts(term)[1] == "silence" for term in terms)
