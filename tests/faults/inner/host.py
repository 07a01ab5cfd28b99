"""The host: its own ledger file, keys, roster and intake, and what may happen to it."""

import argparse
import contextlib
import io
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event

from wachhund.backup import run_backup, run_restore
from wachhund.fleet.data_folder import DataFolder, write_secret_file
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import new_robot
from wachhund.fleet.roster import Roster
from wachhund.intake.taking import Intake
from wachhund.intake.waiting import Message
from wachhund.ledger import Ledger, Robot
from wachhund_evidence import make_nonce, private_key_pem


class KilledNow(BaseException):
    """The process ends here, in the middle of whatever it did."""


class Host:
    """`folder`: all that it owns lies below. `wall`: its clock."""

    def __init__(self, folder: Path, wall: Callable[[], float], chance: random.Random) -> None:
        self._folder, self._wall = folder, wall
        self._lives = 0
        self.wall_error = 0.0
        self.data = DataFolder(folder / "data-0").make()
        write_secret_file(
            self.data.host_key, private_key_pem(Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)))
        )
        write_secret_file(self.data.nonce_secret, chance.randbytes(32))
        self.keys = HostKeys.load_or_create(self.data)
        self.backups: list[Path] = []
        self.runs = False
        self.row: Robot | None = None
        self.issued: set[bytes] = set()  # receipts
        self.start()

    @property
    def now(self) -> float:
        return self._wall() + self.wall_error

    def add(self, key_pem: bytes) -> Robot:
        """Register the robot."""
        self.row, _ = new_robot("rex", key_pem, self.keys, self.now)
        self.ledger.add_robot(self.row)
        self.roster.refresh()
        return self.row

    def nonce(self, ueid: str) -> str:
        return make_nonce(self.keys.nonce_secret, ueid, int(self.now * 1_000_000))

    def start(self) -> None:
        self.keys = HostKeys.load_or_create(self.data)
        self.ledger = Ledger.open(self.data.ledger)
        self.roster = Roster(self.ledger)
        self.intake = Intake(self.ledger, self.roster, self.keys)
        self.runs = True

    def stop(self) -> None:
        """A clean stop."""
        self.runs = False
        self.ledger.close()

    def _take(self, messages: list[bytes]) -> None:
        """One batch of the robot's messages, as they arrived now."""
        assert self.row is not None
        arrived = [Message(self.row.id, message, self.now) for message in messages]
        self.intake.commit([token for one in arrived if (token := self.intake.verified(one)) is not None])

    def turn(self, messages: list[bytes], mono: float) -> list[bytes]:
        """Take what came. Returns the receipts that leave."""
        if not self.runs or self.row is None:
            return []
        if messages:
            self._take(messages)
        receipts = [receipt for _, receipt in self.intake.due_receipts(mono, self.now)]
        self.issued.update(receipts)
        return receipts

    def kill(self) -> None:
        """As SIGKILL: what lies in the files goes on, in whatever state."""
        before = self.data
        self._lives += 1
        self.data = DataFolder(self._folder / f"data-{self._lives}")
        shutil.copytree(before.path, self.data.path, ignore=shutil.ignore_patterns("*-shm"))
        self.data.path.chmod(0o700)
        self.stop()
        shutil.rmtree(before.path)

    def kill_in_a_commit(self, chance: random.Random, messages: list[bytes]) -> None:
        """Killed between two statements of a transaction, or before or after its end."""
        assert self.row is not None
        left = [chance.randrange(12)]

        def maybe(*_: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KilledNow

        with self._at_each_statement(maybe), contextlib.suppress(KilledNow):
            self._take(messages)
        self.kill()

    def back_up(self) -> None:
        """As `wachhund backup`."""
        folder = self._folder / f"backup-{len(self.backups)}"
        with contextlib.redirect_stdout(io.StringIO()):
            run_backup(argparse.Namespace(data=self.data.path, folder=folder))
        self.backups.append(folder)

    def restore(self, backup: Path) -> None:
        """As `wachhund restore` into an empty folder: what came since the backup is gone."""
        self.stop()
        shutil.rmtree(self.data.path)
        self._lives += 1
        self.data = DataFolder(self._folder / f"data-{self._lives}")
        with contextlib.redirect_stdout(io.StringIO()):
            run_restore(argparse.Namespace(data=self.data.path, folder=backup))

    @contextlib.contextmanager
    def disk_fault(self, what: str) -> Any:
        """Transactions find a full disk ("full") or a read-only one ("read-only")."""
        pragma = {"full": "PRAGMA max_page_count=1", "read-only": "PRAGMA query_only=ON"}[what]
        undo = {"full": "PRAGMA max_page_count=1073741823", "read-only": "PRAGMA query_only=OFF"}[what]
        engine = self.ledger._database._engine
        touched: list[Any] = []

        def spoil(connection: Any) -> None:
            connection.connection.cursor().execute(pragma)
            touched.append(connection.connection.dbapi_connection)

        event.listen(engine, "begin", spoil, insert=True)
        try:
            yield
        finally:
            event.remove(engine, "begin", spoil)
            for connection in touched:
                connection.execute(undo)

    @contextlib.contextmanager
    def _at_each_statement(self, act: Callable[..., None]) -> Any:
        engine = self.ledger._database._engine
        event.listen(engine, "before_cursor_execute", act)
        event.listen(engine, "commit", act)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", act)
            event.remove(engine, "commit", act)
