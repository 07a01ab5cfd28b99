"""`wachhund serve` as a person starts and stops it: one process, real broker and ports, plain words when it cannot."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.robots.ports import free_port
from tests.robots.served_host import Host
from tests.robots.throw_away_postgres import PROGRAMS, ThrowAwayPostgres
from wachhund.ledger.place import shown


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "data", free_port(), free_port())
    yield host.wait_ready()
    if host.process.poll() is None:
        host.process.kill()
    host.process.communicate()


def test_the_first_start_prints_a_password_a_link_and_that_it_is_ready(host: Host) -> None:
    """All that a person needs, once, and on standard output."""
    first, link, ready = host.printed
    assert first.startswith('wachhund: first start: operator "admin", password ')
    assert link.startswith("wachhund: log in, once,")
    assert ready == f"wachhund: ready: http://127.0.0.1:{host.web}/ (broker mqtt://127.0.0.1:{host.broker})"
    with host.login() as client:
        assert client.get("/api/v1/fleet").json()["total"] == 0


def test_it_tells_its_service_manager_that_it_is_ready_that_it_turns_and_that_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that hangs is started anew; one that does not must not be."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        host = Host(tmp_path / "data", free_port(), free_port()).wait_ready()
        try:
            told = [manager.recv(200).decode() for _ in range(3)]
        finally:
            host.process.terminate()
            host.process.communicate(timeout=20)
        status = f"STATUS=ready: http://127.0.0.1:{host.web}/"
        assert told == [f"READY=1\n{status}", *[f"WATCHDOG=1\n{status}"] * 2]
        while manager.recv(200) != b"STOPPING=1":
            pass


@pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")
def test_a_host_whose_ledger_is_on_a_server_goes_on_after_the_server_was_away(tmp_path: Path) -> None:
    """Told once by --ledger; commands find it there too, and say in a line that they can't while it is away."""
    server = ThrowAwayPostgres()
    address = shown(server.empty_database())
    host = Host(tmp_path / "data", free_port(), free_port(), "--ledger", address)

    def command() -> tuple[int, str]:
        asked = [sys.executable, "-m", "wachhund", "people", "list", "--data", str(tmp_path / "data")]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        return told.returncode, told.stdout + told.stderr

    try:
        host.wait_ready()
        assert not (tmp_path / "data" / "ledger.sqlite").exists()
        assert command()[0] == 0 and "admin" in command()[1]
        with host.login() as client:
            assert client.get("/api/v1/fleet").json()["total"] == 0
            server.stop()
            status, said = command()
            assert status == 1 and "cannot be reached: start PostgreSQL there" in said and said.count("\n") == 1
            server.start()
            answers = (client.get("/api/v1/me").status_code for _ in range(20))
            assert 200 in answers
        status, said = host.stop()
        assert status == 0 and "Traceback" not in said
    finally:
        if host.process.poll() is None:
            host.process.kill()
        host.process.communicate()
        server.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_at_once_although_pages_are_open(host: Host, number: int) -> None:
    """Exit status 0, the broker gone with it, open event streams ended, nothing on standard error."""
    children = host.children()
    assert children
    with host.login() as client, client.stream("GET", "/live/fleet?q=&page=1") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event: "))
        status, said = host.stop(number)
        assert not [line for line in lines if line.startswith("event: end")]
    assert (status, said) == (0, "")
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    for port in (host.web, host.broker):
        socket.create_server(("127.0.0.1", port)).close()


def test_a_second_start_keeps_the_password_and_prints_none(host: Host, tmp_path: Path) -> None:
    """What is shown once is shown once; a new link must be asked for."""
    password = host.printed[0].split("password ")[1].split()[0]
    host.stop()
    again = Host(tmp_path / "data", host.web, host.broker).wait_ready()
    try:
        assert len(again.printed) == 1 and password not in again.printed[0]
        with httpx.Client(base_url=f"http://127.0.0.1:{host.web}", timeout=20) as client:
            answer = client.post("/login", data={"name": "admin", "password": password})
            assert answer.status_code == 303
    finally:
        again.stop()
    third = Host(tmp_path / "data", host.web, host.broker, "--login-link").wait_ready()
    try:
        with third.login() as client:
            assert client.get("/api/v1/me").json()["operator"] == "admin"
    finally:
        third.stop()


def refused(data: Path, *arguments: str) -> str:
    """The one line of a start that cannot be; its exit status is 2 for what a person can mend."""
    ended = subprocess.run(
        [sys.executable, "-m", "wachhund", "serve", "--data", str(data), *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.stdout == "" and ended.returncode == 2, ended
    (line,) = ended.stderr.splitlines()
    assert line.startswith("wachhund: ")
    return line


def test_what_stands_in_the_way_of_a_start_is_said_in_one_line(host: Host, tmp_path: Path) -> None:
    """What, where, what to do; and nothing of it is left behind."""
    other, web, broker = tmp_path / "other", f"127.0.0.1:{host.web}", f"127.0.0.1:{host.broker}"
    free = f"127.0.0.1:{free_port()}"
    assert "another `wachhund serve` uses it" in refused(tmp_path / "data", "--listen", free, "--broker-listen", free)
    assert f"--listen: {web}: Address already in use" in refused(other, "--listen", web, "--broker-listen", free)
    assert f"broker: {broker}: Address already in use" in refused(other, "--listen", free, "--broker-listen", broker)
    assert "--listen: '8380'" in refused(other, "--listen", "8380")
    assert "--broker-listen: '127.0.0.1:0'" in refused(other, "--broker-listen", "127.0.0.1:0")
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(tmp_path / "file")


def test_a_damaged_ledger_is_named_and_not_touched(tmp_path: Path) -> None:
    """Evidence is not repaired by a program that does not know what happened."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "ledger.sqlite").write_bytes(b"not a database at all " * 500)
    before = (data / "ledger.sqlite").read_bytes()
    ended = subprocess.run(
        [sys.executable, "-m", "wachhund", "serve", "--data", str(data), "--listen", f"127.0.0.1:{free_port()}",
         "--broker-listen", f"127.0.0.1:{free_port()}"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    (line,) = ended.stderr.splitlines()
    assert ended.returncode in (1, 2) and "ledger.sqlite" in line and "Traceback" not in line
    assert (data / "ledger.sqlite").read_bytes() == before


def test_a_robot_added_while_the_host_runs_is_on_its_pages(host: Host, tmp_path: Path) -> None:
    """Another process writes the ledger; the pages ask it, and need no restart."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from wachhund_evidence import public_key_pem

    key = tmp_path / "robot.pub"
    key.write_bytes(public_key_pem(Ed25519PrivateKey.generate().public_key()))
    with host.login() as client:
        subprocess.run(
            [sys.executable, "-m", "wachhund", "robots", "add", "go1-07", "--key", str(key), "--out",
             str(tmp_path / "agent.json"), "--data", str(tmp_path / "data")],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        (robot,) = client.get("/api/v1/fleet").json()["items"]
    assert robot["name"] == "go1-07" and robot["proof"]["word"] == "new" and robot["control"]["word"] == "unknown"
    assert json.loads((tmp_path / "agent.json").read_text())["robot"]
    assert (tmp_path / "agent.json").stat().st_mode & 0o077 == 0
