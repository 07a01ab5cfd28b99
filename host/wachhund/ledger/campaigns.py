"""Campaigns as they are kept: looked for wherever something changed, and told to whoever asks.

What is kept is what campaign_finding makes of all sessions that are kept of somebody. Marks and campaigns change in one
transaction, so a host that is killed in between, or begins anew, comes to the same.
"""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, delete, func, insert, or_, select

from wachhund.ledger.bell import Bell
from wachhund.ledger.campaign_finding import DAY_S, OPEN_S, ROBOTS, WINDOW_S, Found, Use, campaigns_of
from wachhund.ledger.campaign_schema import campaign_robots, campaigns, origin_marks
from wachhund.ledger.database import Database
from wachhund.ledger.dialects import span_number, upsert
from wachhund.ledger.labels_schema import robot_labels
from wachhund.ledger.schema import sessions
from wachhund.ledger.session_keys import ALLOWED, LOCAL, NOT_ALLOWED

KIND = "campaign"
AT_ONCE = 500  # of whom one transaction looks at most, and what one statement names
LOOK_S = 0.2  # after which a transaction begins no further look: whoever else writes waits for it, up to BUSY_SECONDS
_PART = 20  # of whom one question asks whether they are on several robots at all: most are not
MAX_USES = 200_000  # of one somebody that are read: the newest; campaigns before them stay as they are
MAX_LISTED = 100  # sessions that a campaign names, the first of each robot before others
MAX_NAMED = 1_000  # robots that its text names; the table has all
# What steers a robot or looks through it, by whichever program; "web" is any page, also one that nobody needs to fear.
_STEERING = ("ssh", "shell", "desktop", "mqtt", "udp", "ros", "update", "camera", "microphone")

_S, _C, _R, _M = sessions.c, campaigns.c, campaign_robots.c, origin_marks.c
_SPAN = span_number(_S.first_t, WINDOW_S)
ADVICE = (
    "Block the address, or the relay, where your network ends: that reaches all robots at once.",
    "Look at each robot below: end the sessions, and change what lets somebody in. A maker's key or password that is "
    "the same on all robots is to be changed on all.",
    "Was it one of you? Then write an authorisation for these robots: what is allowed makes no campaign.",
)


@dataclass
class Settled:
    """`changed`: a campaign came, went or is another now. `took`: seconds for each who was on several robots.

    `left`: who was not looked at, since the time was up, in their order; their marks stay."""

    changed: bool = False
    took: dict[str, float] = field(default_factory=dict)
    left: Sequence[str] = ()


