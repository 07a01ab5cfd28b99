"""Making, testing and removing targets, for pages and commands alike. Who may is asked before, what was done is noted
after, by whoever calls."""

import re
import time
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wachhund.judge.meaning import LEVELS
from wachhund.judge.wording import shown
from wachhund.ledger.notify_records import Hours, Route, Target
from wachhund.ledger.notifying import Notifying
from wachhund.notify import address as addresses
from wachhund.notify import wording
from wachhund.notify.deciding import new_id
from wachhund.notify.plain_text import plain
from wachhund.notify.reachable import parse_network
from wachhund.notify.sealing import Sealer, Secrets
from wachhund.notify.sending import Answer, check, send_one
from wachhund.notify.webhook import new_secret
from wachhund_evidence import MisuseError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
_PATTERN = re.compile(r"[A-Za-z0-9._*?\[\]-]{1,100}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_ALLOWED, MAX_PATTERNS = 20, 50
LONGEST_DELAY_S = 7 * 86_400.0


@dataclass(frozen=True)
class Added:
    """A target that was made. `signing`: the secret of a webhook: shown once."""

    target: Target
    signing: str | None


def add(
    notifying: Notifying, sealer: Sealer, name: str, address: str, allowed: Sequence[str], route: Route | None,
    drills: bool, who: str, t: float,
) -> Added:  # fmt: skip
    """Make a target. `route`: its first, with no target's id yet. Raises MisuseError, SenderFailed."""
    if _NAME.fullmatch(name) is None:
        raise MisuseError("name: up to 60 letters, digits, spaces, dots, dashes: what people call the target")
    read = addresses.read(address)
    identity = new_id().replace("msg_", "target_")
    signing = new_secret() if read.kind == addresses.WEBHOOK else None
    held = Secrets(read.whole, signing)
    target = Target(
        identity, name, read.kind, "", sealer.seal(held, identity), networks(allowed), drills, made_t=t, made_by=who
    )
    answer = check(held, target)
    if not answer.ok:
        raise MisuseError(answer.words)
    target = replace(target, shown=shown(answer.shown, 200))
    notifying.add(target, None if route is None else replace(route, target=identity))
    return Added(target, signing)


def networks(texts: Sequence[str]) -> tuple[str, ...]:
    """Addresses that a target may reach although they are none of the internet's. Raises MisuseError."""
    found = []
    for text in texts:
        try:
            found.append(str(parse_network(text)))
        except ValueError:
            raise MisuseError(
                f"--allow-address: {text!r}: give an address such as 10.1.2.3, or a network such as 10.1.2.0/28"
            ) from None
    if len(found) > MAX_ALLOWED:
        raise MisuseError(f"--allow-address: at most {MAX_ALLOWED}")
    return tuple(dict.fromkeys(found))


def route(
    level: str, robots: Sequence[str], hours: str | None, days: str | None, zone: str | None, after_s: float,
    who: str, t: float, target: str = "",
) -> Route:  # fmt: skip
    """A route as a person gives it. Raises MisuseError."""
    if level not in LEVELS:
        raise MisuseError(f"--level: {level!r}: one of {', '.join(LEVELS)}")
    if len(robots) > MAX_PATTERNS or not all(_PATTERN.fullmatch(pattern) for pattern in robots):
        raise MisuseError(f"--robots: at most {MAX_PATTERNS} names or patterns, such as go1-07 or berlin-*")
    if not 0 <= after_s <= LONGEST_DELAY_S:
        raise MisuseError("--after: from 0 to 7 days")
    return Route(0, target, level, tuple(robots) or None, _hours(hours, days, zone), after_s, t, who)


def _hours(hours: str | None, days: str | None, zone: str | None) -> Hours | None:
    if hours is None and days is None:
        return None
    begin, end = 0, 24 * 60
    if hours is not None:
        found = _HOURS.fullmatch(hours.strip())
        if found is None:
            raise MisuseError("--hours: give FROM-TO, such as 08:00-18:00, or 22:00-06:00 over midnight")
        begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if end > 24 * 60 or begin == end:
            raise MisuseError("--hours: FROM and TO are to differ, and 24:00 is the latest")
    wanted = tuple(range(7)) if not days else _days(days)
    name = zone or "UTC"
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise MisuseError(f"--zone: {name!r}: give a name such as Europe/Berlin") from None
    return Hours(begin, end, wanted, name)


def _days(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise MisuseError("--days: give days such as mon-fri, or sat,sun")
        begin = _DAYS.index(first)
        found |= {(begin + step) % 7 for step in range((_DAYS.index(last) - begin) % 7 + 1 if dash else 1)}
    return tuple(sorted(found))


def route_words(one: Route) -> str:
    """A route in one line, for people."""
    words = [f"from level {one.level}", "all robots" if one.robots is None else f"robots {', '.join(one.robots)}"]
    if one.hours is not None:
        days = ",".join(_DAYS[day] for day in one.hours.days)
        begin, end = (f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in (one.hours.begin, one.hours.end))
        words.append(f"{begin}-{end} {one.hours.zone}" + ("" if len(one.hours.days) == 7 else f" on {days}"))
    if one.after_s > 0:
        words.append(f"when nobody has taken it over after {one.after_s / 60:g} min")
    return ", ".join(words)


def test(notifying: Notifying, sealer: Sealer, name: str, who: str, page: str) -> Answer:
    """Send a test now, past the queue, and keep how it went. Raises MisuseError when there is no such target."""
    target = notifying.target(name)
    t = time.time()
    try:
        held = sealer.open(target.sealed, target.id)
        answer = send_one(held, target, wording.with_id(wording.of_test(name, who, t, page), new_id()))
    except MisuseError as error:
        answer = Answer(False, str(error))
    words, t = plain(answer.words, 400), time.time()
    changed = {"tested_t": t, "tested_ok": answer.ok, "tested_words": words}
    # One that works again gets what waited for it at once.
    notifying.change(target.id, **changed, **({"failures": 0, "retry_t": 0.0} if answer.ok else {}))
    return Answer(answer.ok, words)
