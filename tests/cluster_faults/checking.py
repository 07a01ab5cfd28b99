"""What must be so after all faults: every token once, every incident as a judge tells it who was never disturbed."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from tests.cluster_faults.robots import Robot
from tests.robots.judged_anew import Said, judged_anew
from wachhund.ledger import Ledger, LedgerError
from wachhund.ledger.schema import incidents, observations, sessions, tokens
from wachhund_evidence import token_hash


def tokens_held(ledger: Ledger) -> int:
    """How many there are. A connection from before PostgreSQL was killed says so when it is asked: asked again."""
    for last in (*[False] * 20, True):
        try:
            with ledger.moment() as connection:
                return connection.execute(select(func.count()).select_from(tokens)).scalar() or 0
        except LedgerError:
            if last:
                raise
    raise AssertionError


def wrong_tokens(ledger: Ledger, robots: Sequence[Robot]) -> list[str]:
    """What is not as it was sent: each token once, with each of its observations once, and nothing else."""
    found = []
    made = {(one.id, one.robot.chain, seq): token_hash(text) for one in robots for seq, text in one.robot.made.items()}
    with ledger.moment() as connection:
        rows = connection.execute(select(tokens.c.id, tokens.c.robot, tokens.c.chain, tokens.c.seq, tokens.c.hash))
        held = Counter({})
        for row in rows:
            place = (row.robot, row.chain, row.seq)
            held[place] += 1
            if made.get(place) != row.hash:
                found.append(f"{place}: not as it was sent")
        told = select(observations.c.token, observations.c.item, func.count().label("number"))
        twice = connection.execute(told.group_by(observations.c.token, observations.c.item).having(func.count() > 1))
        found += [f"token {row.token}: observation {row.item} is there {row.number} times" for row in twice]
    found += [f"{place}: missing" for place in made if not held[place]]
    found += [f"{place}: {number} times" for place, number in held.items() if number > 1]
    faults = [(robot.id, fault.what) for robot in robots for fault in ledger.faults(robot.id)]
    return found + [f"{robot}: a fault of its evidence: {what}" for robot, what in faults]


def _saved(ledger: Ledger) -> tuple[Said, Said]:
    with ledger.moment() as connection:
        told, seen = (list(connection.execute(select(table.c.id, table.c.body))) for table in (incidents, sessions))
    return {name: json.loads(body) for name, body in told}, {name: json.loads(body) for name, body in seen}


def wrong_verdicts(ledger: Ledger) -> tuple[int, int, list[str]]:
    """Incidents, sessions, and those that are not as one judge tells them who hears all of the ledger at once."""
    anew, (told, seen) = judged_anew(ledger), _saved(ledger)
    found: list[str] = []
    for what, mine, theirs in (("incident", told, anew.incidents), ("session", seen, anew.sessions)):
        differ = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
        found += [f"{what} {name}: {_difference(mine.get(name), theirs.get(name))}" for name in differ]
    return len(told), len(seen), found


def _difference(mine: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    if mine is None or theirs is None:
        return "never told" if mine is None else "told, and should not be"
    return ", ".join(key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key))
