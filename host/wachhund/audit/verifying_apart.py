"""Checking a large ledger in several processes: each takes its share of the robots, for it is signatures and JSON."""

import multiprocessing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from sqlalchemy import make_url, select

from wachhund.audit.proven import Proven
from wachhund.audit.verifying import verify_ledger
from wachhund.ledger.database import LedgerError
from wachhund.ledger.opening import reading_only_at
from wachhund.ledger.schema import robots


class Verifying:
    """A ledger that nobody writes being checked; end it with `result` or `stop`.

    `place`: its file, or a server's address as text, by which other processes open it.
    """

    def __init__(self, place: Path | str, processes: int) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._working = []
        for first in range(processes):
            ours, theirs = spawning.Pipe(duplex=False)
            process = spawning.Process(target=_check, args=(theirs, place, first, processes), daemon=True)
            process.start()
            theirs.close()
            self._working.append((process, ours))

    def result(self) -> list[Proven]:
        """What was found of each robot, in the order of their ids. Raises LedgerError."""
        found: list[Proven] = []
        try:
            for _, ours in self._working:
                said: list[Proven] | str = ours.recv()
                if isinstance(said, str):
                    raise LedgerError(said)
                found += said
        except EOFError:
            raise LedgerError(
                "ledger: a process that checked it ended without a word: is there memory enough?"
            ) from None
        finally:
            self.stop()
        return sorted(found, key=lambda one: one.robot)

    def stop(self) -> None:
        """End it, wherever it is."""
        for process, ours in self._working:
            process.terminate()
            process.join()
            ours.close()


def _check(told: Pipe, place: Path | str, first: int, processes: int) -> None:
    try:
        with reading_only_at(place if isinstance(place, Path) else make_url(place), is_checked=True) as connection:
            mine = connection.execute(select(robots.c.id).order_by(robots.c.id)).scalars().all()[first::processes]
            told.send(verify_ledger(connection, {}, mine))
    except LedgerError as error:
        told.send(str(error))
