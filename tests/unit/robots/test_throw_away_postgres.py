"""The tests' PostgreSQL is gone with the run that made it, also when that is killed."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.robots.throw_away_postgres import PROGRAMS, sweep
from tests.waiting import until

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")

RUN = """
import sys
from tests.robots.throw_away_postgres import ThrowAwayPostgres
made = ThrowAwayPostgres()
print(made.folder, (made.folder / "data" / "postmaster.pid").read_text().split()[0], flush=True)
sys.stdin.read()
"""


def begun(folder: Path) -> "tuple[subprocess.Popen[str], Path, int]":
    """A run, the folder of its server, and that server's process."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], env={"TMPDIR": str(folder), "PYTHONPATH": ".:host:agent"}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert run.stdout is not None
    where, _, pid = run.stdout.readline().strip().partition(" ")
    return run, Path(where), int(pid)


def runs(pid: int) -> bool:
    """Whether the process is there, and no zombie that nobody has asked after yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Short:
    """A folder that every user may enter, with a path short enough for a socket below it."""

    def __enter__(self) -> Path:
        self._made = tempfile.TemporaryDirectory(prefix="pg")
        Path(self._made.name).chmod(0o755)
        return Path(self._made.name)

    def __exit__(self, *_: object) -> None:
        self._made.cleanup()


def test_it_ends_with_a_run_that_is_killed_and_the_next_takes_its_folder_away() -> None:
    """Servers of runs long dead took memory and disk until somebody looked."""
    with Short() as folder:
        killed, left, server = begun(folder)
        living, kept, other = begun(folder)
        try:
            killed.kill()
            killed.communicate()
            until(lambda: not runs(server), 20, "the server of the killed run is gone")
            assert left.exists(), "nobody was there to take it away"
            sweep(folder)
            assert left.exists(), "it may be of a run that begins"
            sweep(folder, new_s=-1.0)
            assert not left.exists() and kept.exists() and runs(other)
        finally:
            living.communicate("")
        assert living.returncode == 0 and not kept.exists() and not runs(other)
