"""What a full journal costs the robot while it drains: processor time for a token, from the file to the message.

The host answers at once and takes everything; no network, no signing. The journal's tokens are as long as an agent's,
and are not synced to disk: it is reading that is measured.
"""

import json
import random
import time

from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from wachhund_agent.config import Limits
from wachhund_agent.delivery import Delivery
from wachhund_agent.disk import Disk
from wachhund_agent.journal import Journal
from wachhund_evidence import base64url

_ROUND = 1000  # tokens between two samples


class _Unsynced(Disk):
    def sync(self, fd: int) -> None:
        """Not what is measured."""


def _token(dice: random.Random) -> str:
    """Mostly a few observations, of which no two are alike."""
    seen = [
        {"kind": "flow.open", "t": dice.random() * 1e9, "mono": dice.random(), "flow": f"{dice.getrandbits(64):x}"}
        for _ in range(dice.choice([1, 1, 1, 2, 3, 8]))
    ]
    body = json.dumps({"obs": seen, "pad": "x" * 400}).encode()
    return f"eyJ.{base64url.encode(body)}.{base64url.encode(dice.randbytes(64))}"


def run(quick: bool) -> list[Figure]:
    """256 MiB of backlog, in a few places of it."""
    size, dice, limits = (16 if quick else 250) << 20, random.Random(1), Limits()
    with scratch() as folder:
        journal = Journal(folder, limits, lambda *_: False, _Unsynced())
        stored = 0
        while stored < size:
            token = _token(dice)
            journal.append(token, dice.random() < 0.02, 1)
            stored += len(token)
        last = journal.next_seq - 1
        drained = []
        for place in (0.0, 0.4, 0.8):
            journal.heard(int(last * place), [])
            drained += _drain(journal, limits, 1 if quick else 4)
        fresh = _fresh(journal, limits, dice)
        journal.close()
    what = f"{last} tokens, {stored >> 20} MiB"
    return [
        Figure("backlog", "a token of the backlog, read and packed", "us CPU", tuple(drained), note=what),
        Figure("backlog", "a new token beside the backlog, read and packed", "us CPU", tuple(fresh), note=what),
    ]


def _drain(journal: Journal, limits: Limits, rounds: int) -> list[float]:
    """The receipts cover the backlog alone: the newest, which leave first, stay on their way."""
    delivery, samples = Delivery(journal, limits, 40, 0.0), []
    newest, whole = journal.next_seq - 100, journal.receipted
    for _ in range(rounds):  # far fewer tokens than there are
        began, left = time.process_time(), 0
        while left < _ROUND:
            leaving = delivery.next(1.0)
            left += len(leaving)
            whole = max([whole, *(one.seq for one in leaving if one.seq < newest)])
            delivery.heard(whole, (), 1.0)
        samples.append((time.process_time() - began) / left * 1e6)
    return samples


def _fresh(journal: Journal, limits: Limits, dice: random.Random) -> list[float]:
    delivery, samples = Delivery(journal, limits, 40, 0.0), []
    while delivery.next(0.0):
        pass  # until the backlog has its share of the window, and no receipt comes
    for _ in range(limits.fresh_tokens - 1):
        journal.append(_token(dice), True, 1)
        began = time.process_time()
        if len(delivery.next(1.0)) != 1:
            raise RuntimeError("a new token waits behind a backlog")
        samples.append((time.process_time() - began) * 1e6)
    return samples
