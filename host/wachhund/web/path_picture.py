"""The path as a picture: server-made SVG, lying for wide pages and standing for phones, readable in black and white.

What is not allowed differs in shape (heavy, notched border), in word and in colour. The SVG names its parts by class
and paints with `currentColor`, so that it is right without a stylesheet too: in a mail, or printed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from wachhund.web.hops import Hop
from wachhund.web.robot_text import clipped
from wachhund.web.said import joined, known, say, spoken, term

_ICONS = {  # 16 x 16, strokes only
    "address": "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M1.5 8h13M8 1.5c-4 4-4 9 0 13M8 1.5c4 4 4 9 0 13",
    "process": "M1.5 2.5h13v11h-13zM4 6l2.5 2L4 10M8 10.5h4",
    "link": "M1.5 10.5a6.5 6.5 0 0 1 13 0v3h-4v-3a2.5 2.5 0 0 0-5 0v3h-4z",
    "loopback": "M12.5 5.5A5.5 5.5 0 1 0 13.5 9M13.5 2v4h-4",
    "service": "M2 2.5h12v4.5H2zM2 9h12v4.5H2zM4.5 4.75h1M4.5 11.25h1",
    "user": "M8 1.5a3 3 0 1 0 0 6a3 3 0 1 0 0-6M2 14.5c0-7 12-7 12 0",
    "unknown": "M5 5.5c0-4.5 6.5-4 6.5-.5c0 2.5-3.5 2.5-3.5 5M8 13v.6",
}
_SUSPECT_ROLES = frozenset({"relay", "suspected relay", "tunnel"})


@dataclass(frozen=True)
class _Layout:
    """Sizes in SVG units (one CSS pixel when drawn in full size). Characters: what fits in a box of that width."""

    width: int
    height: int
    gap: int
    margin: int
    label_characters: int
    detail_characters: int
    upright: bool


_LYING = _Layout(width=176, height=88, gap=40, margin=26, label_characters=19, detail_characters=25, upright=False)
_UPRIGHT = _Layout(width=284, height=76, gap=28, margin=26, label_characters=32, detail_characters=42, upright=True)


def suspect_hops(path: Sequence[Hop]) -> frozenset[int]:
    """Places of the hops that make a path forbidden: the address outside and what carries it in.

    Without a carrier (somebody from the next room) it is the way in itself: all up to the user.
    """
    carriers = {
        place
        for place, hop in enumerate(path)
        if hop.kind == "link" or (hop.kind == "process" and hop.word in _SUSPECT_ROLES)
    }
    if carriers:
        return frozenset(place for place in range(max(carriers) + 1))
    return frozenset(place for place, hop in enumerate(path) if hop.kind != "user")


def not_allowed_hops(path: Sequence[Hop], forbidden: bool) -> frozenset[int]:
    """Places of the hops that are marked: of a path that is `forbidden` those that make it so, of any other none."""
    return suspect_hops(path) if forbidden else frozenset()


def nobody_allowed(sessions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the path of an incident with these sessions is one that nobody allowed.

    It is that of the gravest session, and those that nobody allowed are graver than the others.
    """
    return not sessions or any(session.get("authorisation") is None for session in sessions)


def path_sentence(path: Sequence[Hop], forbidden: bool) -> str:
    """The whole picture in one sentence, for those who hear the page."""
    hops = joined(say("; then "), (hop.sentence() for hop in path))
    if forbidden:
        return say("Path, not allowed, from the outside inwards: %(hops)s.", hops=hops)
    return say("Path, from the outside inwards: %(hops)s.", hops=hops)


def _fitting(detail: str, characters: int) -> str:
    """As many whole parts of a detail as fit; the list beside the picture has them all."""
    parts = str(spoken(detail)).split(", ")
    while len(parts) > 1 and len(", ".join(parts)) > characters:
        parts.pop()
    return clipped(", ".join(parts), characters)


def _word_and_sure(hop: Hop) -> str:
    """As long as in English at most: other languages have longer words."""
    sure = str(term(hop.sure))
    return f"{clipped(known(hop.word), max(8, min(18, 25 - len(sure))))} · {sure}"


