"""Points in time as people read them: how long ago and when, with the zone, always both (dashboard.md, rule 5).

In the viewer's zone, by its distance from UTC: a zone's short name is shared by several (CST), and changes with the
season. What was kept as a sentence (the story of an incident, exports) names UTC.
"""

from datetime import UTC, datetime, timedelta, tzinfo

from markupsafe import Markup

from wachhund.web.said import say, spoken
from wachhund.web.viewing import viewer

# What a datetime can hold and a sane host writes: robots without a clock say 1970, nobody says 9999.
_LAST = datetime(9999, 12, 30, tzinfo=UTC).timestamp()


def span(seconds: float) -> str:
    """A length of time in one unit, cut and not rounded: `59.9` is "59 s", never "1 min"."""
    seconds = max(0.0, seconds)
    if seconds < 60:
        return say("%(n)s s", n=int(seconds))
    if seconds < 3600:
        return say("%(n)s min", n=int(seconds / 60))
    if seconds < 172800:
        return say("%(n)s h", n=int(seconds / 3600))
    return say("%(n)s d", n=int(seconds / 86400))


def ago(t: float, now: float) -> str:
    """`t` and `now` in seconds since the epoch. The future is said as such: a clock of ours or theirs is wrong then."""
    if t > now + 1:
        return say("in %(span)s", span=span(t - now))
    return say("%(span)s ago", span=span(now - t))


def _zone_word(moment: datetime) -> str:
    """`UTC`, `UTC+1`, `UTC-3:30`."""
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02d}" if rest else "")


def clock(t: float, now: float, zone: tzinfo | None = None) -> str:
    """`14:02:11 UTC+1`, with the date when it is another day than `now` in that zone. None: the viewer's."""
    zone = zone or viewer().zone
    if not 0 <= t <= _LAST:
        return say("a time outside 1970 to 9999")
    moment = datetime.fromtimestamp(t, UTC).astimezone(zone)
    day = "" if moment.date() == datetime.fromtimestamp(now, UTC).astimezone(zone).date() else f"{moment:%Y-%m-%d} "
    return f"{day}{moment:%H:%M:%S} {_zone_word(moment)}"


def moment(t: float | None, now: float, zone: tzinfo | None = None) -> Markup:
    """A `<time>` element with both; its page script counts the "ago" on. None is "never"."""
    if t is None:
        return Markup('<span class="absent">{}</span>').format(spoken(say("never")))
    if not 0 <= t <= _LAST:
        return Markup("<span>{}</span>").format(spoken(clock(t, now, zone)))
    iso = datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds")
    return Markup('<time datetime="{}" data-t="{:.3f}">{} <span class="ago">{}</span></time>').format(
        iso, t, clock(t, now, zone), spoken(ago(t, now))
    )
