"""What looking for campaigns costs a host: 10,000 robots with 100 sessions a second.

Real: the ledger on disk with its triggers, and the look of the watch, a second's sessions at a time. Not real: the
sessions are written as the judge writes them, without a robot or a judge; what writing them costs is measured with the
triggers and without.
"""

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from wachhund.alerts.campaign_watch import CampaignWatch
from wachhund.ledger import Ledger

ROBOTS, A_SECOND, SECONDS = 10_000, 100, 120
_QUICK = 10
_T = 1_800_000_000.0
_TRIGGERS = ("sessions_insert_marks_an_origin", "sessions_update_marks_an_origin", "sessions_delete_marks_an_origin")


def _session(chance: random.Random, number: int, t: float, whose: str) -> dict[str, Any]:
    """`whose`: each somebody's own address; some thousand people; one address on all robots, that nobody allowed."""
    outside = {
        "many": f"198.18.{chance.randrange(256)}.{chance.randrange(256)}",
        "people": f"203.0.113.{chance.randrange(256)}" if number % 10 else f"198.51.100.{chance.randrange(4)}",
        "one": "203.0.113.7",
        "allowed": "203.0.113.7",
    }[whose]
    allowed = {"id": "a1", "who": "anna", "until_t": t + 9e6, "why": "work"} if whose == "allowed" else None
    return {
        "id": f"{whose}-{number}", "robot": f"{chance.randrange(ROBOTS):05d}", "surface": "ssh", "user": None,
        "first_t": t, "last_t": t + 20, "origin": [{"hop": "address", "address": outside, "port": 443}],
        "carrier": "internet", "tunnel": None, "authorisation": allowed, "bytes_in": 0, "bytes_out": 0,
        "incident": None if allowed else f"i{number}",
    }  # fmt: skip


@contextmanager
def _ledger(folder: Path, marks: bool) -> Iterator[Ledger]:
    with closing(Ledger.open(folder / "ledger.sqlite")) as ledger:
        if not marks:
            with ledger.notifying.writing() as connection:
                for name in _TRIGGERS:
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
        yield ledger


def _run(folder: Path, whose: str, seconds: int, marks: bool = True) -> tuple[float, float, float]:
    """CPU seconds a second: of writing, of looking; and the longest look."""
    chance, number, writing, looking, longest = random.Random(7), 0, 0.0, 0.0, 0.0
    now = [0.0]
    with _ledger(folder, marks) as ledger:
        watch = CampaignWatch(ledger, steady=lambda: now[0])
        for second in range(seconds):
            told = [_session(chance, number + n, _T + second, whose) for n in range(A_SECOND)]
            number += A_SECOND
            began = time.process_time()
            ledger.save_judgement(number, [], told)
            between = time.process_time()
            watch.look()
            ended = time.process_time()
            writing, looking = writing + between - began, looking + ended - between
            longest, now[0] = max(longest, ended - between), now[0] + 1.0
    return writing / seconds, looking / seconds, longest


def run(quick: bool = False) -> list[Figure]:
    """The figures."""
    seconds, figures = _QUICK if quick else SECONDS, []
    with scratch() as folder:
        for name, whose in (
            ("all allowed", "allowed"), ("each from an address of its own", "many"),
            ("from 260 addresses, all of them campaigns", "people"), ("all from one address", "one"),
        ):  # fmt: skip
            places = [folder / f"{whose}-{marks}" for marks in (True, False)]
            for place in places:
                place.mkdir(mode=0o700)
            writing, looking, longest = _run(places[0], whose, seconds)
            plain = _run(places[1], whose, seconds, marks=False)[0]
            cost = 100 * (looking + max(0.0, writing - plain))
            figures.append(
                Figure(
                    "campaigns", f"100 sessions/s, {name}", "% of a core", (cost,), aim="< 2",
                    note=f"looking {100 * looking:.2f} %, marking {100 * (writing - plain):.2f} %; longest look "
                    f"{1000 * longest:.0f} ms",
                )
            )  # fmt: skip
    return figures
