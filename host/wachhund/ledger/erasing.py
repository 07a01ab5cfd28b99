"""Erasing: a token's text and its observations go, with what was drawn from them; number, hash and link stay, and who
did it and why. One slice is one transaction."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from wachhund.ledger import acts as log
from wachhund.ledger import campaigns
from wachhund.ledger.dialects import as_whole, greater_of, members_of, upsert
from wachhund.ledger.erased import MAX_RUN
from wachhund.ledger.glances import glance_of
from wachhund.ledger.keeping_records import REQUEST, Act, Erasure
from wachhund.ledger.keeping_schema import erased, erasures, used_ids
from wachhund.ledger.pages_schema import hunts
from wachhund.ledger.schema import (
    chains,
    facts,
    forks,
    incidents,
    newest,
    observations,
    present,
    revoked_tokens,
    sessions,
    stated_gaps,
    tokens,
)

_STAYS = ("id", "robot", "kind", "level", "first_t", "last_t", "robot_first_t", "robot_last_t", "rules", "attack")


def begin(connection: Connection, act: Act) -> int:
    """Put an act of forgetting on record; its id."""
    row = {
        "reason": act.reason, "robot": act.robot, "from_t": act.from_t, "to_t": act.to_t, "uncertain": act.uncertain,
        "by_whom": act.by, "why": act.why, "begun_t": act.t,
    }  # fmt: skip
    number = int(connection.execute(insert(erasures).values(**row).returning(erasures.c.id)).scalar_one())
    if act.reason == REQUEST:
        log.record(
            connection, t=act.t, who=act.by, act="evidence erase", subject=f"act {number}", robot=act.robot, why=act.why
        )
    return number


def finish(connection: Connection, identity: int, t: float) -> None:
    """All that it was to take is gone."""
    mine = (erasures.c.id == identity) & erasures.c.finished_t.is_(None)
    connection.execute(update(erasures).where(mine).values(finished_t=t))


def take(connection: Connection, erasure: Erasure, rows: Sequence[RowMapping]) -> None:
    """Erase these tokens (rows of `choosing`) of one robot."""
    if not rows:
        return
    robot = erasure.robot
    in_order = sorted(rows, key=lambda row: (row["chain"], row["seq"]))
    made = [_run(robot, erasure.id, members) for members in _runs(in_order)]
    connection.execute(delete(hunts))  # what they found repeats texts, and nobody knows which
    connection.execute(insert(erased), made)
    _remember_ids(connection)
    ids = json.dumps([row["id"] for row in rows])
    gone = select(as_whole(members_of(ids).c.value))
    told = connection.execute(delete(observations).where(observations.c.token.in_(gone))).rowcount
    connection.execute(delete(tokens).where(tokens.c.id.in_(gone)))
    for run in made:
        _forget_drawn(connection, erasure, run)
    size = sum(row["bytes"] for row in rows)
    mine = newest.c.robot == robot
    connection.execute(update(newest).where(mine).values(kept_bytes=greater_of(0, newest.c.kept_bytes - size)))
    counts = {
        "tokens": erasures.c.tokens + len(rows),
        "observations": erasures.c.observations + told,
        "bytes": erasures.c.bytes + size,
    }
    connection.execute(update(erasures).where(erasures.c.id == erasure.id).values(**counts))


def _runs(in_order: Sequence[RowMapping]) -> Iterable[list[RowMapping]]:
    """Neighbours in one chain and boot, each of which names the hash before its own."""
    run: list[RowMapping] = []
    for row in in_order:
        last = run[-1] if run else None
        goes_on = last is not None and (
            (row["chain"], row["seq"], row["prev"], row["bootseed"])
            == (last["chain"], last["seq"] + 1, last["hash"], last["bootseed"])
        )
        if run and (not goes_on or len(run) >= MAX_RUN):
            yield run
            run = []
        run.append(row)
    yield run


def _run(robot: str, erasure: int, members: Sequence[RowMapping]) -> dict[str, Any]:
    first, last = members[0], members[-1]
    arrived = [row["received_t"] for row in members]
    return {
        "robot": robot,
        "chain": first["chain"],
        "first_seq": first["seq"],
        "last_seq": last["seq"],
        "erasure": erasure,
        "prev": first["prev"],
        "hashes": "".join(row["hash"] for row in members),
        "bootseed": first["bootseed"],
        "first_mono": min(row["mono"] for row in members),
        "last_mono": max(row["mono"] for row in members),
        "first_received_t": min(arrived),
        "last_received_t": max(arrived),
    }


def _remember_ids(connection: Connection) -> None:
    """An id that was used is never given again, also when its row is gone: the judge counts by them."""
    made = upsert(used_ids).values(
        id=1,
        token=select(func.coalesce(func.max(tokens.c.id), 0)).scalar_subquery(),
        observation=select(func.coalesce(func.max(observations.c.id), 0)).scalar_subquery(),
    )
    greater = {
        "token": greater_of(used_ids.c.token, made.excluded.token),
        "observation": greater_of(used_ids.c.observation, made.excluded.observation),
    }
    connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=greater))


def _forget_drawn(connection: Connection, erasure: Erasure, run: dict[str, Any]) -> None:
    """What repeats a text of these tokens elsewhere."""
    robot, chain, first, last = erasure.robot, run["chain"], run["first_seq"], run["last_seq"]
    of_chain = (chains.c.robot == robot) & (chains.c.chain == chain)
    counted = {"erased": chains.c.erased + last - first + 1, "erased_to": greater_of(chains.c.erased_to, last)}
    connection.execute(update(chains).where(of_chain).values(**counted))
    gaps = (stated_gaps.c.robot == robot) & (stated_gaps.c.chain == chain)
    said = stated_gaps.c.stated_in.between(first, last)
    connection.execute(update(stated_gaps).where(gaps, said).values(reason=None))
    rivals = (forks.c.robot == robot) & (forks.c.chain == chain) & forks.c.seq.between(first, last)
    connection.execute(update(forks).where(rivals, forks.c.text != "").values(text="", erasure=erasure.id))
    speaks_last = connection.execute(
        select(newest.c.seq).where(newest.c.robot == robot, newest.c.chain == chain, newest.c.seq.between(first, last))
    ).scalar()
    if erasure.reason == REQUEST:
        stated = (facts.c.robot == robot) & (facts.c.chain == chain) & facts.c.seq.between(first, last)
        connection.execute(delete(facts).where(stated))
        there = (present.c.robot == robot) & (present.c.bootseed == run["bootseed"])
        drawn = present.c.token_mono.between(run["first_mono"], run["last_mono"])
        connection.execute(delete(present).where(there, drawn))
    elif speaks_last is not None:
        # What is so now stays while the robot speaks, however long ago it said so, and goes with its last word.
        connection.execute(delete(facts).where(facts.c.robot == robot))
        connection.execute(delete(present).where(present.c.robot == robot))


def forget_beside(connection: Connection, erasure: Erasure, arrived: Any) -> int:
    """Take the text out of what is kept beside the chains and arrived so (`arrived`: a condition on a table): rival
    tokens, and those of keys that had ended. How many went."""
    gone = 0
    for table in (forks, revoked_tokens):
        mine = (table.c.robot == erasure.robot) & (table.c.text != "") & arrived(table)
        gone += connection.execute(update(table).where(mine).values(text="", erasure=erasure.id)).rowcount
    return gone


def forget_present(connection: Connection, robot: str, from_t: float, to_t: float) -> None:
    """What began in a span and is still so: it stands in one row with what was told of it later."""
    began = present.c.host_t.between(from_t, to_t)
    connection.execute(delete(present).where(present.c.robot == robot, began))


def has_verdicts(connection: Connection, robot: str, wanted: Any, told: Any) -> bool:
    """Whether there is anything for `forget_verdicts`."""
    mine = (incidents.c.robot == robot) & incidents.c.erasure.is_(None)
    incident = connection.execute(select(incidents.c.id).where(mine, wanted).limit(1)).first()
    return bool(
        incident or connection.execute(select(sessions.c.id).where(sessions.c.robot == robot, told).limit(1)).first()
    )


def forget_verdicts(connection: Connection, erasure: Erasure, wanted: Any, told: Any, limit: int) -> int:
    """Take the text out of at most `limit` incidents (`wanted`), and delete as many sessions (`told`). How many went.

    Of an incident stay its kind, level and times, and the places of its evidence.
    """
    mine = (incidents.c.robot == erasure.robot) & incidents.c.erasure.is_(None)
    query = select(incidents.c.id, incidents.c.body).where(mine, wanted).limit(limit)
    rows = connection.execute(query).all()
    for identity, body in rows:
        stub = _stub(json.loads(body), erasure)
        changed = {"body": json.dumps(stub), "state": "closed", "erasure": erasure.id, **glance_of(stub)}
        connection.execute(update(incidents).where(incidents.c.id == identity).values(**changed))
    over = select(sessions.c.id).where(sessions.c.robot == erasure.robot, told).limit(limit)
    ended = connection.execute(delete(sessions).where(sessions.c.id.in_(over))).rowcount
    if ended and erasure.reason == REQUEST:  # what age takes is looked at by who looks for campaigns, in its turn
        campaigns.settle_robot(connection, erasure.robot)
    return len(rows) + ended


def _stub(incident: dict[str, Any], erasure: Erasure) -> dict[str, Any]:
    kept = {name: incident.get(name) for name in _STAYS}
    evidence = [
        {name: one[name] for name in ("chain", "seq", "items") if name in one}
        for one in incident.get("evidence") or []
        if isinstance(one, dict)
    ]
    return {
        **kept,
        "title": f"An incident whose text was erased ({erasure.reason})",
        "state": "closed",
        "owner": None,
        "came_back": False,
        "close_reason": "erased",
        "sessions": [],
        "surface": incident.get("surface"),
        "origin": [],
        "story": [],
        "advice": [],
        "unknown": [f"What happened: it was erased by {erasure.by}, because: {erasure.why}"],
        "evidence": evidence,
    }
