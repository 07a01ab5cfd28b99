"""The languages of the pages: which there are, their catalogues, and which one a browser asks for.

A catalogue is gettext's: `catalogues/TAG/wachhund.po` is what people write, the `.mo` beside it what is read here, with
the standard library. It is a part of the program and trusted as such, within bounds: a translation with other markup
than its English text is refused when the catalogue is read, and the English text stands there instead.
"""

import gettext
import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

FOLDER = Path(str(resources.files("wachhund.web"))) / "catalogues"
DOMAIN = "wachhund"
SCRIPT = "script"  # the context of texts that scripts in the browser say
_TAG = re.compile(r"<[^>]*>?|&[#\w]+;")
_CONTEXT = "\x04"  # how gettext joins a context and a text
_MAX_ASKED = 20  # languages of one header that are looked at

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Language:
    """`tag`: BCP 47. `name`: as its speakers call it. `is_reviewed`: by somebody whose first language it is."""

    tag: str
    name: str
    is_reviewed: bool
    decimal: str = "."
    group: str = ","
    catalogue: gettext.NullTranslations = field(default_factory=gettext.NullTranslations, compare=False, repr=False)

    @property
    def script_texts(self) -> Mapping[str, str]:
        """What scripts say in this language, by the English text."""
        known: Mapping[object, str] = getattr(self.catalogue, "_catalog", {})
        mark = SCRIPT + _CONTEXT
        return {
            key.removeprefix(mark): text for key, text in known.items() if isinstance(key, str) and key.startswith(mark)
        }


def markup_of(text: str) -> Counter[str]:
    """The tags and character references in a text, each as often as it stands there."""
    return Counter(_TAG.findall(text))


class _Checked(gettext.GNUTranslations):
    """A catalogue whose translations have the markup of their English text, and no other."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            super().__init__(file)
        known: dict[object, str] = vars(self)["_catalog"]  # how the library keeps it
        for key, text in [*known.items()]:
            english = key[0] if isinstance(key, tuple) else key
            if english and markup_of(str(english).rpartition(_CONTEXT)[2]) != markup_of(text):
                _log.warning("%s: refused, as its markup is another than that of the English text: %r", path, english)
                del known[key]


def load(tag: str, folder: Path = FOLDER) -> gettext.NullTranslations:
    """The catalogue of a language."""
    return _Checked(folder / tag / f"{DOMAIN}.mo")


ENGLISH = Language("en", "English", is_reviewed=True)
# Nobody whose first language they are has read these yet: their pages say so.
_GERMAN = Language("de", "Deutsch", is_reviewed=False, decimal=",", group=".", catalogue=load("de"))
_CHINESE = Language("zh-Hans", "简体中文", is_reviewed=False, catalogue=load("zh-Hans"))
LANGUAGES: Mapping[str, Language] = {one.tag: one for one in (ENGLISH, _GERMAN, _CHINESE)}


def asked_for(accept_language: str) -> Language:
    """The language of ours that a browser's Accept-Language (RFC 9110, 12.5.4) prefers; English when it names none."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")[:_MAX_ASKED]):
        tag, _, quality = part.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        wanted.append((-weight, place, tag.strip().lower()))
    for weight, _, tag in sorted(wanted):
        found = _matching(tag)
        if weight < 0 and found is not None:
            return found
    return ENGLISH


def _matching(tag: str) -> Language | None:
    head, *rest = tag.split("-")
    if head == "zh":
        # Who reads the traditional script is not served by the simplified one: their next language is asked.
        return None if {"hant", "tw", "hk", "mo"}.intersection(rest) else LANGUAGES.get("zh-Hans")
    return LANGUAGES.get(head)
