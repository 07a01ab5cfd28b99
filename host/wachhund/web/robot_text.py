"""Text that came from a robot, made fit to be read: it may have been written by an attacker.

Escaping keeps text from becoming markup; it does not keep it from lying. A right-to-left override turns `exe.gnp` into
`png.exe`, a line separator forges a second row. So whatever does not stand visibly in a line is shown as its code
(UTS #39, Unicode TR36 on bidirectional spoofing), and long text is cut with a way to read the whole.
"""

import unicodedata
from collections.abc import Iterator

from markupsafe import Markup, escape

from wachhund.web.said import say, say_n, spoken

# Characters a line of ours shows before it offers "show all": about two lines of a phone.
SHOWN_CHARACTERS = 160
# Cc control, Cf format (bidi, zero width, tags), Cs surrogate, Co private, Cn unassigned, Zl/Zp line and paragraph.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Marks that a letter may carry here: more of them climb over the lines above and below.
_MARKS = 2


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _HIDDEN or (category == "Zs" and character != " ")


def _segments(text: str) -> Iterator[tuple[bool, str]]:
    """(is a code, text) in order, adjacent plain characters joined."""
    plain: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MARKS and not _is_hidden(character):
            plain.append(character)
            continue
        if plain:
            yield False, "".join(plain)
            plain.clear()
        yield True, f"U+{ord(character):04X}"
    if plain:
        yield False, "".join(plain)


def visible(value: object) -> str:
    """One line of plain text: what would hide, turn or break is shown as ‹U+XXXX›. None is "unknown"."""
    if value is None:
        return str(spoken(say("unknown")))
    value = spoken(value)
    return "".join(f"‹{text}›" if is_code else text for is_code, text in _segments(str(value)))


def clipped(value: object, shown: int = SHOWN_CHARACTERS) -> str:
    """`visible`, cut to `shown` characters with an ellipsis in the middle: both ends of a path tell something."""
    text = visible(value)
    if len(text) <= shown:
        return text
    tail = shown // 3
    return text[: shown - tail - 1] + "…" + text[-tail:]


def _marked(text: str) -> Markup:
    parts = (
        Markup('<span class="code">{}</span>').format(piece) if is_code else escape(piece)
        for is_code, piece in _segments(text)
    )
    return Markup("").join(parts)


def robot_text(value: object, shown: int = SHOWN_CHARACTERS) -> Markup:
    """HTML of a robot's text: isolated from the direction around it, codes marked, long text behind "show all"."""
    if value is None:
        return Markup('<span class="absent">{}</span>').format(spoken(say("unknown")))
    text = str(spoken(value))
    if len(text) <= shown:
        return Markup("<bdi>{}</bdi>").format(_marked(text))
    more = say_n("show all %(n)s character", "show all %(n)s characters", len(text))
    return Markup(
        '<details class="long"><summary><bdi>{}…</bdi> <span class="more">{}</span></summary><bdi>{}</bdi></details>'
    ).format(_marked(text[:shown]), spoken(more), _marked(text))
