"""What is so on each robot now, drawn from evidence as it is committed: newest facts, boots, running processes, flows.

Evidence comes in any order, so every row knows where in the robot's own time it comes from, and older news never
overwrites newer. All of it can be drawn again from the observations; none of it is proof.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, select

from wachhund.ledger.dialects import Upsert, greater_of, lesser_of, upsert
from wachhund.ledger.places import rows_at
from wachhund.ledger.records import VerifiedToken
from wachhund.ledger.schema import boots, facts, newest, present
from wachhund.ledger.server_rows import Part, write
from wachhund_evidence import Observation, observation_to_line

FRESH_SECONDS = 60.0  # protocol.md, presence: a nonce may be this old when its token arrives
AHEAD_SECONDS = 1.0  # what seems to have come later than this is older: the host's clock was set back since
MAX_PRESENT = 20_000  # rows kept of one list of one robot; beyond it the oldest go
_PRUNE_EVERY = 2_000  # rows written for a robot between two clearings
_ENDED_KEPT_SECONDS = 600.0  # an end must be remembered until its start can no longer come after it
_MAX_SUBJECT_CHARS = 256
_LATER = ("fresh_t", "steady_t", "last_t")  # of `newest`, what is not known at the first token
_FACTS = frozenset({"coverage", "heartbeat", "agent.start", "agent.stop", "host.key"})
_LISTS = {
    "process.start": ("processes", False),
    "process.exit": ("processes", True),
    "flow.open": ("flows", False),
    "flow.update": ("flows", False),
    "flow.close": ("flows", True),
    "listen.open": ("listeners", False),
    "listen.close": ("listeners", True),
}


class _News(NamedTuple):
    place: tuple[str, str, str, str]  # robot, list, bootseed, subject
    ended: bool
    token_mono: float
    item: int
    host_t: float
    fields: Mapping[str, Any]


def begins_a_run(observation: Observation) -> bool:
    """Whether an agent began to look. A new chain of a running agent begins with `agent.start` too, without `clean`."""
    return observation.kind == "agent.start" and "clean" in observation.fields


def _subject(observation: Observation) -> str | None:
    """What a row is about, unique for a boot. None for what no sensor of ours would send: it stays an observation."""
    fields = observation.fields
    if observation.kind.startswith("process."):
        subject = fields.get("puid")
    elif observation.kind.startswith("flow."):
        subject = fields.get("flow")
    else:
        subject = json.dumps([fields.get("proto"), fields.get("local"), fields.get("puid")])
    return subject if isinstance(subject, str) and len(subject) <= _MAX_SUBJECT_CHARS else None


def _news(token: VerifiedToken) -> Iterator[_News]:
    claims = token.claims
    for item, observation in enumerate(claims.obs):
        where = _LISTS.get(observation.kind)
        subject = _subject(observation) if where else None
        if where is None or subject is None:
            continue
        host_t = max(0.0, min(token.received_t, token.received_t - (claims.mono - observation.mono)))
        place = (token.robot, where[0], claims.bootseed, subject)
        yield _News(place, where[1], claims.mono, item, host_t, observation.fields)


def _merged(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Later news wins, but what it does not know stays known."""
    return {**older, **{name: value for name, value in newer.items() if value is not None or name not in older}}


def _merge(there: dict[str, Any] | None, news: _News) -> dict[str, Any]:
    if there is None:
        robot, list_, bootseed, subject = news.place
        return {
            "robot": robot,
            "list": list_,
            "bootseed": bootseed,
            "subject": subject,
            "ended": news.ended,
            "token_mono": news.token_mono,
            "item": news.item,
            "host_t": news.host_t,
            "fields": dict(news.fields),
        }
    later = (news.token_mono, news.item) >= (there["token_mono"], there["item"])
    older, newer = (there["fields"], news.fields) if later else (news.fields, there["fields"])
    return {
        **there,
        "ended": there["ended"] or news.ended,
        "token_mono": max(there["token_mono"], news.token_mono),
        "item": news.item if later else there["item"],
        "host_t": min(there["host_t"], news.host_t),
        "fields": _merged(older, newer),
    }


def _upsert(table: Table) -> Upsert:
    """The statement that puts rows into a table, or in the place of those of the same key."""
    statement = upsert(table)
    changed = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)


def _upsert_boot() -> Upsert:
    made = upsert(boots)
    greater = {name: greater_of(boots.c[name], made.excluded[name]) for name in ("run_mono", "last_mono", "nonce_t")}
    return made.on_conflict_do_update(
        index_elements=["robot", "bootseed"],
        # The token that came quickest after it was made tells best when the robot booted.
        set_={"booted_t": lesser_of(boots.c.booted_t, made.excluded.booted_t), **greater},
    )


def _upsert_fact() -> Upsert:
    made = upsert(facts)
    new_values = made.excluded
    later = (
        (new_values.nonce_t > facts.c.nonce_t)
        | (
            (new_values.nonce_t == facts.c.nonce_t)
            # Within a chain its numbers tell what is newer; between two chains of one nonce, only the order of arrival.
            & ((new_values.chain != facts.c.chain) | (new_values.seq >= facts.c.seq))
        )
        | (facts.c.received_t > new_values.received_t + AHEAD_SECONDS)
    )
    names = [column.name for column in facts.columns if column.name not in ("robot", "kind")]
    return made.on_conflict_do_update(
        index_elements=["robot", "kind"], set_={name: new_values[name] for name in names}, where=later
    )


# Made once: to make one anew for each commit costs as much as to run it.
_UPSERT_PRESENT, _UPSERT_NEWEST, _UPSERT_BOOT, _UPSERT_FACT = (
    _upsert(present), _upsert(newest), _upsert_boot(), _upsert_fact(),
)  # fmt: skip