class Campaigns:
    """A part of the ledger; safe to use from several threads. Every method may raise LedgerError."""

    def __init__(self, database: Database, changes: Bell) -> None:
        self._database, self._changes = database, changes

    def marked(self, limit: int = AT_ONCE, without: Collection[str] = (), after: str = "") -> list[str]:
        """Of whom something changed since they were looked at: the first ones behind `after`, without those."""
        query = select(_M.who).distinct().where(_M.who > after).order_by(_M.who).limit(limit + len(without))
        with self._database.reading() as connection:
            return [who for who in connection.execute(query).scalars() if who not in without][:limit]

    def settle(self, whos: Sequence[str], steady: Callable[[], float] = time.monotonic) -> Settled:
        """Look at these anew, in one transaction of little more than LOOK_S: at one at least, and as many as go in.

        `steady`: a clock that nobody sets."""
        with self._database.writing() as connection:
            done = settle(connection, whos, LOOK_S, steady)
        if done.changed:
            self._changes.ring()
        return done

    def page(self, limit: int, offset: int = 0, since_t: float | None = None) -> tuple[int, list[dict[str, Any]]]:
        """How many campaigns there are, and at most `limit`, the newest sign first. `since_t`: with one since then."""
        wanted = [] if since_t is None else [_C.last_t >= since_t]
        query = select(_C.body).where(*wanted).order_by(_C.last_t.desc(), _C.id).limit(limit).offset(offset)
        with self._database.reading() as connection:
            counted = connection.execute(select(func.count()).select_from(campaigns).where(*wanted)).scalar() or 0
            return counted, [json.loads(body) for body in connection.execute(query).scalars()]

    def part(self, after: tuple[float, str] | None, limit: int) -> list[dict[str, Any]]:
        """At most `limit` campaigns behind `after` (when one began, and its id): the newest beginning first."""
        query = select(_C.body).order_by(_C.first_t.desc(), _C.id).limit(limit)
        if after is not None:
            t, name = after
            query = query.where(or_(_C.first_t < t, and_(_C.first_t == t, _C.id > name)))
        with self._database.reading() as connection:
            return [json.loads(body) for body in connection.execute(query).scalars()]

    def going_on(self, since_t: float, limit: int) -> list[dict[str, Any]]:
        """Campaigns with a sign since then, or a session that was not told to have ended, the newest first."""
        is_open = select(_R.campaign).where(_R.last_t.is_(None))
        wanted = or_(_C.last_t >= since_t, and_(_C.last_t >= since_t - OPEN_S, _C.id.in_(is_open)))
        query = select(_C.body).where(wanted).order_by(_C.last_t.desc(), _C.id).limit(limit)
        with self._database.reading() as connection:
            return [json.loads(body) for body in connection.execute(query).scalars()]

    def one(self, identity: str) -> dict[str, Any] | None:
        """One campaign. Of a name that is not used any more, since what came late moved its beginning over midnight:
        the one of the same somebody that went on that day. None for none."""
        with self._database.reading() as connection:
            body = connection.execute(select(_C.body).where(_C.id == identity)).scalar()
            if body is None:
                digest = identity.partition("-")[0]
                query = select(_C.id, _C.body).where(_C.id > f"{digest}-", _C.id < identity)
                found = connection.execute(query.order_by(_C.id.desc()).limit(1)).one_or_none()
                body = None if found is None else found.body
                if body is not None and not _went_on(json.loads(body), identity):
                    body = None
        return None if body is None else dict(json.loads(body))

    def robots(self, identity: str) -> list[dict[str, Any]]:
        """What a campaign did on each robot, the first first: robot (its id), first_t, last_t (None: it goes on),
        sessions, incidents (their ids)."""
        query = select(campaign_robots).where(_R.campaign == identity).order_by(_R.first_t, _R.robot)
        with self._database.reading() as connection:
            return [_robot_row(row) for row in connection.execute(query).mappings()]


def bodies(connection: Connection, identities: Collection[str]) -> dict[str, dict[str, Any]]:
    """Those of these ids that are campaigns."""
    rows = connection.execute(select(_C.id, _C.body).where(_C.id.in_(identities)))
    return {row.id: json.loads(row.body) for row in rows}


