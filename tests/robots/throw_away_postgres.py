"""A PostgreSQL server of Debian's package for one run of tests: made in a folder of its own, reached by a socket in it,
and gone with it. It syncs nothing to disk: what it holds is worth nothing.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy import URL

from wachhund.ledger.opening import database_at

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
ROLE = "wachhund"
LOCKED_ROLE, ITS_PASSWORD = "locked", "a-password-of-tests"
_MAX_KEPT = 200  # databases of 8 MB: older ones are of tests that have ended
_SETTINGS = {
    "listen_addresses": "", "fsync": "off", "full_page_writes": "off", "autovacuum": "off", "max_connections": "200",
    "shared_buffers": "32MB", "max_wal_size": "256MB",
}  # fmt: skip


class ThrowAwayPostgres:
    """One server; `database` makes an empty ledger in it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wachhund-pg-"))  # short: a socket's path has 107 bytes at most
        atexit.register(self.end)
        self.user = "postgres" if os.geteuid() == 0 else None  # as root it does not run
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        said = ["--auth=trust", f"--username={ROLE}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self.run("initdb", f"--pgdata={self.folder / 'data'}", *said)
        rules = self.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {LOCKED_ROLE} scram-sha-256\n{rules.read_text()}")
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
        self.sql(f"CREATE DATABASE {name} TEMPLATE {like}")
        self._made.append(name)
        if len(self._made) > _MAX_KEPT:
            self.sql(f"DROP DATABASE {self._made.pop(0)} WITH (FORCE)")
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

    def start(self) -> None:
        """Begin to serve; returns when it does."""
        given = " ".join(f"-c {name}='{value}'" for name, value in _SETTINGS.items())
        given += f" -c unix_socket_directories='{self.folder}'"
        data, log = self.folder / "data", self.folder / "log"
        self.run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={log}", "-o", given)

    def stop(self) -> None:
        """Drop every connection and stop."""
        self.run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self.folder / 'data'}")

    def end(self) -> None:
        """Stop it, and let nothing of it stay."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, as who may run a server."""
        groups: list[str] | None = [] if self.user else None
        done = subprocess.run(
            [PROGRAMS / program, *arguments], user=self.user, group=self.user, extra_groups=groups, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{program}: {done.stdout.decode(errors='replace')[-2_000:]}")


class Standby:
    """A streaming standby of a throw-away server, in a folder of its own."""

    def __init__(self, primary: ThrowAwayPostgres) -> None:
        self._primary = primary
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
        given = " ".join(f"-c {name}='{value}'" for name, value in _SETTINGS.items())
        given += f" -c unix_socket_directories='{self.folder}' -c hot_standby=on"
        self._primary.run(
            "pg_ctl", "start", "--wait", f"--pgdata={self._data}", f"--log={self.folder / 'log'}", "-o", given
        )

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
        self._primary.run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self._data}")

    def end(self) -> None:
        """Stop it, and let nothing of it stay."""
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
