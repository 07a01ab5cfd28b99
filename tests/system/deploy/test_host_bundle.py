"""The host from its bundle, on a laptop without network, pip or anything of this clone."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots import bundles
from tests.robots.ports import free_port
from tests.system.deploy.conftest import tree
from tests.waiting import until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]
_ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent",
            "WACHHUND_PYTHON": os.path.realpath(sys.executable)}  # fmt: skip


@pytest.fixture
def laptop(host_bundle: Path, tmp_path: Path) -> Iterator[Path]:
    """The unpacked folder."""
    done = subprocess.run(
        ["sh", str(host_bundle), "--into", str(tmp_path / "host")], env=_ENVIRON, cwd=tmp_path, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    yield tmp_path / "host"


def test_it_serves_without_a_network_and_finds_the_robots_bundle(laptop: Path, tmp_path: Path) -> None:
    """On a bench there is no internet: a library that is missing would be found there."""
    alone = ["unshare", "--net", "--map-root-user"] if os.geteuid() else ["unshare", "--net"]
    port, log = free_port(), tmp_path / "serve.log"
    command = f"ip link set lo up; exec {laptop}/wachhund serve --data {tmp_path}/data --listen 127.0.0.1:{port}"
    with log.open("wb") as out:
        host = subprocess.Popen(
            [*alone, "sh", "-c", command], env=_ENVIRON, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=tmp_path
        )
    try:
        until(lambda: "wachhund: ready:" in log.read_text() or host.poll() is not None, 90, "it is ready")
        assert host.poll() is None, log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            host.send_signal(signal.SIGTERM)
        assert host.wait(30) == 0, log.read_text()
    machine = bundles.MACHINE
    done = subprocess.run(
        [_ENVIRON["WACHHUND_PYTHON"], "-s", "-P", "-c",
         "from wachhund.flash import bundles, first_boot; first_boot.entries('a name', b'', 'a token'); "
         f"print(bundles.find({machine!r}).path)"],
        env={**_ENVIRON, "PYTHONPATH": f"{laptop}/lib"}, cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert Path(done.stdout.strip()).parent == laptop / "bundles"


def test_a_second_time_changes_nothing_and_another_folder_is_not_overwritten(host_bundle: Path, laptop: Path) -> None:
    """What an operator put there must not go."""
    before = tree(laptop)
    again = subprocess.run(["sh", str(host_bundle), "--into", str(laptop)], env=_ENVIRON, timeout=300, check=False)
    assert again.returncode == 0 and tree(laptop) == before
    mine = laptop.parent / "mine"
    mine.mkdir()
    (mine / "notes").write_text("mine")
    done = subprocess.run(
        ["sh", str(host_bundle), "--into", str(mine)], env=_ENVIRON, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 17 and re.fullmatch("wachhund: .*: is there already, .*--into\n", done.stderr)
    assert list(tree(mine)) == ["notes"]
