"""Sentences of ours: English wherever they are kept, compared, searched or given to programs, and the viewer's language
where they are put on a page.

    word = say("looks only now and then: %(senses)s", senses="tcp")     # a str: "looks only now and then: tcp"
    count = say_n("%(n)s robot", "%(n)s robots", 3)
    spoken(word)                                                        # "schaut nur ab und zu hin: tcp"

A page's templates and slots call `spoken` by themselves. The English text is the key of the catalogue, so it is written
out in the call: docs/languages.md. `term` is for words of a closed list (levels, states), which stay plain str.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from wachhund.web.viewing import viewer
from wachhund.web.vocabulary import TERMS


class Said(str):
    """A text of ours, in English, that knows how to say itself in another language."""

    _translated: Callable[[], str]

    def __new__(cls, english: str, translated: Callable[[], str]) -> "Said":
        made = super().__new__(cls, english)
        made._translated = translated
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    @property
    def spoken(self) -> str:
        """In the viewer's language."""
        return self._translated()


def say(message: str, **values: Any) -> Said:
    """A sentence. `%(name)s` in `message` is filled by the value of that name, a sentence of ours among them."""
    if not values:
        return _always(message)
    return Said(message % values, lambda: viewer().language.catalogue.gettext(message) % _spoken(values))


@lru_cache(maxsize=1024)
def _always(message: str) -> Said:
    # Written out in our code, so there are few; a page of a hundred robots says each of them a hundred times.
    return Said(message, lambda: viewer().language.catalogue.gettext(message))


def say_n(one: str, many: str, n: int, **values: Any) -> Said:
    """A sentence with a number, `%(n)s`, in the form that the number asks for."""
    told = {**values, "n": n}

    def translated() -> str:
        return viewer().language.catalogue.ngettext(one, many, n) % _spoken(told)

    return Said((one if n == 1 else many) % told, translated)


def spoken(value: Any) -> Any:
    """A sentence of ours in the viewer's language; anything else as it is."""
    return value.spoken if isinstance(value, Said) else value


def _spoken(values: dict[str, Any]) -> dict[str, Any]:
    return {name: spoken(value) for name, value in values.items()}


def term(value: Any) -> Any:
    """A word of a closed list in the viewer's language; what is in no list (a robot may have said it) as it is."""
    if isinstance(value, Said):
        return value.spoken
    return viewer().language.catalogue.gettext(value) if isinstance(value, str) and value in TERMS else value


@lru_cache(maxsize=256)
def known(word: str) -> Said:
    """A word of a closed list, as a part of a sentence."""
    return Said(word, lambda: str(term(word)))


def joined(between: str, parts: Iterable[str]) -> Said:
    """Sentences one after the other. `between` may be ours too: `; then `."""
    parts = list(parts)
    return Said(between.join(parts), lambda: str(spoken(between)).join(str(spoken(part)) for part in parts))


def decimal(number: float, digits: int = 0) -> str:
    """A number as the viewer writes it: `1,234.5` or `1.234,5`."""
    language = viewer().language
    return f"{number:,.{digits}f}".translate({ord(","): language.group, ord("."): language.decimal})
