"""The host as a container: built by deploy/container/build.sh, started by buildah, and a real agent enrols at it.

Needs Debian's mirror while it builds, and several minutes: with `make exhaustive`.
"""

import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bundling.source import ROOT
from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.ports import free_port
from tests.waiting import until

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1800), pytest.mark.needs_root("images of containers")]
_TOOLS = ("mmdebstrap", "buildah")


@pytest.fixture(scope="module")
def image(host_bundle: Path) -> Iterator[str]:
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    name = f"wachhund-test-{os.getpid()}"
    done = subprocess.run(
        ["sh", ROOT / "deploy/container/build.sh", host_bundle, name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name}: ")
    yield name
    subprocess.run(["buildah", "rmi", "--force", name], check=True, capture_output=True)


@pytest.fixture
def container(image: str) -> Iterator[str]:
    name = subprocess.run(["buildah", "from", image], check=True, capture_output=True, text=True).stdout.strip()
    yield name
    subprocess.run(["buildah", "rm", name], check=True, capture_output=True)


def run(container: str, data: Path, *words: str) -> list[str]:
    return ["buildah", "run", "--isolation", "chroot", "--volume", f"{data}:/data", container, "--", *words]


def the_host(web: int) -> int:
    """Its process, not those of buildah that lead to it, whose command lines hold the same words."""
    found = subprocess.run(["pgrep", "-f", f"serve --data /data.*{web}"], capture_output=True, text=True, check=True)
    (pid,) = (int(pid) for pid in found.stdout.split() if Path(f"/proc/{pid}/comm").read_text().startswith("python"))
    return pid


def observations(web: int) -> float:
    """How many the host has, as it tells Prometheus."""
    with urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    return sum(float(line.split()[-1]) for line in told.splitlines() if line.startswith("wachhund_observations_total"))


def test_a_host_in_a_container_takes_an_agents_evidence_and_keeps_it(container: str, tmp_path: Path) -> None:
    """As nobody's root; its data lie in the volume and outlive the container's end."""
    data, web, broker, enrol = tmp_path / "data", free_port(), free_port(), free_port()
    data.mkdir(mode=0o700)
    os.chown(data, 8443, 8443)
    log = tmp_path / "host.log"
    with log.open("wb") as out:
        host = subprocess.Popen(
            run(container, data, "wachhund", "serve", "--data", "/data", "--name", "127.0.0.1",
                "--listen", f"127.0.0.1:{web}", "--broker-listen", f"127.0.0.1:{broker}",
                "--enrol-listen", f"127.0.0.1:{enrol}", "--metrics-open"),
            stdout=out, stderr=out,
        )  # fmt: skip
    until(lambda: "wachhund: ready:" in log.read_text() or host.poll() is not None, 120, "the host is ready")
    assert host.poll() is None, log.read_text()
    serving = the_host(web)
    assert Path(f"/proc/{serving}").stat().st_uid == 8443
    with urllib.request.urlopen(f"http://127.0.0.1:{web}/healthz", timeout=10) as answer:
        assert answer.status == 200
    invited = subprocess.run(
        run(container, data, "wachhund", "robots", "invite", "rex", "--data", "/data"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    robot = tmp_path / "robot"
    robot.mkdir()
    agent = [AGENT_PYTHON, "-m", "wachhund_agent"]
    subprocess.run([*agent, "enrol", "-"], cwd=robot, input=invited.stdout, text=True, check=True, capture_output=True)
    with subprocess.Popen([*agent, "run", "--config", "agent.json"], cwd=robot, stderr=subprocess.DEVNULL) as running:
        try:
            until(lambda: observations(web) > 0, 60, "its evidence is taken")
        finally:
            running.terminate()
    listed = run(container, data, "wachhund", "robots", "list", "--data", "/data")
    assert "rex" in subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    verified = run(container, data, "wachhund", "verify", "/data")
    done = subprocess.run(verified, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "rex" in done.stdout, done.stdout + done.stderr
    os.kill(serving, signal.SIGTERM)
    assert host.wait(60) == 0, log.read_text()
