"""One real bundle for all tests here; the libraries are fetched once, and the lock's hashes looked at each time."""

import contextlib
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.bundling.bundles import Maker
from deploy.bundling.source import ROOT
from tests.robots import bundles
from tests.robots.open_host import Open
from tests.robots.ssh_machine import Bench, bench
from tests.robots.systemd_machine import NoCgroups, SystemdMachine
from tests.unit.host.inspection import robot_tree

ROBOTS_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This clone's agent for this machine, as a robot gets it."""
    return bundles.agent_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def host_bundle(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Path:
    """This clone's host, with the agent's bundle in it, as an operator gets it."""
    folder = tmp_path_factory.mktemp("host-bundle")
    name, data = Maker(bundles.CACHE, None, bundles.MADE_OF).host({bundle.name: bundle.read_bytes()})
    (folder / name).write_bytes(data)
    return folder / name


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make wheels` makes of this clone."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = [sys.executable, "-m", "deploy.bundling", "--wheels", "--out", str(folder), "--cache", str(bundles.CACHE)]
    environ = dict(os.environ, PYTHONPATH=f"{ROOT}:{ROOT}/deploy/installer", SOURCE_DATE_EPOCH="1700000000")
    subprocess.run(argv, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, timeout=600, check=True)
    return folder / "wheels"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """A host that robots reach, for all tests of a module."""
    with Open(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """A robot with a systemd of its own and nothing of Wachhund, for all tests of a module."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(SystemdMachine(tmp_path_factory.mktemp("robot"), ROBOTS_PYTHON))
        except NoCgroups as error:
            pytest.skip(str(error))
        yield made


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A robot with the files of a Go1 that was in the internet once, and a laptop beside it, for a module's tests."""
    folder = tmp_path_factory.mktemp("go1")
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(bench(folder))
        except NoCgroups as error:
            pytest.skip(str(error))
        made.become_a_go1(robot_tree.enrolled(folder / "files"))
        yield made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folders of a robot's file system that something comes into; `/` of an image."""
    made = tmp_path / "robot"
    for name in ("opt", "etc/systemd/system", "var/lib"):
        (made / name).mkdir(parents=True)
    (made / "etc" / "vendor.conf").write_text("the vendor's\n")
    return made


@pytest.fixture
def run() -> Run:
    """The bundle's own command line: `sh FILE COMMAND`."""

    def start(bundle: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        named = {"WACHHUND_PYTHON": ROBOTS_PYTHON} if ROBOTS_PYTHON else {}
        return subprocess.run(
            ["sh", str(bundle), *words], env={**os.environ, **named, **environ}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="backslashreplace", timeout=300, check=False,
        )  # fmt: skip

    return start


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """Every path below a folder: its mode, and what it holds or leads to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            holds = str(path.readlink())
        elif stat.S_ISREG(mode):
            holds = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            holds = ""
        found[str(path.relative_to(folder))] = (mode, holds)
    return found


Exact = tuple[int, str, int, int, int]


def exact_tree(folder: Path) -> dict[str, Exact]:
    """As `tree`, with owner and group, and the time (ns) of all but folders, whose time tells of what came and went."""
    found = {}
    for name, (mode, holds) in tree(folder).items():
        said = (folder / name).lstat()
        time = 0 if stat.S_ISDIR(mode) else said.st_mtime_ns
        found[name] = (mode, holds, said.st_uid, said.st_gid, time)
    return found
