"""Points in time as people read them: how long ago and when, with the zone, always both (dashboard.md, rule 5).

UTC, because the story of an incident, its exports and a robot's own clock are in it too: one page, one zone.
"""

import math
from datetime import UTC, datetime, tzinfo

from markupsafe import Markup

_STEPS = ((60.0, 1.0, "s"), (3600.0, 60.0, "min"), (172800.0, 3600.0, "h"), (math.inf, 86400.0, "d"))
# What a datetime can hold and a sane host writes: robots without a clock say 1970, nobody says 9999.
_LAST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()


def span(seconds: float) -> str:
    """A length of time in one unit, cut and not rounded: `59.9` is "59 s", never "1 min"."""
    seconds = max(0.0, seconds)
    for below, unit, name in _STEPS:
        if seconds < below:
            return f"{int(seconds / unit)} {name}"
    raise AssertionError("the last step has no end")


def ago(t: float, now: float) -> str:
    """`t` and `now` in seconds since the epoch. The future is said as such: a clock of ours or theirs is wrong then."""
    if t > now + 1:
        return f"in {span(t - now)}"
    return f"{span(now - t)} ago"


def clock(t: float, now: float, zone: tzinfo = UTC) -> str:
    """`14:02:11 UTC`, with the date when it is another day than `now` in that zone."""
    if not 0 <= t <= _LAST:
        return "a time outside 1970 to 9999"
    moment = datetime.fromtimestamp(t, UTC).astimezone(zone)
    day = "" if moment.date() == datetime.fromtimestamp(now, UTC).astimezone(zone).date() else f"{moment:%Y-%m-%d} "
    return f"{day}{moment:%H:%M:%S %Z}"


def moment(t: float | None, now: float, zone: tzinfo = UTC) -> Markup:
    """A `<time>` element with both; its page script counts the "ago" on. None is "never"."""
    if t is None:
        return Markup('<span class="absent">never</span>')
    if not 0 <= t <= _LAST:
        return Markup("<span>{}</span>").format(clock(t, now, zone))
    iso = datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" data-t="{:.3f}">{} <span class="ago">{}</span></time>').format(
        iso, t, clock(t, now, zone), ago(t, now)
    )
