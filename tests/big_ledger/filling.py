"""A ledger file filled with evidence as robots send it, signed with real keys, to whatever size is asked for.

What the robots tell are the recordings of the attack corpus, in turn, each with a boot of its own. A token holds one
heartbeat (45 of 100), some 13 observations of a busy second (40), 60 of a stormy one (12), or as many as its 256 KiB
take, as a robot sends them that was off the network (3). One robot's journal was rolled back (a fork), one lost numbers.
"""

import json
import multiprocessing
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.attacks import recordings
from tests.robots.scripted import random_text
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import new_robot
from wachhund.ledger import Ledger, VerifiedToken
from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    make_nonce,
    observation_from_line,
    public_key_pem,
    sign_evidence,
    token_hash,
    ueid_of,
)

_TEXT_CHARS = 250 * 1024  # of a token's observations as its text: the rest of 256 KiB is its other claims
_MIX = ((45, 0), (40, 13), (12, 60), (3, 2_000))  # weight, observations
_COMMIT_OBSERVATIONS = 6_000  # in one transaction
_DAYS = 90.0
FORKED, HOLED = 3, 5  # numbers of robots

Told = tuple[Observation, int]  # and how many characters of a token it takes


def told_in_recordings() -> list[list[Told]]:
    """What was recorded, scene by scene."""
    scenes = []
    for path in sorted(recordings.FOLDER.glob("*.jsonl.xz")):
        _, lines = recordings.read(path.name.removesuffix(".jsonl.xz"))
        found = [(observation_from_line(line), len(line) * 4 // 3 + 8) for line in lines.splitlines()[1:]]
        scenes.append(found)
    return scenes


class Sender:
    """A robot that tells of one scene after another."""

    def __init__(self, number: int, scenes: list[list[Told]], keys: HostKeys) -> None:
        self.number, self._keys, self._scenes = number, keys, scenes
        self.key = Ed25519PrivateKey.generate()
        self.ueid = ueid_of(self.key.public_key())
        self.row, _ = new_robot(f"robot-{number:02}", public_key_pem(self.key.public_key()), keys)
        self._draw = random.Random(number)
        self._t = time.time() - _DAYS * 86_400
        self._chain, self._seq, self._prev = random_text(16), 0, ZERO_HASH
        self._parts = self._all_parts()

    def _all_parts(self) -> Iterator[tuple[str, float, list[Observation]]]:
        """Boot seed, seconds since boot, and what a token tells; without end."""
        weights, counts = zip(*_MIX, strict=True)
        while True:
            scene = self._draw.choice(self._scenes)
            boot, at = random_text(32), 0
            born = scene[0][0].mono - 20.0
            while at < len(scene):
                wanted, chars, part = self._draw.choices(counts, weights)[0], 0, list[Observation]()
                first = scene[at][0]
                while at < len(scene) and len(part) < wanted and chars + scene[at][1] < _TEXT_CHARS:
                    one, size = scene[at]
                    part.append(
                        Observation(one.kind, self._t + one.mono - first.mono, one.mono - born, one.sensor, one.fields)
                    )
                    at, chars = at + 1, chars + size
                    if at == len(scene) and wanted > 60:  # off the network for longer than one scene
                        scene, at = self._draw.choice(self._scenes), 0
                        born = min(born, scene[0][0].mono - 20.0)
                mono = (part[-1].mono if part else first.mono - born) + 0.2
                if not part:
                    beat = {"cpu_s": round(mono / 50, 2), "rss_bytes": 31_404_032, "written_bytes": 812_331, "queue": 0,
                            "uptime_s": round(mono, 2)}  # fmt: skip
                    part = [Observation("heartbeat", self._t, mono - 0.2, "agent", beat)]
                yield boot, mono, part

    def token(self) -> VerifiedToken:
        """The next one, as the intake hands it to the ledger."""
        boot, mono, part = next(self._parts)
        self._t += self._draw.uniform(1.0, 20.0)
        self._seq += 2 if self.number == HOLED and self._seq == 40 else 1
        nonce_t = round(self._t, 6)
        claims = EvidenceClaims(
            self.ueid, make_nonce(self._keys.nonce_secret, self.ueid, int(nonce_t * 1e6)), boot, self._chain, self._seq,
            self._prev, int(self._t), mono, "wachhund-agent", "0.1.0", {"code": _CODE}, tuple(part),
        )  # fmt: skip
        text = sign_evidence(claims, self.key)
        digest = token_hash(text)
        if not (self.number == FORKED and self._seq == 60):  # and sent 60 twice
            self._prev = digest
        else:
            self.number, self._seq = -1, self._seq - 1
        return VerifiedToken(self.row.id, text, digest, claims, self._t + 0.3, int(nonce_t * 1e6) / 1e6)


_CODE = random_text(32)


def _fill(folder: Path, numbers: list[int], size: int, turn: Any) -> None:
    data = DataFolder(folder)
    keys, ledger, scenes = HostKeys.load_or_create(data), Ledger.open(data.ledger), told_in_recordings()
    senders = [Sender(number, scenes, keys) for number in numbers]
    for one in senders:
        ledger.add_robot(one.row)
    draw = random.Random(numbers[0])
    while data.ledger.stat().st_size < size:
        batch, count = list[VerifiedToken](), 0
        while count < _COMMIT_OBSERVATIONS:
            batch.append(draw.choice(senders).token())
            count += len(batch[-1].claims.obs)
        with turn:  # SQLite's own waiting is not fair
            ledger.commit(batch)
    ledger.close()


def fill(folder: Path, size: int, robots: int = 50, processes: int = 2) -> None:
    """Make a host's data folder whose ledger's file has at least so many bytes, or add robots to it until it has.

    Raises RuntimeError."""
    data = DataFolder(folder).make()
    HostKeys.load_or_create(data)
    ledger = Ledger.open(data.ledger)
    before = len(ledger.robots())
    ledger.close()
    spawning = multiprocessing.get_context("spawn")
    shares = [list(range(before + first, before + robots, processes)) for first in range(processes)]
    turn = spawning.Lock()
    working = [spawning.Process(target=_fill, args=(folder, share, size, turn)) for share in shares]
    for one in working:
        one.start()
    for one in working:
        one.join()
    if any(one.exitcode for one in working):
        raise RuntimeError("filling the ledger failed: see above")


def what_is_in(folder: Path) -> dict[str, float]:
    """Counts of a ledger."""
    ledger = Ledger.open(DataFolder(folder).ledger)
    with ledger.moment() as connection:
        row = connection.exec_driver_sql("SELECT count(*), sum(length(text)), max(length(text)) FROM tokens").one()
        told = connection.exec_driver_sql("SELECT count(*) FROM observations").scalar_one()
    ledger.close()
    return {"tokens": row[0], "text_bytes": row[1], "longest_text": row[2], "observations": told}


if __name__ == "__main__":
    import sys

    began = time.monotonic()
    fill(Path(sys.argv[1]), int(float(sys.argv[2]) * 1e9))
    print(json.dumps({"seconds": round(time.monotonic() - began, 1), **what_is_in(Path(sys.argv[1]))}))