def _lists(connection: Connection, new: Sequence[VerifiedToken], written: Counter[str]) -> Part:
    news = [one for token in new for one in _news(token)]
    if not news:
        return _UPSERT_PRESENT, ()
    keys = ("robot", "list", "bootseed", "subject")
    rows: dict[tuple[str, ...], dict[str, Any]] = {
        tuple(row[key] for key in keys): {**row, "fields": json.loads(row["fields"])}
        for row in rows_at(connection, present, keys, sorted({one.place for one in news}))
    }
    touched: dict[Any, dict[str, Any]] = {}
    for one in news:
        touched[one.place] = rows[one.place] = _merge(rows.get(one.place), one)
        written[one.place[0]] += 1
    packed = [{**row, "fields": json.dumps(row["fields"], separators=(",", ":"))} for row in touched.values()]
    return _UPSERT_PRESENT, packed


def _boots(new: Sequence[VerifiedToken]) -> Part:
    rows = []
    for token in new:
        starts = [observation.mono for observation in token.claims.obs if begins_a_run(observation)]
        rows.append(
            {
                "robot": token.robot,
                "bootseed": token.claims.bootseed,
                "booted_t": token.received_t - token.claims.mono,
                "run_mono": max(starts, default=-1.0),
                "last_mono": token.claims.mono,
                "nonce_t": token.nonce_t or 0.0,
            }
        )
    return _UPSERT_BOOT, rows


def _facts(new: Sequence[VerifiedToken]) -> Part:
    rows = [
        {
            "robot": token.robot,
            "kind": observation.kind,
            "nonce_t": token.nonce_t or 0.0,
            "token_mono": token.claims.mono,
            "chain": token.claims.chain,
            "seq": token.claims.seq,
            "item": item,
            "received_t": token.received_t,
            "observation": observation_to_line(observation),
        }
        for token in new
        for item, observation in enumerate(token.claims.obs)
        if observation.kind in _FACTS
    ]
    return _UPSERT_FACT, rows


def _carried_on(state: dict[str, Any], told: Sequence[VerifiedToken]) -> dict[str, Any]:
    """A robot's newest row after these tokens of it."""
    state["tokens"] += len(told)
    state["kept_bytes"] += sum(len(token.text) for token in told)
    for token in told:
        state["last_t"] = token.received_t
        if state.get("received_t", 0.0) > token.received_t + AHEAD_SECONDS:
            state.update(received_t=token.received_t, nonce_t=None, fresh_t=None)
        if token.nonce_t is not None and token.received_t - token.nonce_t <= FRESH_SECONDS:
            before_t = state["fresh_t"]
            if before_t is None or token.received_t - before_t > FRESH_SECONDS:
                state["steady_t"] = token.received_t
            state["fresh_t"] = max(before_t or 0.0, token.received_t)
        nonce, before = token.nonce_t or 0.0, state.get("nonce_t") or 0.0
        chain, seq = token.claims.chain, token.claims.seq
        if (
            "chain" not in state
            or nonce > before
            or (nonce == before and (chain != state["chain"] or seq >= state["seq"]))
        ):
            state.update(chain=chain, seq=seq, bootseed=token.claims.bootseed)
            state.update(received_t=token.received_t, nonce_t=token.nonce_t)
    return state


def _newest(connection: Connection, new: Sequence[VerifiedToken]) -> Part:
    mine: dict[str, list[VerifiedToken]] = defaultdict(list)
    for token in new:
        mine[token.robot].append(token)
    there = {row["robot"]: dict(row) for row in rows_at(connection, newest, ("robot",), [(robot,) for robot in mine])}
    states = [
        _carried_on(there.get(robot, {"robot": robot, "tokens": 0, "kept_bytes": 0, **dict.fromkeys(_LATER)}), told)
        for robot, told in mine.items()
    ]
    return _UPSERT_NEWEST, states


def _prune(connection: Connection, robot: str) -> None:
    """Forget what is over: other boots, earlier runs of the agent, old ends, and what is beyond the bound."""
    row = connection.execute(
        select(newest.c.bootseed, boots.c.run_mono, boots.c.last_mono)
        .join(boots, (boots.c.robot == newest.c.robot) & (boots.c.bootseed == newest.c.bootseed))
        .where(newest.c.robot == robot)
    ).one()
    mine = present.c.robot == robot
    connection.execute(delete(present).where(mine, present.c.bootseed != row.bootseed))
    connection.execute(delete(present).where(mine, present.c.token_mono < row.run_mono))
    old_end = present.c.token_mono < row.last_mono - _ENDED_KEPT_SECONDS
    connection.execute(delete(present).where(mine, present.c.ended, old_end))
    for list_ in ("processes", "flows", "listeners"):
        beyond = (
            select(present.c.token_mono)
            .where(mine, present.c.list == list_)
            .order_by(present.c.token_mono.desc())
            .offset(MAX_PRESENT)
            .limit(1)
        )
        edge = connection.execute(beyond).scalar()
        if edge is not None:
            connection.execute(delete(present).where(mine, present.c.list == list_, present.c.token_mono <= edge))


def draw(connection: Connection, new: Sequence[VerifiedToken], written: Counter[str]) -> None:
    """Draw the present from tokens that were just stored. `written` counts rows a robot since its last clearing."""
    if not new:
        return
    write(connection, [_boots(new), _facts(new), _newest(connection, new), _lists(connection, new, written)])
    restarted = {token.robot for token in new if any(map(begins_a_run, token.claims.obs))}
    for robot in restarted | {robot for robot, count in written.items() if count >= _PRUNE_EVERY}:
        _prune(connection, robot)
        del written[robot]
