"""Whether the ledger holds what the fleet has receipts for, each token once, and nothing that was never sent."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tests.fleet import records
from tests.fleet.watching import look
from wachhund.ledger.schema import faults, forks, incidents, tokens

_EXAMPLES = 5
_NAME = re.compile(r"fleet \S+ \d{6}")


def newest_token(ledger: Path) -> int:
    """The id of the newest token that it holds; 0 for none."""
    with look(ledger) as connection:
        return int(connection.execute(select(func.max(tokens.c.id))).scalar() or 0)


def checked(ledger: Path, files: Iterable[Path], ids: Mapping[int, str], since: int) -> dict[str, Any]:
    """Compare by robot, chain, number and hash. `ids`: of robots, by number. `since`: of tokens beyond this id."""
    sent: set[int] = set()
    receipted: set[int] = set()
    for path in files:
        for row in records.read(path):
            name = _name(ids[row.number], row.chain, row.seq, row.hash)
            if row.receipted_t:
                receipted.add(name)
            if row.sent_t:
                sent.add(name)
    held: set[int] = set()
    twice: list[str] = []
    alien: list[str] = []
    mine = set(ids.values())
    wanted = select(tokens.c.robot, tokens.c.chain, tokens.c.seq, tokens.c.hash).where(tokens.c.id > since)
    with look(ledger) as connection:
        for there in connection.execute(wanted):
            if there.robot not in mine:
                continue
            name = _name(there.robot, there.chain, there.seq, there.hash)
            if name in held:
                twice.append(_shown(there))
            held.add(name)
            if name not in sent:
                alien.append(_shown(there))
        forked = connection.execute(select(func.count()).select_from(forks)).scalar()
        noticed = Counter(
            what for robot, what in connection.execute(select(faults.c.robot, faults.c.what)) if robot in mine
        )
    missing = receipted - held
    return {
        "sent": len(sent), "receipted": len(receipted), "in_ledger": len(held),
        "receipted_and_missing": len(missing), "twice": len(twice), "never_sent": len(alien), "forks": forked,
        "faults": dict(noticed), "examples": [*twice[:_EXAMPLES], *alien[:_EXAMPLES]],
        "exact": not (missing or twice or alien or forked),
    }  # fmt: skip


def incidents_of(
    ledger: Path, groups: Mapping[str, Iterable[str]], since_t: float, until_t: float
) -> dict[str, dict[str, int]]:
    """How many incidents of each title began in that time, in groups of robots."""
    began = incidents.c.first_t.between(since_t, until_t)
    with look(ledger) as connection:
        rows = connection.execute(select(incidents.c.robot, incidents.c.body).where(began)).all()
    made = {}
    for name, members in groups.items():
        mine = set(members)
        titles = [_NAME.sub("a robot", json.loads(body)["title"]) for robot, body in rows if robot in mine]
        made[name] = dict(Counter(titles))
    return made


def _name(robot: str, chain: str, seq: int, hashed: str) -> int:
    """Eight bytes for each: millions have to be held."""
    text = f"{robot}/{chain}/{seq}/{hashed}".encode("ascii")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def _shown(row: Any) -> str:
    return f"{row.robot} {row.chain} {row.seq} {row.hash}"
