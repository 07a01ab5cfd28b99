"""A robot's last 24 hours as one strip: looked, silent (filled), lost (hatched), who was there. Tables tell it too."""

from collections.abc import Sequence

from markupsafe import Markup

from wachhund.ledger import Unobserved
from wachhund.web.moments import clock
from wachhund.web.robot_view import DAY_S, SessionCard
from wachhund.web.said import say, spoken

_WIDTH = 1000
_HEIGHT = 34
_HATCH = 7  # units between two strokes
_LEAST = 2.0  # units: what is shorter would not be seen


def _place(from_t: float, to_t: float, start: float) -> tuple[float, float]:
    """x and width of a span, cut to the strip."""
    left = max(0.0, (from_t - start) / DAY_S * _WIDTH)
    right = min(float(_WIDTH), (to_t - start) / DAY_S * _WIDTH)
    return min(left, _WIDTH - _LEAST), max(_LEAST, right - left)


def _hatched(x: float, width: float) -> Markup:
    strokes = "".join(f"M{x + step:.1f} 24l8-20" for step in range(0, max(1, int(width) - 4), _HATCH))
    return Markup(
        '<rect x="{:.1f}" y="4" width="{:.1f}" height="20" fill="none" class="unseen" stroke="currentColor"/>'
        '<path class="unseen" d="{}" fill="none" stroke="currentColor" stroke-width="1.2"/>'
    ).format(x, width, strokes)


def _silent(x: float, width: float) -> Markup:
    return Markup('<rect class="silent" x="{:.1f}" y="4" width="{:.1f}" height="20"/>').format(x, width)


def draw_day(
    first_t: float | None, unobserved: Sequence[Unobserved], sessions: Sequence[SessionCard], now: float
) -> Markup:
    """The strip up to `now`. Before `first_t`, the first evidence, nobody looked at all; None: nobody ever did."""
    start = now - DAY_S
    spans = [(gap.from_t, now if gap.to_t is None else gap.to_t, gap.is_silence) for gap in unobserved]
    if first_t is None or first_t > start:
        spans.append((start, now if first_t is None else first_t, True))
    unseen = Markup("").join(
        (_silent if is_silence else _hatched)(*_place(from_t, to_t, start)) for from_t, to_t, is_silence in spans
    )
    stays = Markup("").join(
        Markup('<rect class="stay{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}" fill="currentColor"/>').format(
            " forbidden" if card.forbidden else "",
            place[0], 25 if card.forbidden else 28, place[1], 8 if card.forbidden else 4,
        )
        for card in sessions
        for place in [_place(card.first_t, now if card.last_t is None else card.last_t, start)]
    )  # fmt: skip
    label = spoken(
        say(
            "The last 24 hours: %(spans)s spans in which nobody looked, %(sessions)s sessions", spans=len(spans),
            sessions=len(sessions),
        )
    )  # fmt: skip
    legend = spoken(say("filled: silent; hatched: lost or erased; bars below: sessions, thick ones not allowed"))
    return Markup(
        '<svg class="strip" viewBox="0 0 {w} {h}" width="{w}" height="{h}" preserveAspectRatio="none" role="img" '
        'aria-label="{label}">'
        '<rect class="looked" x="0" y="4" width="{w}" height="20" fill="none" stroke="currentColor"/>'
        '{unseen}{stays}</svg><p class="strip-ends"><span>{start}</span><span>{legend}</span><span>{end}</span></p>'
    ).format(
        w=_WIDTH,
        h=_HEIGHT,
        label=label,
        legend=legend,
        unseen=unseen,
        stays=stays,
        start=clock(start, now),
        end=clock(now, now),
    )
