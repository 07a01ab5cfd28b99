"""A PostgreSQL server of Debian's package for one run of tests: made in a folder of its own, reached by a socket in it,
and gone with it. It syncs nothing to disk: what it holds is worth nothing. A `durable` one is as Debian sets it up, to
measure on.
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
_OF_A_DURABLE = {"listen_addresses": ""}


class ThrowAwayPostgres:
    """One server; `database` makes an empty ledger in it."""

    def __init__(self, within: Path | None = None, durable: bool = False, fsync: bool = True) -> None:
        """`within`: a folder on the disk that it is to use; None: the one for what is thrown away. `fsync`: of a
        durable one, whether what it commits is on the disk."""
        self._settings = {**_OF_A_DURABLE, **({} if fsync else {"fsync": "off"})} if durable else _SETTINGS
        # short: a socket's path has 107 bytes at most
        self.folder = Path(tempfile.mkdtemp(prefix="wachhund-pg-", dir=within))
        atexit.register(self.end)
        self._user = "postgres" if os.geteuid() == 0 else None  # as root it does not run
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        said = ["--auth=trust", f"--username={ROLE}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", f"--pgdata={self.folder / 'data'}", *said)
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

    def sql(self, statement: str) -> None:
        """Have a statement run by who owns the server."""
        with psycopg.connect(host=str(self.folder), user=ROLE, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Begin to serve; returns when it does."""
        given = " ".join(f"-c {name}='{value}'" for name, value in self._settings.items())
        given += f" -c unix_socket_directories='{self.folder}'"
        data, log = self.folder / "data", self.folder / "log"
        self._run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={log}", "-o", given)

    def stop(self) -> None:
        """Drop every connection and stop."""
        self._run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self.folder / 'data'}")

    def end(self) -> None:
        """Stop it, and let nothing of it stay."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        groups: list[str] | None = [] if self._user else None
        done = subprocess.run(
            [PROGRAMS / program, *arguments], user=self._user, group=self._user, extra_groups=groups, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{program}: {done.stdout.decode(errors='replace')[-2_000:]}")