def _box(layout: _Layout, hop: Hop, x: int, y: int, suspect: bool) -> Markup:
    classes = f"hop hop-{hop.kind}" + (" suspect" if suspect else "")
    stroke = "2.5" if suspect else "1"
    dash = Markup(' stroke-dasharray="5 4"') if hop.sure == "unknown" else Markup("")
    width, height = layout.width, layout.height
    corner = (
        Markup('<path class="notch" d="M{} {}l18 0l0 18z" fill="currentColor"/>').format(x + width - 18, y)
        if suspect
        else Markup("")
    )
    return Markup(
        '<g class="{classes}"><rect class="box" x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="none" '
        'stroke="currentColor" stroke-width="{stroke}"{dash}/>{corner}'
        '<path class="icon" transform="translate({ix} {iy})" d="{icon}" fill="none" stroke="currentColor" '
        'stroke-width="1.4"/>'
        '<text class="word" x="{wx}" y="{wy}" font-size="11" fill="currentColor">{word}</text>'
        '<text class="label" x="{ix}" y="{ly}" font-size="14" font-family="monospace" fill="currentColor">'
        "{label}</text>"
        '<text class="detail" x="{ix}" y="{dy}" font-size="11" fill="currentColor">{detail}</text></g>'
    ).format(
        classes=classes, x=x, y=y, width=width, height=height, stroke=stroke, dash=dash, corner=corner,
        ix=x + 12, iy=y + 10, icon=_ICONS[hop.kind], wx=x + 36, wy=y + 22,
        word=_word_and_sure(hop), ly=y + height // 2 + 9,
        label=clipped(hop.label, layout.label_characters), dy=y + height - 12,
        detail=_fitting(hop.detail, layout.detail_characters),
    )  # fmt: skip


def _arrow(layout: _Layout, x: int, y: int) -> Markup:
    """From the end of the box at (x, y) to the next one."""
    if layout.upright:
        x, y, length = x + 40, y + layout.height, layout.gap
        line, head = f"M{x} {y + 3}v{length - 10}", f"M{x} {y + length - 1}l-5 -8h10z"
    else:
        x, y, length = x + layout.width, y + layout.height // 2, layout.gap
        line, head = f"M{x + 3} {y}h{length - 10}", f"M{x + length - 1} {y}l-8 -5v10z"
    return Markup(
        '<g class="arrow"><path d="{}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        '<path d="{}" fill="currentColor"/></g>'
    ).format(line, head)


def _bracket(layout: _Layout, last: int) -> Markup:
    """The words NOT ALLOWED over (or beside) the hops 0 to `last`."""
    step = (layout.height if layout.upright else layout.width) + layout.gap
    length = last * step + (layout.height if layout.upright else layout.width)
    start = layout.margin
    if layout.upright:
        line, place = f"M10 {start}h-6v{length}h6", f"rotate(-90) translate(-{start + length // 2} 16)"
    else:
        line, place = f"M1 10v-6h{length}v6", f"translate({length // 2} 8)"
    return Markup(
        '<g class="forbidden"><path d="{}" fill="none" stroke="currentColor" stroke-width="2"/>'
        '<text class="verdict" transform="{}" text-anchor="middle" font-size="11" font-weight="700" '
        'fill="currentColor">{}</text></g>'
    ).format(line, place, term("NOT ALLOWED"))


def _size(layout: _Layout, count: int) -> tuple[int, int]:
    if layout.upright:
        height = count * (layout.height + layout.gap) - layout.gap + layout.margin + 4
        return layout.width + 2 * layout.margin, height
    return count * (layout.width + layout.gap) - layout.gap + 2, layout.height + layout.margin + 4


def _draw(layout: _Layout, path: Sequence[Hop], forbidden: bool) -> Markup:
    suspects = not_allowed_hops(path, forbidden)
    count = len(path)
    parts = []
    for place, hop in enumerate(path):
        step = place * ((layout.height if layout.upright else layout.width) + layout.gap)
        x, y = (layout.margin, step + layout.margin) if layout.upright else (step + 1, layout.margin)
        parts.append(_box(layout, hop, x, y, place in suspects))
        if place + 1 < count:
            parts.append(_arrow(layout, x, y))
    if suspects:
        parts.append(_bracket(layout, max(suspects)))
    width, height = _size(layout, count)
    name = "upright" if layout.upright else "lying"
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="path-picture {name}" viewBox="0 0 {width} {height}" '
        'width="{width}" height="{height}" role="img" '
        'aria-label="{label}" font-family="sans-serif">{parts}</svg>'
    ).format(
        name=name,
        width=width,
        height=height,
        label=escape(spoken(path_sentence(path, forbidden))),
        parts=Markup("").join(parts),
    )


def draw_path(path: Sequence[Hop], forbidden: bool) -> Markup:
    """Both drawings of one path; the stylesheet shows the one that fits. `forbidden`: nobody allowed this session."""
    return _draw(_LYING, path, forbidden) + _draw(_UPRIGHT, path, forbidden)


def picture_alone(path: Sequence[Hop], forbidden: bool, upright: bool) -> Markup:
    """One drawing, for a file of its own."""
    return _draw(_UPRIGHT if upright else _LYING, path, forbidden)


def picture_size(path: Sequence[Hop], upright: bool) -> tuple[int, int]:
    """Its width and height in CSS pixels, so that a page keeps the room for it."""
    return _size(_UPRIGHT if upright else _LYING, len(path))
