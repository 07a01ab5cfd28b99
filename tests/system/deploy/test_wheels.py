"""The host from its wheels, in an environment of its own, without network or anything of this clone."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from tests.recipes import recipe
from tests.robots.ports import free_port
from tests.waiting import until

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


def test_it_is_installed_from_files_only_and_serves(wheels: Path, tmp_path: Path) -> None:
    """On a server without internet a library that is missing would be found out there."""
    (tmp_path / "bin").mkdir()
    home, link = tmp_path / "wachhund-host", tmp_path / "bin" / "wachhund"
    environ = {"PATH": f"{tmp_path}/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(tmp_path),
               "PIP_CONFIG_FILE": "/dev/null"}  # fmt: skip
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    steps = recipe("install", {"sudo ": "", "/opt/wachhund-host": shlex.quote(str(home)),
                               "/usr/local/bin/wachhund": shlex.quote(str(link))})  # fmt: skip
    done = subprocess.run(
        [*alone, "sh", "-euc", steps], cwd=wheels, env=environ, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^wachhund \d+\.\d+\.\d+$", done.stdout, re.MULTILINE), done.stdout
    log, command = tmp_path / "serve.log", f"ip link set lo up; exec wachhund serve --listen 127.0.0.1:{free_port()}"
    with log.open("wb") as out:
        host = subprocess.Popen(
            [*alone, "sh", "-c", command], env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=tmp_path
        )
    try:
        until(lambda: "wachhund: ready:" in log.read_text() or host.poll() is not None, 90, "it is ready")
        assert host.poll() is None, log.read_text()
    finally:
        if host.poll() is None:
            host.send_signal(signal.SIGTERM)
        assert host.wait(30) == 0, log.read_text()
    assert (tmp_path / ".local" / "share" / "wachhund" / "ledger.sqlite").exists()
