"""An incident's record as PDF, A4: written by ReportLab's canvas, which draws lines of text and knows no markup.

The letters (Bitstream Vera, which ReportLab brings) are part of the file, so that it looks the same everywhere and can
be searched. A character that they lack is shown as its code; nothing in the file is a link, a form or a script. The
same record gives the same bytes.
"""

import io
import threading
from dataclasses import replace
from functools import cache

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from wachhund.exports.record import Part, Record
from wachhund.exports.sheets import HEIGHT, WIDTH, Sheet, sheets

_PLAIN, _BOLD = "Vera", "VeraBd"
_FILES = {_PLAIN: "Vera.ttf", _BOLD: "VeraBd.ttf"}
_ONE_AT_A_TIME = threading.Lock()  # the canvas counts used letters in the fonts, which all canvases share


@cache
def _letters() -> frozenset[int]:
    """The characters that both fonts have; registers them."""
    known = []
    for name, file in _FILES.items():
        font = TTFont(name, file)
        pdfmetrics.registerFont(font)
        known.append(frozenset(font.face.charToGlyph))
    return frozenset.intersection(*known)


class _Vera:
    """How wide a line is."""

    def width(self, text: str, size: float, bold: bool) -> float:
        """Of a line, in points."""
        return float(pdfmetrics.stringWidth(text, _BOLD if bold else _PLAIN, size))


def told(text: str) -> str:
    """The same text in letters that the file has."""
    letters = _letters()
    return "".join(char if ord(char) in letters else f"‹U+{ord(char):04X}›" for char in text)


def pdf(record: Record) -> bytes:
    """The file."""
    with _ONE_AT_A_TIME:
        spelt = _spelt(record)
        into = io.BytesIO()
        canvas = Canvas(into, pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1, lang="en")
        canvas.setTitle(spelt.title)
        canvas.setAuthor("Wachhund")
        canvas.setSubject(spelt.foot)
        for sheet in sheets(spelt, _Vera()):
            _draw(canvas, sheet)
            canvas.showPage()
        canvas.save()
        return into.getvalue()


def _draw(canvas: Canvas, sheet: Sheet) -> None:
    for stroke in sheet.strokes:
        path = canvas.beginPath()
        path.moveTo(*stroke.points[0])
        for point in stroke.points[1:]:
            path.lineTo(*point)
        if stroke.filled:
            path.close()
        canvas.setLineWidth(stroke.weight)
        canvas.setDash(*((4, 3) if stroke.dashed else ()))
        canvas.drawPath(path, stroke=0 if stroke.filled else 1, fill=1 if stroke.filled else 0)
    # In the order in which it is read: a reader that speaks, and a search, follow the file.
    for words in sheet.words:
        canvas.setFont(_BOLD if words.bold else _PLAIN, words.size)
        canvas.drawString(words.x, words.y, words.text)


def _spelt(record: Record) -> Record:
    return Record(
        told(record.title),
        tuple((name, told(value)) for name, value in record.facts),
        tuple(_spelt_part(part) for part in record.parts),
        told(record.foot),
    )


def _spelt_part(part: Part) -> Part:
    path = tuple(replace(hop, word=told(hop.word), label=told(hop.label), detail=told(hop.detail)) for hop in part.path)
    return replace(part, intro=told(part.intro), lines=tuple(map(told, part.lines)), path=path)
