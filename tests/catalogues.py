"""The catalogues of the pages' languages, against what templates, modules and scripts say.

`python -m tests.catalogues` writes each text that pages say into every `wachhund.po`, marks those without translation,
drops what is said no more, and makes the `.mo` files anew. docs/languages.md says what to do then.
"""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from wachhund.web.languages import DOMAIN, FOLDER, SCRIPT
from wachhund.web.vocabulary import TERMS

WEB = FOLDER.parent
_KEYWORDS = {"say": None, "say_n": (1, 2), "_": None, "gettext": None, "ngettext": (1, 2)}
_JINJA = {
    "extensions": "jinja2.ext.i18n", "trimmed": "true", "newstyle_gettext": "true", "silent": "false",
    "trim_blocks": "true", "lstrip_blocks": "true",
}  # fmt: skip
_SOURCES = (("*.py", "python", {}), ("templates/*.html", "jinja2.ext:babel_extract", _JINJA))
# Of the header, only what does not change with the day or with the version of Babel.
_HEADER = """# Wachhund, {language}. How to change it: docs/languages.md
"""

Key = tuple[str, str | None]  # the (first) text, and its context


def said() -> dict[Key, tuple[str, ...]]:
    """Each text that pages say, with its plural if it has one."""
    found: dict[Key, tuple[str, ...]] = {(term, None): (term,) for term in TERMS}
    for pattern, method, options in _SOURCES:
        for path in sorted(WEB.glob(pattern)):
            for text in _texts(path, method, options):
                found.setdefault((text[0], None), text)
                if len(text) > len(found[text[0], None]):
                    found[text[0], None] = text
    for path in sorted((WEB / "static").glob("*.js")):
        for text in _texts(path, "javascript", {}):
            found[text[0], SCRIPT] = text
    return found


def _texts(path: Path, method: str, options: dict[str, str]) -> Iterator[tuple[str, ...]]:
    with path.open("rb") as file:
        for _, message, _, _ in extract(method, file, _KEYWORDS, (), options):
            text = message if isinstance(message, tuple) else (message,)
            if text[0]:
                yield text


def languages() -> list[str]:
    """Tags of the languages that have a catalogue."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{DOMAIN}.po"))


def written(tag: str) -> Catalog:
    """A catalogue as it lies there."""
    with (FOLDER / tag / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale=tag.replace("-", "_"), abort_invalid=True)


def messages(catalogue: Catalog) -> dict[Key, Message]:
    """Its messages, without the header."""
    return {(one.id if isinstance(one.id, str) else one.id[0], one.context): one for one in catalogue if one.id}


def compiled(catalogue: Catalog) -> bytes:
    """The `.mo` file of a catalogue."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def renewed(tag: str) -> Catalog:
    """The catalogue with exactly the texts that are said now, sorted; a new one has an empty translation."""
    there = written(tag)
    known = messages(there)
    made = Catalog(locale=tag.replace("-", "_"), header_comment=_HEADER.format(language=tag), fuzzy=False)
    for (first, context), text in sorted(
        said().items(), key=lambda one: (one[0][0].lower(), one[0][0], one[0][1] or "")
    ):
        before = known.get((first, context))
        string = before.string if before is not None else ""
        if len(text) > 1 and isinstance(string, str):
            string = ("",) * there.num_plurals
        comments = before.user_comments if before is not None else ()
        made.add(text if len(text) > 1 else first, string, context=context, user_comments=comments)
    return made


def rewrite(tag: str) -> int:
    """Returns how many texts have no translation yet."""
    made = renewed(tag)
    file = io.BytesIO()
    write_po(file, made, width=120, omit_header=False)
    text = re.sub(r'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Project-Id-Version|'
                  r'Report-Msgid-Bugs-To|Language-Team): .*\n', "", file.getvalue().decode(), flags=re.M)  # fmt: skip
    folder = FOLDER / tag
    (folder / f"{DOMAIN}.po").write_text(text, encoding="utf-8")
    (folder / f"{DOMAIN}.mo").write_bytes(compiled(written(tag)))
    return sum(
        1 for one in messages(made).values() if not all([one.string] if isinstance(one.string, str) else one.string)
    )


def main() -> int:
    """Renew all; status 1 while a text has no translation."""
    missing = {tag: rewrite(tag) for tag in languages()}
    for tag, count in missing.items():
        print(f"{FOLDER / tag / DOMAIN}.po: {count} without a translation")
    return 1 if any(missing.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