def of_incidents(connection: Connection, found: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By incident (its id): the campaigns to which sessions of it belong. `found`: incidents."""
    wanted = {str(one["id"]): one.get("robot") for one in found}
    robots = sorted({str(robot) for robot in wanted.values() if robot is not None})
    made: dict[str, list[str]] = defaultdict(list)
    for at in range(0, len(robots), AT_ONCE):
        query = select(_R.campaign, _R.incidents).where(_R.robot.in_(robots[at : at + AT_ONCE]))
        for row in connection.execute(query.order_by(_R.campaign)):
            for incident in json.loads(row.incidents):
                if incident in wanted:
                    made[incident].append(row.campaign)
    return made


def whos(connection: Connection, identities: Collection[str]) -> dict[str, str]:
    """By campaign (its id): who it is."""
    rows = connection.execute(select(_C.id, _C.who).where(_C.id.in_(identities)))
    return {row.id: row.who for row in rows}


def settle(
    connection: Connection, whos: Sequence[str], within_s: float = inf, steady: Callable[[], float] = time.monotonic
) -> Settled:
    """The same in a transaction that writes, which begins no further look after `within_s`."""
    done, looked, until = Settled(), set[str](), steady() + within_s
    for at in range(0, len(whos), _PART):
        part = whos[at : at + _PART]
        dear = _on_several(connection, part)
        looked |= set(part) - dear.keys()
        for who in (who for who in part if who in dear):
            began = steady()
            if looked and began >= until:
                break
            done.changed |= _settle_one(connection, who, dear[who])
            done.took[who] = steady() - began
            looked.add(who)
        if steady() >= until:
            break
    done.left = [who for who in whos if who not in looked]
    connection.execute(delete(origin_marks).where(_M.who.in_(looked)))
    return done


def _on_several(connection: Connection, whos: Sequence[str]) -> dict[str, dict[str, RowMapping]]:
    """Who is on robots enough for a campaign, or was: with what is kept of their campaigns, by id."""
    several = select(_S.who).where(_counts(), _S.who.in_(whos)).group_by(_S.who)
    query = several.having(func.count(_S.robot.distinct()) >= ROBOTS)
    found: dict[str, dict[str, RowMapping]] = {who: {} for who in connection.execute(query).scalars()}
    for row in connection.execute(select(_C.who, _C.id, _C.day, _C.mark).where(_C.who.in_(whos))).mappings():
        found.setdefault(row["who"], {})[row["id"]] = row
    return found


def _settle_one(connection: Connection, who: str, known: Mapping[str, RowMapping]) -> bool:
    uses, since_t = _uses(connection, who)
    since_day = int(since_t // DAY_S)
    made = [
        one
        for place, its in _places(connection, who, uses).items()
        for one in campaigns_of(who, place, its)
        if one.day >= since_day
    ]
    gone = {name for name, row in known.items() if row["day"] >= since_day} - {one.id for one in made}
    changed = [_put(connection, one, known[one.id]["mark"] if one.id in known else None) for one in made]
    if gone:
        connection.execute(delete(campaigns).where(_C.id.in_(gone)))
        connection.execute(delete(campaign_robots).where(_R.campaign.in_(gone)))
    return bool(gone) or any(changed)


def settle_robot(connection: Connection, robot: str) -> None:
    """Take out of campaigns what is not kept of a robot any more, in the transaction that erased it."""
    query = select(_M.who).where(_M.robot == robot).order_by(_M.who)
    marked = connection.execute(query).scalars().all()
    for at in range(0, len(marked), AT_ONCE):
        settle(connection, marked[at : at + AT_ONCE])


def _counts() -> ColumnElement[bool]:
    """Which sessions may be a campaign's. What the judge told nobody of is a visitor from the robot's own network."""
    local = and_(_S.verdict < ALLOWED, _S.carrier == "lan", _S.surface.in_(_STEERING))
    return and_(_S.who != "", _S.verdict < ALLOWED, or_(_S.verdict == NOT_ALLOWED, local))


def _uses(connection: Connection, who: str) -> tuple[list[Use], float]:
    """What somebody did, and since when that is all of it (host time)."""
    is_open = _S.last_t.is_(None)
    query = (
        select(
            _S.robot, _SPAN.label("span"), func.min(_S.first_t), func.max(func.coalesce(_S.last_t, _S.first_t)),
            func.max(func.coalesce(_S.last_t, _S.first_t + OPEN_S)), func.count(),
            func.sum(case((is_open, 1), else_=0)), func.sum(case((_S.verdict == NOT_ALLOWED, 1), else_=0)),
        )
        .where(_counts(), _S.who == who)
        .group_by(_S.robot, _SPAN)
        .order_by(_SPAN.desc())
    )  # fmt: skip
    uses = [
        Use(robot, span, first_t, last_t, end_t, number, int(going), int(forbidden))
        for robot, span, first_t, last_t, end_t, number, going, forbidden in connection.execute(query.limit(MAX_USES))
    ]
    if len(uses) < MAX_USES:
        return uses, 0.0
    return uses, uses[-1].first_t + DAY_S


def _places(connection: Connection, who: str, uses: Sequence[Use]) -> dict[str, list[Use]]:
    """By place, where it matters. A robot of which nobody said where it stands shares a local network with no other."""
    if not who.startswith(LOCAL):
        return {"": list(uses)}
    query = select(robot_labels.c.robot, robot_labels.c.value).where(robot_labels.c.kind == "site")
    sites = {row.robot: row.value for row in connection.execute(query)}
    found: dict[str, list[Use]] = defaultdict(list)
    for use in uses:
        if use.robot in sites:
            found[sites[use.robot]].append(use)
    return found


def _put(connection: Connection, one: Found, known: str | None) -> bool:
    listed, incidents = _told(connection, one)
    body = _body(one, listed, incidents)
    rows = {
        robot.robot: {
            "campaign": one.id, **{name: getattr(robot, name) for name in ("robot", "first_t", "last_t", "sessions")},
            "incidents": json.dumps(sorted(incidents[robot.robot])),
        }
        for robot in one.robots
    }  # fmt: skip
    told = json.dumps([body, [rows[name] for name in sorted(rows)]])
    mark = hashlib.sha256(told.encode()).hexdigest()[:16]
    if mark == known:
        return False
    values = {
        **{name: getattr(one, name) for name in ("who", "place", "day", "level", "first_t", "last_t")},
        "robots": len(rows), "mark": mark, "body": json.dumps(body),
    }  # fmt: skip
    made = upsert(campaigns).values(id=one.id, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=values))
    there = {
        row["robot"]: dict(row)
        for row in connection.execute(select(campaign_robots).where(_R.campaign == one.id)).mappings()
    }
    gone = [name for name, row in there.items() if rows.get(name) != row]
    for at in range(0, len(gone), AT_ONCE):
        mine = (_R.campaign == one.id) & _R.robot.in_(gone[at : at + AT_ONCE])
        connection.execute(delete(campaign_robots).where(mine))
    new = [row for name, row in rows.items() if there.get(name) != row]
    if new:
        connection.execute(insert(campaign_robots), new)
    return True


def _told(connection: Connection, one: Found) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """Sessions that it names, and by robot the incidents that tell of them."""
    first_t, last_t = one.first_t, max(WINDOW_S * (span + 1) for _, span in one.members)
    within = and_(_counts(), _S.who == one.who, _S.first_t.between(first_t, last_t))
    incidents: dict[str, set[str]] = defaultdict(set)
    named = select(_S.robot, _SPAN.label("span"), _S.incident).where(within, _S.incident.is_not(None)).distinct()
    for row in connection.execute(named):
        if (row.robot, row.span) in one.members:
            incidents[row.robot].add(row.incident)
    columns = (_S.id, _S.robot, _S.surface, _S.carrier, _S.outside, _S.first_t, _S.last_t, _S.incident)
    turn = func.row_number().over(partition_by=_S.robot, order_by=(_S.first_t, _S.id)).label("turn")
    robots = [robot.robot for robot in one.robots[:MAX_NAMED]]
    ranked = select(*columns, _SPAN.label("span"), turn).where(within, _S.robot.in_(robots)).subquery()
    query = select(ranked).order_by(ranked.c.turn, ranked.c.first_t, ranked.c.id).limit(4 * MAX_LISTED)
    found = [dict(row) for row in connection.execute(query).mappings() if (row["robot"], row["span"]) in one.members]
    return found[:MAX_LISTED], incidents


def _body(one: Found, listed: Sequence[Mapping[str, Any]], incidents: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """It as people are told: with the fields of an incident, for whatever takes one."""
    number = len(one.robots)
    origin = next(([_address(row)] for row in listed if row["outside"]), [])
    return {
        "id": one.id, "robot": None, "kind": KIND, "level": one.level, "state": "open", "who": one.who,
        "place": one.place,
        "title": f"{who_words(one.who)} is on {number} robots, and nobody allowed it"
        if one.goes_on
        else f"{who_words(one.who)} was on {number} robots, and nobody had allowed it",
        "first_t": one.first_t, "last_t": one.last_t, "goes_on": one.goes_on,
        "robots": [robot.robot for robot in one.robots[:MAX_NAMED]], "robots_count": number,
        "sessions_count": sum(robot.sessions for robot in one.robots),
        "sessions": [
            {
                **{name: row[name] for name in ("id", "robot", "surface", "carrier", "first_t", "last_t", "incident")},
                "authorisation": None, "origin": [_address(row)] if row["outside"] else [],
            }
            for row in listed
        ],
        "incidents": sorted({name for its in incidents.values() for name in its})[:MAX_NAMED],
        "surface": listed[0]["surface"] if listed else None, "origin": origin, "rules": [], "attack": ["T1021"],
        "advice": list(ADVICE), "came_back": False, "close_reason": None, "joined": None,
    }  # fmt: skip


def who_words(who: str) -> str:
    """Who it is, as people read it."""
    kind, _, name = who.partition(":")
    if kind == "relay":
        return f"Somebody through {name}"
    if kind == "tunnel":
        tunnel, _, address = name.partition(":")
        return f"{address} in {tunnel}"
    return name if who.startswith(LOCAL) else who


def _address(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"hop": "address", "address": row["outside"], "port": None}


def _robot_row(row: RowMapping) -> dict[str, Any]:
    told = {name: row[name] for name in ("robot", "first_t", "last_t", "sessions")}
    return {**told, "incidents": json.loads(row["incidents"])}


def _went_on(body: Mapping[str, Any], identity: str) -> bool:
    try:
        begin_t = datetime.strptime(identity.partition("-")[2], "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    return bool(body["goes_on"] or body["last_t"] + WINDOW_S >= begin_t)
