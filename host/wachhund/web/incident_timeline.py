"""An incident's time as one picture: what was seen, each session, what people did and were told, when nobody looked.

All on one axis. The lists of the page tell the same in words; shapes differ, so that it is read in black and white too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from wachhund.ledger.records import Unobserved
from wachhund.web.moments import clock
from wachhund.web.robot_text import clipped, visible
from wachhund.web.said import say, spoken

_WIDTH, _HEIGHT = 1000, 20  # of a lane, in its own units: it is drawn as wide as there is room
_MIDDLE = _HEIGHT // 2
_MAX_SESSIONS = 6  # with a lane each; what is more is counted below
_LEAST = 3.0  # what is shorter would not be seen
_NAME_CHARACTERS = 40
# How a line of a story begins: judge.wording.moment.
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC: ")


@dataclass(frozen=True)
class Lane:
    """`ticks`: moments. `bars`: (from, to, whether nobody allowed it); all in host time."""

    name: str
    ticks: tuple[float, ...] = ()
    bars: tuple[tuple[float, float, bool], ...] = ()
    is_unseen: bool = False


@dataclass(frozen=True)
class Timeline:
    """`left_out`: sessions without a lane of their own."""

    from_t: float
    to_t: float
    lanes: tuple[Lane, ...]
    left_out: int


def story_times(story: Sequence[str]) -> tuple[float, ...]:
    """When each line of a story was, by its own beginning; lines that say no time are left out."""
    found = (_MOMENT.match(line) for line in story)
    return tuple(
        datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() for match in found if match
    )


def timeline(
    incident: Mapping[str, Any], acts: Sequence[float], told: Sequence[float], unobserved: Sequence[Unobserved],
    now: float,
) -> Timeline:  # fmt: skip
    """`acts`, `told`: when people did something, and were told. What was before the first sign is not drawn."""
    sessions = [one for one in incident.get("sessions") or () if isinstance(one.get("first_t"), (int, float))]
    seen = story_times([str(line) for line in incident.get("story") or ()])
    from_t = min([float(incident["first_t"]), *seen, *(one["first_t"] for one in sessions)])
    ends = [float(incident["last_t"]), *seen, *acts, *told, *(one["last_t"] or now for one in sessions)]
    to_t = max(min(max(ends), now), from_t + 1.0)
    lanes = [Lane(say("Seen"), ticks=seen)]
    for one in sorted(sessions, key=lambda one: one["first_t"])[:_MAX_SESSIONS]:
        until = now if one.get("last_t") is None else one["last_t"]
        name = visible(one.get("surface")) + (f" · {visible(one['user'])}" if one.get("user") else "")
        lanes.append(Lane(name, bars=((one["first_t"], until, one.get("authorisation") is None),)))
    lanes.append(Lane(say("People did"), ticks=tuple(acts)))
    lanes.append(Lane(say("People were told"), ticks=tuple(told)))
    gaps = [(one.from_t, now if one.to_t is None else one.to_t, False) for one in unobserved]
    there = tuple(gap for gap in gaps if gap[0] < to_t and gap[1] > from_t)
    lanes.append(Lane(say("Nobody looked"), bars=there, is_unseen=True))
    return Timeline(from_t, to_t, tuple(lanes), max(0, len(sessions) - _MAX_SESSIONS))


def draw_timeline(line: Timeline, now: float) -> Markup:
    """The picture, with its two ends in words below."""
    drawn = Markup("").join(_lane(line, lane) for lane in line.lanes)
    counted = say(
        "%(seen)s things seen, %(sessions)s sessions, %(acts)s acts of people, %(told)s messages, %(gaps)s spans in "
        "which nobody looked",
        seen=len(line.lanes[0].ticks), sessions=sum(len(lane.bars) for lane in line.lanes[1:-1]) + line.left_out,
        acts=len(line.lanes[-3].ticks), told=len(line.lanes[-2].ticks), gaps=len(line.lanes[-1].bars),
    )  # fmt: skip
    more = Markup("")
    if line.left_out:
        more = Markup('<p class="soft small">{}</p>').format(
            spoken(say("and %(n)s more sessions, in the list", n=line.left_out))
        )
    return Markup(
        '<div class="timeline" role="img" aria-label="{label}">{lanes}</div>'
        '<p class="strip-ends"><span>{start}</span><span>{legend}</span><span>{end}</span></p>{more}'
    ).format(
        label=spoken(counted), lanes=drawn, more=more, start=clock(line.from_t, now), end=clock(line.to_t, now),
        legend=spoken(say("thick: not allowed; dashed: nobody looked")),
    )  # fmt: skip


def _x(line: Timeline, t: float) -> float:
    return (min(max(t, line.from_t), line.to_t) - line.from_t) / (line.to_t - line.from_t) * _WIDTH


def _lane(line: Timeline, lane: Lane) -> Markup:
    shapes = [Markup('<path class="axis" d="M0 {}H{}"/>').format(_MIDDLE, _WIDTH)]
    for t in lane.ticks:
        x = min(max(_x(line, t), 1.0), _WIDTH - 1.0)
        shapes.append(Markup('<path class="tick" d="M{:.1f} 2v{}"/>').format(x, _HEIGHT - 4))
    for from_t, to_t, forbidden in lane.bars:
        left = min(_x(line, from_t), _WIDTH - _LEAST)
        half = 8 if lane.is_unseen or forbidden else 3
        shapes.append(Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
            "unseen" if lane.is_unseen else "stay forbidden" if forbidden else "stay", left, _MIDDLE - half,
            max(_LEAST, _x(line, to_t) - left), 2 * half,
        ))  # fmt: skip
    return Markup(
        '<span class="lane-name">{}</span>'
        '<svg viewBox="0 0 {} {}" width="{}" height="{}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(
        clipped(spoken(lane.name), _NAME_CHARACTERS), _WIDTH, _HEIGHT, _WIDTH, _HEIGHT, Markup("").join(shapes)
    )  # fmt: skip
