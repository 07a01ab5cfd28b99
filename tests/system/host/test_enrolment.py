"""A robot on a host that runs: invited, enrolled over TLS, accepted, given a new key, revoked. Real processes."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.open_host import Open
from tests.waiting import until

CUT_OFF_S = 10


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Open]:
    with Open(tmp_path) as made:
        yield made


def test_from_invitation_to_revocation(host: Open) -> None:
    done = host.enrol(host.robots("invite", "rex"))
    assert done.returncode == 0, done.stderr
    words = done.stdout.strip().splitlines()[-1].strip()
    assert (host.folder / "agent.json").stat().st_mode & 0o777 == 0o600
    shown = host.robots("show", "rex")
    assert f"words: {words}" in shown and ", new, " in shown
    host.robot = json.loads((host.folder / "agent.json").read_text())["robot"]
    agent = host.start_agent()
    until(lambda: host.tokens() >= 2, 30, "evidence comes by TLS")
    assert host.robots("accept", host.robot, "--why", "words compared").split()[-1] == "active"

    agent.terminate()
    agent.wait(20)
    rotated = host.enrol(host.robots("rotate", "rex"), "--key", "second.key", "--replace")
    assert rotated.returncode == 0, rotated.stderr
    before = host.tokens()
    host.start_agent()
    until(lambda: host.tokens() > before + 1, 30, "evidence comes under the new key, also what the old one signed")
    with closing(host.ledger()) as ledger:
        assert ledger.faults(host.robot) == [], "a new key is no new chain and no gap"

    host.robots("revoke", "rex", "--why", "stolen")
    after = host.tokens()
    until(lambda: "connection lost" in host.said("agent"), CUT_OFF_S, "the open connection is cut")
    until(lambda: "Not authorized" in host.said("agent"), CUT_OFF_S, "and it does not come back")
    time.sleep(3)  # three tokens' time: what must not happen
    assert host.tokens() == after, "since the command returned, not only since the robot was cut off"
    acts = [line.split()[1] for line in host.robots("show", "rex").splitlines() if " by " in line]
    assert acts == ["invite", "enrol", "accept", "invite", "rotate", "revoke"]


def test_a_token_opens_once_and_a_copied_one_tells_both(host: Open) -> None:
    token = host.robots("invite", "rex")
    first = host.enrol(token)
    again = host.enrol(token, "--replace")
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert first.stdout.splitlines()[-1] == again.stdout.splitlines()[-1], "the same key, the same words"
    thief = host.enrol(token, "--config", "thief/agent.json")
    assert thief.returncode == 2 and "folder" in thief.stderr, "a folder that is not there is one clear line"
    (host.folder / "thief").mkdir()
    thief = host.enrol(token, "--config", "thief/agent.json")
    assert thief.returncode == 1 and "copied" in thief.stderr and "Traceback" not in thief.stderr
    assert not (host.folder / "thief/agent.json").exists()
    assert "enrolment-refused" in host.robots("show", "rex")


def test_a_power_cut_between_the_hosts_answer_and_the_robots_disk_burns_nothing(host: Open) -> None:
    """The host has counted the token as used, and the robot has nothing: it asks again with the key that it has."""
    token = host.robots("invite", "rex")
    (host.folder / "agent.json.new").mkdir()
    cut = host.enrol(token)
    assert cut.returncode == 2 and "enrol again" in cut.stderr and not (host.folder / "agent.json").exists()
    with closing(host.ledger()) as ledger:
        assert [robot.name for robot in ledger.robots()] == ["rex"], "the host had let it in"
    (host.folder / "agent.json.new").rmdir()
    again = host.enrol(token)
    assert again.returncode == 0, again.stderr
    host.robot = json.loads((host.folder / "agent.json").read_text())["robot"]
    host.start_agent()
    until(lambda: host.tokens() >= 1, 30, "the account of the second answer is good")


def test_who_stands_in_between_gets_neither_proof_nor_robot(host: Open, tmp_path: Path) -> None:
    """The token pins the host's TLS key: a certificate of anybody else ends it before a byte is said."""
    token = host.robots("invite", "rex")
    host.stop_host()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k",
         "-out", "c", "-subj", "/CN=127.0.0.1", "-days", "1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    with socket.create_server(("127.0.0.1", host.enrol_port)) as listener:

        def listen() -> None:
            taken, _ = listener.accept()
            with context.wrap_socket(taken, server_side=True) as door:
                heard.append(door.recv(100))

        thread = threading.Thread(target=listen)
        thread.start()
        done = host.enrol(token)
        thread.join(20)
    assert done.returncode == 1 and "somebody may stand in between" in done.stderr
    assert heard == [b""] and not (host.folder / "agent.json").exists()


def test_a_host_without_a_name_says_how_to_get_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wachhund", "robots", "invite", "rex", "--data", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "serve --name ADDRESS" in done.stderr
