"""What the agent writes to a robot's card in a day, idle and under the stock robot's noise, as the card counts it.

It hears only of what the bench starts (confined): what else happens on this machine would be written too.

The peer stands on a card of its own in the same run: a plain SQLite table with `synchronous=FULL`, which gets each
token that the agent made, one insert a token, as it comes.
"""

import os
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

from tests.bench import confined
from tests.bench.apart import measured_apart
from tests.bench.figure import Figure
from tests.bench.scratch import scratch
from tests.bench.small_disk import SmallDisk
from tests.robots.living import Living
from tests.waiting import until

HERE = Path(__file__).parent
_DAY_S = 86_400.0
_MB = 1e6


class Peer:
    """Follows the host's ledger and inserts each token of the agent into its own SQLite file, a transaction each."""

    def __init__(self, ledger: Path, folder: Path) -> None:
        self._ledger, self._folder = ledger, folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.tokens = self.bytes = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        with (
            closing(sqlite3.connect(f"file:{self._ledger}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(self._folder / "peer.sqlite", isolation_level=None)) as writing,
        ):
            writing.execute("PRAGMA journal_mode=WAL")
            writing.execute("PRAGMA synchronous=FULL")
            writing.execute("CREATE TABLE tokens (seq INTEGER PRIMARY KEY, text TEXT NOT NULL)")
            last = reading.execute("SELECT coalesce(max(id), 0) FROM tokens").fetchone()[0]
            while not self._stop.wait(0.1):
                for number, text in reading.execute("SELECT id, text FROM tokens WHERE id > ? ORDER BY id", (last,)):
                    writing.execute("INSERT INTO tokens VALUES (?, ?)", (number, text))
                    self.tokens, self.bytes, last = self.tokens + 1, self.bytes + len(text), number


def run(quick: bool) -> list[Figure]:
    """In a process of its own, which the other benches need not follow to its network. Needs root."""
    return measured_apart(_measure, quick)


def _measure(quick: bool) -> list[Figure]:
    seconds, rounds = (20.0, 1) if quick else (60.0, 3)
    figures = []
    confined.own_network()
    with (
        scratch() as folder,
        SmallDisk(folder / "agent-data", folder / "agent.img") as card,
        SmallDisk(folder / "peer", folder / "peer.img") as other,
        Living(folder) as living,
    ):
        agent = living.start_agent()
        with closing(living.ledger()) as ledger:
            until(lambda: ledger.newest(living.robot) is not None, 30, "the first evidence has come")
        confined.hear_only(agent.pid, os.getpid())
        peer = Peer(living.data / "ledger.sqlite", folder / "peer")
        peer.start()
        time.sleep(45)  # the first look at all processes and the hashing of their programs are over
        noise = None
        try:
            for situation in ("idle", "stock noise"):
                if situation != "idle":
                    noise = subprocess.Popen(["sh", str(HERE / "noise.sh")], start_new_session=True)
                    time.sleep(10)
                figures += _measured(situation, card, other, peer, seconds, rounds)
        finally:
            if noise is not None:
                os.killpg(noise.pid, signal.SIGKILL)
                noise.wait()
            peer.stop()
            agent.terminate()
            agent.wait(30)
        for path in sorted((folder / "agent-data").rglob("*")):
            if path.is_file():
                print(f"{path.relative_to(folder)}: {path.stat().st_size} bytes")
    return figures


def _measured(
    situation: str, card: SmallDisk, other: SmallDisk, peer: Peer, seconds: float, rounds: int
) -> list[Figure]:
    mine, theirs, ratios, each, counts = [], [], [], [], []
    for _ in range(rounds):
        before = card.written(), other.written(), peer.tokens, time.monotonic()
        time.sleep(seconds)
        after = card.written(), other.written(), peer.tokens, time.monotonic()
        took, made = after[3] - before[3], max(1, after[2] - before[2])
        mine.append((after[0] - before[0]) / took * _DAY_S / _MB)
        theirs.append((after[1] - before[1]) / took * _DAY_S / _MB)
        ratios.append(mine[-1] / theirs[-1] if theirs[-1] else 0.0)
        each.append((after[0] - before[0]) / made)
        counts.append(made / took)
    note = f"{sorted(counts)[len(counts) // 2]:.2f} tokens/s; a sync of the file system at each end is counted"
    return [
        Figure("wear", f"{situation}: agent", "MB/day", tuple(mine), note=note),
        Figure("wear", f"{situation}: SQLite FULL, an insert a token", "MB/day", tuple(theirs)),
        Figure("wear", f"{situation}: agent / SQLite", "ratio", tuple(ratios), "< 0.5"),
        Figure("wear", f"{situation}: agent, for a token", "B", tuple(each)),
    ]
