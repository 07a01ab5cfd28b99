"""A PostgreSQL server of Debian's package for one run of tests: made in a folder of its own, reached by a socket in it,
and gone with it, however the run ends. It syncs nothing to disk: what it holds is worth nothing. A `durable` one is as
Debian sets it up, to measure on.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from sqlalchemy import URL

from tests.waiting import until
from wachhund.ledger.opening import database_at

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
ROLE = "wachhund"
LOCKED_ROLE, ITS_PASSWORD = "locked", "a-password-of-tests"
_PREFIX = "wachhund-pg-"
_NEW_S = 60.0  # a folder this young may not have been locked yet by who made it
_READY_S = 30.0
_MAX_KEPT = 60  # databases of 10 MB: older ones are of tests that have ended
_SETTINGS = {
    "listen_addresses": "", "fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": "200",
    "shared_buffers": "32MB", "max_wal_size": "256MB",
}  # fmt: skip
_OF_A_DURABLE: dict[str, str] = {}


class ThrowAwayPostgres:
    """One server; `database` makes an empty ledger in it.


    The kernel ends the server when the *thread* that started it ends, as it does when a run is killed.
    """

    def __init__(
        self, within: Path | None = None, durable: bool = False, fsync: bool = True, listens_at: str = ""
    ) -> None:
        """`within`: a folder on the disk that it is to use; None: the one for what is thrown away. `fsync`: of a
        durable one, whether what it commits is on the disk. `listens_at`: an address from whose network (/24) everybody
        is let in, beside its socket."""
        sweep(Path(tempfile.gettempdir()))
        kind = {**_OF_A_DURABLE, **({} if fsync else {"fsync": "off"})} if durable else _SETTINGS
        self._settings = {**kind, "listen_addresses": listens_at}
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))  # short: a socket's path has 107 bytes at most
        self._locked = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self._locked, fcntl.LOCK_EX)  # as long as we live: see sweep
        atexit.register(self.end)
        self.user = "postgres" if os.geteuid() == 0 else None  # as root it does not run
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        self._server: subprocess.Popen[bytes] | None = None
        said = ["--auth=trust", f"--username={ROLE}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self.run("initdb", f"--pgdata={self.folder / 'data'}", *said)
        rules = self.folder / "data" / "pg_hba.conf"
        near = f"host all {ROLE} {listens_at}/24 trust\n" if listens_at else ""
        rules.write_text(f"local all {LOCKED_ROLE} scram-sha-256\n{near}{rules.read_text()}")
        self._made: list[str] = []
        self.start()
        self.sql(f"CREATE ROLE {LOCKED_ROLE} LOGIN PASSWORD '{ITS_PASSWORD}'")
        self._number = 0
        self.sql("CREATE DATABASE floor")
        database_at(self.address("floor")).close()

    def address(self, database: str) -> URL:
        """Of a database in it."""
        query = {"host": str(self.folder)}
        return URL.create("postgresql+psycopg", username=ROLE, database=database, query=query)

    def database(self, like: str = "floor") -> URL:
        """The address of a new database that holds an empty ledger, or the same as another that nobody has open."""
        self._number += 1
        name = f"ledger_{self._number}"
        # Files are copied: the other way each page goes through the log as well, which takes twice as long.
        self.sql(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        self._made.append(name)
        if len(self._made) > _MAX_KEPT:
            self.sql(f"DROP DATABASE IF EXISTS {self._made.pop(0)} WITH (FORCE)")
        return self.address(name)

    def empty_database(self, options: str = "") -> URL:
        """The address of a new database that holds nothing."""
        self._number += 1
        name = f"empty_{self._number}"
        self.sql(f"CREATE DATABASE {name} {options}")
        return self.address(name)

    def standby(self) -> "Standby":
        """A standby that streams from this one, begun from a copy of it."""
        return Standby(self)

    def sql(self, statement: str) -> None:
        """Have a statement run by who owns the server."""
        with psycopg.connect(host=str(self.folder), user=ROLE, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def pid(self) -> int:
        """Of the process above all others of the server. Raises AssertionError while it does not run."""
        assert self._server is not None, "PostgreSQL does not run"
        return self._server.pid

    def start(self) -> None:
        """Begin to serve; returns when it does."""
        self._server = begin(self.folder, self._settings, self.user)

    def stop(self) -> None:
        """Drop every connection and stop."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """SIGKILL, as when its machine runs out of memory. Returns when it has ended."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.send_signal(number)
            server.wait(_READY_S)

    def end(self) -> None:
        """Stop it, and let nothing of it stay."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._locked)

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, as who may run a server."""
        groups: list[str] | None = [] if self.user else None
        done = subprocess.run(
            [PROGRAMS / program, *arguments], user=self.user, group=self.user, extra_groups=groups, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{program}: {done.stdout.decode(errors='replace')[-2_000:]}")


def begin(folder: Path, settings: Mapping[str, str], user: str | None) -> "subprocess.Popen[bytes]":
    """Start the server whose data lies in `folder`; returns when it serves."""
    given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    given += ["-c", f"unix_socket_directories={folder}", "-D", str(folder / "data")]
    # SIGQUIT: it ends at once, and takes its processes and shared memory with it.
    ends_with_us = ["/usr/bin/setpriv", "--pdeathsig", "QUIT"]
    if user:
        ends_with_us += ["--reuid", user, "--regid", user, "--clear-groups"]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(
            [*ends_with_us, str(PROGRAMS / "postgres"), *given], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def serves() -> bool:
        if server.poll() is not None:
            said = (folder / "log").read_text(errors="replace")[-2_000:]
            raise AssertionError(f"postgres ended with {server.returncode}: {said}")
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user=ROLE, dbname="postgres").close()
            return True
        return False

    until(serves, _READY_S, "PostgreSQL serves")
    return server


def sweep(folder: Path, new_s: float = _NEW_S) -> None:
    """Take away what runs left that were killed: nobody holds its lock. What is younger than `new_s` stays."""
    for left in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or somebody else is taking it away
            if time.time() - left.stat().st_ctime < new_s:
                continue
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(handle)


class Standby:
    """A streaming standby of a throw-away server, in a folder of its own."""

    def __init__(self, primary: ThrowAwayPostgres) -> None:
        self._primary = primary
        self._server: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="wachhund-sb-"))
        atexit.register(self.end)
        if primary.user:
            shutil.chown(self.folder, primary.user, primary.user)
        self._data = self.folder / "data"
        where = f"host={primary.folder} user={ROLE}"
        told = [f"--pgdata={self._data}", f"--dbname={where}", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        primary.run("pg_basebackup", *told, "--write-recovery-conf")
        self.start()

    def address(self, of: URL) -> URL:
        """Of the same database, here."""
        return of.set(query={"host": str(self.folder)})

    def start(self) -> None:
        """Begin to follow, and to be read from; returns when it is."""
        self._server = begin(self.folder, {**_SETTINGS, "hot_standby": "on"}, self._primary.user)

    def reads(self) -> int:
        """How many transactions were read here."""
        with psycopg.connect(host=str(self.folder), user=ROLE, dbname="postgres", autocommit=True) as connection:
            row = connection.execute("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database").fetchone()
        return int(row[0]) if row else 0

    def pause(self) -> None:
        """Let it take what the primary sends, and replay nothing of it."""
        self._say("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Let it catch up."""
        self._say("SELECT pg_wal_replay_resume()")

    def _say(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user=ROLE, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """Drop every connection and stop."""
        server, self._server = self._server, None
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait(_READY_S)

    def end(self) -> None:
        """Stop it, and let nothing of it stay."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
