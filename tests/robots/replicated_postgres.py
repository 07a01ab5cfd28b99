"""A PostgreSQL primary and its streaming standbys, set up by the files of deploy/cluster/postgresql with places of a test's
own in them. All are on this machine; each has a port, and what it holds is worth nothing.
"""

import getpass
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from tests.robots.ports import free_port
from tests.robots.throw_away_postgres import PROGRAMS

FILES = Path(__file__).resolve().parents[2] / "deploy" / "cluster" / "postgresql"
PASSWORD = "a-password-of-tests"
SUPERUSER = "postgres"


def as_it_lies_there(name: str, places: Mapping[str, str]) -> str:
    """One of the files, with other places; each of them must be in it."""
    text = (FILES / name).read_text(encoding="utf-8")
    for theirs, ours in places.items():
        assert theirs in text, f"{name}: {theirs} is not in it"
        text = text.replace(theirs, ours)
    return text


class Replicated:
    """`db1` is the primary at first. `folder` must be short, and one that PostgreSQL's user may enter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = "postgres" if os.geteuid() == 0 else getpass.getuser()  # as root it does not run
        self.ports = {name: free_port() for name in ("db1", "db2", "db3")}
        self._make_certificate()
        self._write_passwords(folder / "replica.pgpass", "wachhund_replica")
        self._make_primary()
        for name in ("db2", "db3"):
            self._make_standby(name)

    @property
    def authority(self) -> Path:
        """Whose word servers are checked by."""
        return self.folder / "ca.pem"

    def start(self, name: str) -> None:
        """Returns when it serves."""
        data, log = self.folder / name, self.folder / f"{name}.log"
        self._run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={log}")

    def stop(self, name: str, mode: str = "immediate") -> None:
        """As a power cut does, unless told otherwise."""
        self._run("pg_ctl", "stop", f"--mode={mode}", f"--pgdata={self.folder / name}")

    def promote(self, name: str) -> None:
        """Make a standby the primary."""
        self._run("pg_ctl", "promote", "--wait", f"--pgdata={self.folder / name}")

    def follow(self, name: str, primary: str) -> None:
        """Let a stopped standby follow another primary from now on, which keeps its log for it."""
        self.ask(primary, f"SELECT pg_create_physical_replication_slot('{name}')")
        self._set_up(name, primary)

    def ask(self, name: str, statement: str) -> list[tuple[object, ...]]:
        """What the server's own superuser is told, by its socket."""
        port = self.ports[name]
        with psycopg.connect(host=str(self.folder / f"{name}-run"), port=port, user=SUPERUSER, dbname="postgres",
                             autocommit=True) as connection:  # fmt: skip
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def end(self) -> None:
        """Stop all of them."""
        for name in self.ports:
            if (self.folder / name / "postmaster.pid").exists():
                self.stop(name)

    def write_passwords(self, path: Path) -> None:
        """What the service's user has in ~/.pgpass."""
        path.write_text("".join(f"127.0.0.1:{port}:wachhund:wachhund:{PASSWORD}\n" for port in self.ports.values()))
        path.chmod(0o600)

    def _make_certificate(self) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
             "-subj", "/CN=db", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(self.folder / "server.key"),
             "-out", str(self.authority)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        self._own(self.folder / "server.key")

    def _make_primary(self) -> None:
        self._run("initdb", f"--pgdata={self.folder / 'db1'}", "--data-checksums", f"--username={SUPERUSER}",
                  "--encoding=UTF8", "--no-locale", "--auth=trust", "--no-sync")  # fmt: skip
        self._set_up("db1", "db1")
        # Nobody is waited for until there is somebody.
        settings = self.folder / "db1" / "postgresql.auto.conf"
        settings.write_text("synchronous_standby_names = ''\n")
        self._own(settings)
        self.start("db1")
        for role, more in (("wachhund", ""), ("wachhund_replica", "REPLICATION")):
            self.ask("db1", f"CREATE ROLE {role} LOGIN {more} PASSWORD '{PASSWORD}'")
        self.ask("db1", "CREATE DATABASE wachhund OWNER wachhund ENCODING 'UTF8' TEMPLATE template0")

    def _make_standby(self, name: str) -> None:
        self.ask("db1", f"SELECT pg_create_physical_replication_slot('{name}')")
        self._run("pg_basebackup", f"--pgdata={self.folder / name}", "--checkpoint=fast", f"--slot={name}",
                  f"--dbname=host=127.0.0.1 port={self.ports['db1']} user=wachhund_replica sslmode=verify-full "
                  f"sslrootcert={self.authority} passfile={self.folder / 'replica.pgpass'}", "--no-sync")  # fmt: skip
        (self.folder / name / "standby.signal").touch()
        self._own(self.folder / name / "standby.signal")
        (self.folder / name / "postgresql.auto.conf").write_text("")
        self._set_up(name, "db1")
        self.start(name)

    def _set_up(self, name: str, primary: str) -> None:
        data, run = self.folder / name, self.folder / f"{name}-run"
        run.mkdir(exist_ok=True)
        shared = as_it_lies_there("wachhund.conf", {
            "listen_addresses = '*'": "listen_addresses = '127.0.0.1'",
            "/etc/postgresql/tls/server.pem": str(self.authority),
            "/etc/postgresql/tls/server.key": str(self.folder / "server.key"),
            "shared_buffers = 4GB": "shared_buffers = 32MB",
        })  # fmt: skip
        own = as_it_lies_there("machine.conf", {
            "'db2'": f"'{name}'",
            "host=db1.example.org": f"host=127.0.0.1 port={self.ports[primary]} "
            f"passfile={self.folder / 'replica.pgpass'}",
            "/etc/postgresql/tls/ca.pem": str(self.authority),
        })  # fmt: skip
        (data / "conf.d").mkdir(exist_ok=True)
        (data / "conf.d" / "wachhund.conf").write_text(shared)
        (data / "conf.d" / "machine.conf").write_text(own)
        (data / "postgresql.conf").write_text(
            f"port = {self.ports[name]}\nunix_socket_directories = '{run}'\ninclude_dir = 'conf.d'\n"
        )
        # The machine's own superuser comes by its socket, as there; here it may be anybody who runs the tests.
        rules = as_it_lies_there("pg_hba.conf", {
            "local      all          postgres                         peer": f"local all {SUPERUSER} trust",
            "10.20.0.0/24": "127.0.0.1/32",
        })  # fmt: skip
        (data / "pg_hba.conf").write_text(rules)
        for path in (
            run,
            data / "conf.d",
            *(data / "conf.d").iterdir(),
            data / "postgresql.conf",
            data / "pg_hba.conf",
        ):
            self._own(path)

    def _write_passwords(self, path: Path, role: str) -> None:
        path.write_text("".join(f"127.0.0.1:{port}:*:{role}:{PASSWORD}\n" for port in self.ports.values()))
        path.chmod(0o600)
        self._own(path)

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, self.user, self.user)

    def _run(self, program: str, *arguments: str) -> None:
        as_root = os.geteuid() == 0
        groups: list[str] | None = [] if as_root else None
        done = subprocess.run(
            [PROGRAMS / program, *arguments], user=self.user if as_root else None, group=self.user if as_root else None,
            extra_groups=groups, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, timeout=120, env={**os.environ, "HOME": str(self.folder)},
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"{program}: {done.stdout.decode(errors='replace')[-2_000:]}")
