"""docs/lifecycle.svg: the states of a robot and the words of its proof, drawn from the tables that the code runs on.

`python -m tests.lifecycle_picture` writes it; tests/unit/house/test_lifecycle.py holds it against the tables. Only
where things stand on the paper is decided here. Black on white, so that it can be read in print and in any page.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from wachhund.ledger.roll import ACTIVE, INVITED, LET_IN, LIFECYCLE, NEW, RETIRED, REVOKED
from wachhund.web.standing import PROOF

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "lifecycle.svg"
WIDTH = 860
_BOX_W, _BOX_H = 108.0, 40.0
_LINE = 21.0


class Spot(NamedTuple):
    """The middle of something, in the units of the picture."""

    x: float
    y: float


PLACES = {
    INVITED: Spot(80, 122),
    NEW: Spot(330, 122),
    ACTIVE: Spot(690, 122),
    REVOKED: Spot(510, 288),
    RETIRED: Spot(510, 420),
}
# How far an arrow leaves the straight line, to its left: else arrows to and fro would lie on each other.
BENDS = {(ACTIVE, NEW): 30, (REVOKED, NEW): 24, (NEW, REVOKED): 24, (NEW, RETIRED): -100, (ACTIVE, RETIRED): 74}


def arrows() -> dict[tuple[str, str], list[str]]:
    """From each state to each state: the acts that lead there."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for act, step in LIFECYCLE.items():
        for state in PLACES:
            if state in step.before:
                found[(state, step.lead(state))].append(act)
    return dict(found)


def _text(x: float, y: float, text: str, **style: str) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:g}" y="{y:g}"{attributes}>{escape(text)}</text>'


def _border(box: Spot, towards: Spot) -> Spot:
    """Where the line from a box's middle towards a point leaves the box."""
    dx, dy = towards.x - box.x, towards.y - box.y
    scale = min(
        (_BOX_W / 2 + 3) / abs(dx) if dx else math.inf,
        (_BOX_H / 2 + 3) / abs(dy) if dy else math.inf,
    )
    return Spot(box.x + dx * scale, box.y + dy * scale)


def _label(spot: Spot, acts: list[str]) -> str:
    return f'<text x="{spot.x:.1f}" y="{spot.y + 4:.1f}" text-anchor="middle" class="act">{", ".join(acts)}</text>'


def _arrow(start: str, end: str, acts: list[str]) -> Iterator[str]:
    one, other = PLACES[start], PLACES[end]
    if start == end:
        top = one.y - _BOX_H / 2
        yield f'<path d="M{one.x - 18:g} {top - 2:g} c-16 -40 52 -40 36 -1" class="way"/>'
        yield _label(Spot(one.x, top - 44), acts)
        return
    bend = BENDS.get((start, end), 0)
    length = math.dist(one, other)
    left = Spot((other.y - one.y) / length, -(other.x - one.x) / length)
    middle = Spot((one.x + other.x) / 2 + left.x * bend * 2, (one.y + other.y) / 2 + left.y * bend * 2)
    a, b = _border(one, middle), _border(other, middle)
    yield f'<path d="M{a.x:.1f} {a.y:.1f} Q{middle.x:.1f} {middle.y:.1f} {b.x:.1f} {b.y:.1f}" class="way"/>'
    yield _label(Spot((a.x + 2 * middle.x + b.x) / 4, (a.y + 2 * middle.y + b.y) / 4), acts)


def _state(state: str) -> Iterator[str]:
    spot = PLACES[state]
    dash = "" if state in LET_IN else ' stroke-dasharray="5 4"'
    yield (
        f'<rect x="{spot.x - _BOX_W / 2:g}" y="{spot.y - _BOX_H / 2:g}" width="{_BOX_W:g}" height="{_BOX_H:g}" '
        f'rx="7" class="box"{dash}/>'
    )
    yield _text(spot.x, spot.y + 5, state, text_anchor="middle", font_weight="bold")


def _acts(top: float) -> Iterator[str]:
    for place, (act, step) in enumerate(LIFECYCLE.items()):
        y = top + place * _LINE
        yield _text(26, y, act, font_weight="bold")
        yield _text(110, y, step.meaning)


def _proof(top: float) -> Iterator[str]:
    yield _text(26, top, "The word of proof is the first of these that holds:", font_weight="bold")
    y = top + 18
    for number, word in enumerate(PROOF, 1):
        yield f'<rect x="26" y="{y:g}" width="{_BOX_W:g}" height="34" rx="7" class="box"/>'
        yield _text(26 + _BOX_W / 2, y + 22, word.word, text_anchor="middle", font_weight="bold")
        yield _text(14, y + 22, str(number), text_anchor="middle", font_size="11")
        when = "none of the above: signed, in order and fresh" if number == len(PROOF) else word.when
        yield _text(150, y + 14, when)
        yield _text(150, y + 31, f"ends with: {word.ends}", font_style="italic")
        y += 44


def rendered() -> str:
    """The picture, the same for the same tables."""
    drawn: list[str] = []
    for (start, end), acts in arrows().items():
        drawn += _arrow(start, end, acts)
    for state in PLACES:
        drawn += _state(state)
    acts_top = PLACES[RETIRED].y + 56
    proof_top = acts_top + len(LIFECYCLE) * _LINE + 42
    height = proof_top + 18 + len(PROOF) * 44 + 14
    drawn += _acts(acts_top)
    drawn += _proof(proof_top)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" viewBox="0 0 {WIDTH} {height:g}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="14" fill="#000" role="img">'
    )
    about = "<title>States of a robot and the words of its proof</title>"
    style = (
        "<style>.box{fill:#fff;stroke:#000;stroke-width:1.5}.way{fill:none;stroke:#000;stroke-width:1.3;"
        "marker-end:url(#tip)}.act{paint-order:stroke;stroke:#fff;stroke-width:6px;font-style:italic}</style>"
    )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
        'orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>'
    )
    note = _text(26, 24, "A robot's state, and the acts that change it. Dashed: not let in, and without receipts.")
    return "\n".join([head, about, style, tip, f'<rect width="{WIDTH}" height="{height:g}" fill="#fff"/>', note, *drawn,
                      "</svg>"]) + "\n"  # fmt: skip


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
