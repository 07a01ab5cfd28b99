"""What a judge says that hears all of a ledger at once: what a host must have said, however often it started."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select

from wachhund.judge.engine import Judge
from wachhund.judge.order import in_order
from wachhund.judge.rule_loading import load_rules
from wachhund.ledger import Ledger, StoredObservation
from wachhund.ledger.engine import reading_only
from wachhund.ledger.schema import incidents, sessions

_BATCH = 5_000

Said = dict[str, dict[str, Any]]


class Verdict(NamedTuple):
    """Incidents and sessions by their ids, each in its last form."""

    incidents: Said
    sessions: Said


def judged_anew(ledger: Ledger) -> Verdict:
    """Judge everything, from the first observation, by the built-in rules and with nothing in mind."""
    names = {robot.id: robot.name for robot in ledger.robots()}
    told = replace(ledger.unread((0, 0, 0), _BATCH), observations=list(everything(ledger)))
    said = Judge(load_rules().rules, names.get).feed(in_order(told))
    return Verdict({one["id"]: one for one in said.incidents}, {one["id"]: one for one in said.sessions})


def everything(ledger: Ledger) -> Iterator[StoredObservation]:
    """All observations that it holds, in the order of their commit."""
    cursor = 0
    while batch := ledger.observations_after(cursor, _BATCH):
        yield from batch
        cursor = batch[-1].id


def saved(ledger: Path) -> Verdict:
    """What the host put into its ledger."""
    with reading_only(ledger) as connection:
        told, seen = (list(connection.execute(select(table.c.id, table.c.body))) for table in (incidents, sessions))
    return Verdict({name: json.loads(body) for name, body in told}, {name: json.loads(body) for name, body in seen})
