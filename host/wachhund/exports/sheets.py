"""How an incident's record lies on sheets of A4: words in lines, lines on sheets, a path as boxes in a column. Pure.

Lengths in points (1/72 inch), y counted from the sheet's bottom, as PDF has it. What is not allowed differs in shape (a
heavy border, a notched corner) and in words, not in colour: these sheets are printed and faxed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from wachhund.exports.record import Part, PathHop, Record

WIDTH, HEIGHT = 595.28, 841.89
MARGIN, FOOT = 56.7, 48.0  # 20 mm; what the foot of a sheet takes above the margin's end
TITLE, HEADING, TEXT, SMALL = 15.0, 11.5, 9.2, 7.6
_LEADING = 1.42
_INDENT = 16.0
_BOX_PAD, _ARROW, _NOTCH = 6.0, 14.0, 9.0


class Face(Protocol):
    """The letters: how wide a line is."""

    def width(self, text: str, size: float, bold: bool) -> float:
        """Of a line, in points."""
        ...


@dataclass(frozen=True)
class Words:
    """A line at a place."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False


@dataclass(frozen=True)
class Stroke:
    """A line from one place to another, or through several; `filled`: closed and black."""

    points: tuple[tuple[float, float], ...]
    weight: float = 0.7
    filled: bool = False
    dashed: bool = False


@dataclass
class Sheet:
    """What is drawn on one."""

    words: list[Words] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)


def sheets(record: Record, face: Face) -> list[Sheet]:
    """The whole document. Every sheet says at its foot what it is, and which of how many."""
    desk = _Desk(face)
    desk.say(record.title, TITLE, bold=True)
    desk.gap(6)
    for name, value in record.facts:
        desk.pair(name, value)
    for part in record.parts:
        _part(desk, part)
    for number, sheet in enumerate(desk.sheets, start=1):
        _foot(sheet, record.foot, f"{number} of {len(desk.sheets)}", face)
    return desk.sheets


def _part(desk: "_Desk", part: Part) -> None:
    desk.gap(12)
    desk.keep_together(90.0)
    desk.say(part.heading, HEADING, bold=True)
    desk.rule()
    if part.intro:
        desk.say(part.intro, SMALL)
        desk.gap(2)
    for place, hop in enumerate(part.path):
        _box(desk, hop, is_last=place + 1 == len(part.path))
    for number, line in enumerate(part.lines, start=1):
        desk.item(f"{number}." if part.kind == "steps" else "$" if part.kind == "commands" else "–", line)
    if not part.lines and not part.path:
        desk.say("Nothing.", TEXT)


def _box(desk: "_Desk", hop: PathHop, is_last: bool) -> None:
    inner = WIDTH - 2 * MARGIN - 2 * _BOX_PAD - _NOTCH
    head = f"{hop.word} · {hop.sure}{' · NOT ALLOWED' if hop.forbidden else ''}"
    lines = [
        *((line, SMALL, False) for line in wrapped(head, SMALL, False, inner, desk.face)),
        *((line, TEXT + 1, True) for line in wrapped(hop.label, TEXT + 1, True, inner, desk.face)),
        *((line, SMALL, False) for line in wrapped(hop.detail, SMALL, False, inner, desk.face) if hop.detail),
    ]
    height = sum(size * _LEADING for _, size, _ in lines) + 2 * _BOX_PAD
    desk.keep_together(height + _ARROW)
    top, left, right = desk.y, MARGIN, WIDTH - MARGIN
    bottom = top - height
    corners = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
    desk.stroke(Stroke(corners, 2.0 if hop.forbidden else 0.6, dashed=hop.sure == "unknown"))
    if hop.forbidden:
        desk.stroke(Stroke(((right - _NOTCH, top), (right, top), (right, top - _NOTCH)), filled=True))
    y = top - _BOX_PAD
    for text, size, bold in lines:
        y -= size * _LEADING
        desk.sheets[-1].words.append(Words(left + _BOX_PAD, y + size * 0.35, text, size, bold))
    desk.y = bottom
    if not is_last:
        x = left + 30
        desk.stroke(Stroke(((x, bottom - 1), (x, bottom - _ARROW + 5)), 1.0))
        tip = bottom - _ARROW + 1
        desk.stroke(Stroke(((x - 3.5, tip + 6), (x + 3.5, tip + 6), (x, tip)), filled=True))
        desk.y -= _ARROW


