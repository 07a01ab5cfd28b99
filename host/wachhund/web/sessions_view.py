"""The page of all sessions: who is in control or looking, anywhere, now or at time T? Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wachhund.ledger.session_keys import ALLOWED, NOT_ALLOWED, UNKNOWN, outside_of
from wachhund.ledger.session_search import Counted, Group
from wachhund.web.hops import short_path
from wachhund.web.live_page import LivePage, Slot
from wachhund.web.robot_text import clipped, visible
from wachhund.web.robot_view import SessionCard, session_card, session_slots
from wachhund.web.said import known, say, say_n
from wachhund.web.session_filters import NOW, Asked, Pill

ROWS_A_PAGE = 50  # each with its hops: a page stays below 150 kB
GROUPS_A_PAGE = 100
_PATH_CHARACTERS = 160
_NOT_KNOWN = {
    "origin": say("no address outside is known"),
    "user": say("no user is known"),
    "carrier": say("carrier unknown"),
}
_VERDICTS = {"no": known("NOT ALLOWED"), "unknown": known("unknown"), "yes": known("allowed")}


@dataclass(frozen=True)
class SessionRow:
    """One session in the list. `robot`: its name; None when none of that id is registered. `tunnel`: a name, if any."""

    card: SessionCard
    robot: str | None
    outside: str
    path: str
    tunnel: str | None
    allowed_by: str


@dataclass(frozen=True)
class GroupRow:
    """Sessions with one value in common; `title` says it in words, `pill` is the filter that shows them."""

    key: str
    title: str
    pill: Pill
    group: Group


@dataclass(frozen=True)
class CannotSay:
    """How many robots there are, and the names of those of which nobody knows whether somebody is there."""

    robots: int
    names: Sequence[str]


@dataclass(frozen=True)
class SessionsView:
    """A page of sessions, or of groups of them when `by` says by what. `found`: all that match, `groups_found`: groups.

    `notes`: what the answer cannot hold, such as a time before anything is known.
    """

    asked: Asked
    rows: Sequence[SessionRow]
    groups: Sequence[GroupRow]
    by: str
    counted: Counted
    groups_found: int
    cannot_say: CannotSay
    notes: Sequence[str]
    live: LivePage

    @property
    def pages(self) -> int:
        """How many pages of rows, or of groups."""
        found, a_page = (self.groups_found, GROUPS_A_PAGE) if self.by else (self.counted.sessions, ROWS_A_PAGE)
        return max(1, -(-found // a_page))


def value_words(field: str, value: str) -> str:
    """A value of a field as people read it."""
    if field == "allowed":
        return _VERDICTS.get(value, visible(value))
    return clipped(value, 80) if value else _NOT_KNOWN.get(field, say("not known"))


def session_row(session: Mapping[str, Any], names: Mapping[str, str]) -> SessionRow:
    """A session of the ledger as a row."""
    covering = session.get("authorisation")
    return SessionRow(
        session_card(session),
        names.get(str(session.get("robot"))),
        outside_of(session.get("origin")),
        clipped(short_path(session.get("origin")), _PATH_CHARACTERS),
        session.get("tunnel"),
        say("%(id)s of %(who)s", id=covering["id"], who=visible(covering["who"])) if covering else "",
    )


def group_row(group: Group, by: str) -> GroupRow:
    """A group as a row."""
    # A name of our own: the value may be a robot's text.
    key = hashlib.sha256(f"{by} {group.value}".encode(errors="backslashreplace")).hexdigest()[:16]
    return GroupRow(key, value_words(by, group.value), Pill(by, group.value), group)


def sessions_view(
    asked: Asked, rows: Sequence[SessionRow], found: tuple[int, Sequence[Group]] | None, by: str, counted: Counted,
    cannot_say: CannotSay, notes: Sequence[str], now: float,
) -> SessionsView:  # fmt: skip
    """The page. `found`: how many groups and those of this page, where it is grouped."""
    made = [group_row(group, by) for group in found[1]] if found else []
    slots = _totals(counted, cannot_say)
    for row in rows:
        slots |= session_slots(row.card, now)
    for group in made:
        slots |= _group_slots(group)
    lists = {"groups": tuple(group.key for group in made)} if found else {
        "sessions": tuple(row.card.id for row in rows)
    }  # fmt: skip
    address = "/live/sessions?s=" + quote(asked.query(page=asked.page), safe="") if asked.tense == NOW else ""
    return SessionsView(
        asked, rows, made, by, counted, found[0] if found else 0, cannot_say, notes, LivePage(address, slots, lists)
    )


def _totals(counted: Counted, cannot_say: CannotSay) -> dict[str, Slot]:
    told = {verdict: counted.verdicts.get(verdict, 0) for verdict in (NOT_ALLOWED, UNKNOWN, ALLOWED)}
    blind = len(cannot_say.names)
    return {
        "total:not-allowed": Slot(_not_allowed(told[NOT_ALLOWED]), tone="bad" if told[NOT_ALLOWED] else None),
        "total:unknown": Slot(_unknown(told[UNKNOWN])),
        "total:allowed": Slot(say("%(n)s allowed", n=told[ALLOWED])),
        "total:robots": Slot(_robots(counted.robots)),
        "total:cannot-say": Slot(say_n("%(n)s robot cannot say", "%(n)s robots cannot say", blind)),
    }


def _group_slots(row: GroupRow) -> dict[str, Slot]:
    group = row.group
    word = (
        Slot(_not_allowed(group.not_allowed), tone="bad") if group.not_allowed
        else Slot(_unknown(group.unknown), tone="open") if group.unknown
        else Slot(say("all allowed"), tone="good")
    )  # fmt: skip
    many = say_n("%(n)s session", "%(n)s sessions", group.sessions)
    return {f"group:{row.key}:robots": Slot(_robots(group.robots)), f"group:{row.key}:sessions": Slot(many),
            f"group:{row.key}:word": word}  # fmt: skip


def _robots(count: int) -> str:
    return say_n("%(n)s robot", "%(n)s robots", count)


def _not_allowed(count: int) -> str:
    return say("%(n)s not allowed", n=count)


def _unknown(count: int) -> str:
    return say("%(n)s unknown if allowed", n=count)