def _foot(sheet: Sheet, foot: str, which: str, face: Face) -> None:
    room = WIDTH - 2 * MARGIN - 60
    for number, line in enumerate(wrapped(foot, SMALL, False, room, face)[:3]):
        sheet.words.append(Words(MARGIN, MARGIN - 8 - number * SMALL * _LEADING, line, SMALL))
    x = WIDTH - MARGIN - face.width(which, SMALL, False)
    sheet.words.append(Words(x, MARGIN - 8, which, SMALL))
    sheet.strokes.append(Stroke(((MARGIN, MARGIN + 4), (WIDTH - MARGIN, MARGIN + 4)), 0.4))


def wrapped(text: str, size: float, bold: bool, room: float, face: Face) -> list[str]:
    """The lines of a text, none wider than `room`. What is no word for so long is broken where the room ends."""
    lines: list[str] = []
    line = ""
    for word in _pieces(text, size, bold, room, face):
        longer = f"{line} {word}" if line else word
        if line and face.width(longer, size, bold) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line or not lines else lines


def _pieces(text: str, size: float, bold: bool, room: float, face: Face) -> Iterator[str]:
    for word in text.split(" "):
        rest = word
        while face.width(rest, size, bold) > room:
            low, high = 1, len(rest)  # the longest beginning that fits; one character always goes
            while low < high:
                middle = (low + high + 1) // 2
                if face.width(rest[:middle], size, bold) <= room:
                    low = middle
                else:
                    high = middle - 1
            yield rest[:low]
            rest = rest[low:]
        if rest or not word:
            yield rest


class _Desk:
    """Where the next line comes. A sheet that is full is followed by another."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.sheets = [Sheet()]
        self.y = HEIGHT - MARGIN

    def stroke(self, stroke: Stroke) -> None:
        self.sheets[-1].strokes.append(stroke)

    def gap(self, height: float) -> None:
        self.y -= height

    def keep_together(self, height: float) -> None:
        """Begin a sheet, if so much does not fit on this one any more (and would on an empty one)."""
        if self.y - height < MARGIN + 8 and self.y < HEIGHT - MARGIN:
            self.sheets.append(Sheet())
            self.y = HEIGHT - MARGIN

    def _line(self, x: float, text: str, size: float, bold: bool) -> None:
        self.keep_together(size * _LEADING)
        self.y -= size * _LEADING
        self.sheets[-1].words.append(Words(x, self.y + size * 0.35, text, size, bold))

    def say(self, text: str, size: float, bold: bool = False, indent: float = 0.0) -> None:
        """A text, over as many lines as it takes."""
        for line in wrapped(text, size, bold, WIDTH - 2 * MARGIN - indent, self.face):
            self._line(MARGIN + indent, line, size, bold)

    def item(self, mark: str, text: str) -> None:
        """A text behind a mark that stands out at its left."""
        self.keep_together(TEXT * _LEADING)
        y, sheet = self.y - TEXT * _LEADING, self.sheets[-1]
        sheet.words.append(Words(MARGIN, y + TEXT * 0.35, mark, TEXT))
        self.say(text, TEXT, indent=_INDENT if len(mark) < 4 else _INDENT + 8)
        self.gap(1.5)

    def pair(self, name: str, value: str) -> None:
        """A fact: its name in a column of its own."""
        self.keep_together(TEXT * _LEADING)
        y, sheet = self.y - TEXT * _LEADING, self.sheets[-1]
        sheet.words.append(Words(MARGIN, y + TEXT * 0.35, name, TEXT, bold=True))
        self.say(value, TEXT, indent=98)

    def rule(self) -> None:
        self.gap(2)
        self.stroke(Stroke(((MARGIN, self.y), (WIDTH - MARGIN, self.y)), 0.6))
        self.gap(4)
