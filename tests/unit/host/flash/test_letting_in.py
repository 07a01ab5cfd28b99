"""Invitation and acceptance while a robot is flashed: nobody carries a token, and only the robot itself comes in."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.host_bench import HostBench
from wachhund.flash.host_side import Host
from wachhund.flash.known_robots import KnownRobots
from wachhund.flash.letting_in import accept, check_name, drop, is_used, kept, take
from wachhund.flash.outcome import ELSEWHERE, FlashRefused
from wachhund.flash.probing import Installed
from wachhund.flash.whose import whose
from wachhund.flash.wish import DISABLE_TUNNEL, INSTALL, RESTORE_TUNNEL, UNINSTALL, Wish
from wachhund.fleet.authority import Authority
from wachhund.fleet.enrolling import Enrolment, enrol
from wachhund_evidence import MisuseError, base64url, public_key_pem
from wachhund_evidence.enrolment import invitation_hash, read_invitation, sign_proof, words
from wachhund_evidence.keys import raw_public_key

NOW = 1_800_000_000.0
DOORS = ("192.0.2.1:8443",)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    bench = HostBench(tmp_path / "host")
    authority = Authority.load_or_create(bench.data, ["192.0.2.1"], datetime.datetime.now(datetime.UTC))
    tickets = tmp_path / "tickets"
    tickets.mkdir()
    yield Host(bench.ledger, KnownRobots(tmp_path / "known"), DOORS, tickets, authority, bench.keys)
    bench.close()


def comes(host: Host, text: str, key: Ed25519PrivateKey, now: float = NOW + 1) -> Enrolment:
    """What a robot's agent does with a token."""
    proof = sign_proof(text, read_invitation(text).host_key, 0, key)
    body = json.dumps({"proof": proof, "key": base64url.encode(raw_public_key(key.public_key()))}).encode()
    return enrol(body, host.ledger, host.keys, host.authority, ("mqtts://192.0.2.1:8883",), now)


def says(text: str, key: Ed25519PrivateKey) -> str:
    """What the installer then says."""
    six = " ".join(words(key.public_key(), invitation_hash(text)))
    return f"enrolled as rex (robot 0123456789) at 192.0.2.1:8443: agent.json; compare these words; {six}"


def installed(key: Ed25519PrivateKey | None, is_enrolled: bool = False) -> Installed:
    pem = b"" if key is None else public_key_pem(key.public_key())
    return Installed(None, key is not None, is_enrolled, b"", pem)


def acts(host: Host, robot: str) -> list[tuple[str, str]]:
    return [(one.act, one.by) for one in host.ledger.robot_acts(robot)]


def test_a_robot_whose_words_are_the_hosts_is_accepted_and_it_is_said_how(host: Host) -> None:
    """The acceptance is somebody's, by name, and says that a program compared, and over which channel."""
    ticket, key = take(host, "rex", False, "alice", NOW), Ed25519PrivateKey.generate()
    assert comes(host, ticket.text, key).status == 200 and is_used(host, ticket)
    robot = accept(host, ticket, says(ticket.text, key), "alice", "root by ssh pi@x, host key SHA256:y")
    assert robot.state == "active" and kept(host, "rex") is None
    (last,) = host.ledger.robot_acts(robot.id)[-1:]
    assert (last.act, last.by) == ("accept", "alice")
    assert "six words compared by program" in last.detail and "SHA256:y" in last.detail
    assert ticket.text not in repr(ticket) + "".join(one.detail for one in host.ledger.robot_acts(robot.id))


@pytest.mark.parametrize("said", ["", "babab babab babab babab babab babab", "x" * 400])
def test_whoever_came_with_the_invitation_in_the_robots_place_is_revoked(host: Host, said: str) -> None:
    """Somebody had the token first: he is cut off, and the line says what to do."""
    ticket, thief = take(host, "rex", False, "alice", NOW), Ed25519PrivateKey.generate()
    comes(host, ticket.text, thief)
    with pytest.raises(FlashRefused, match="six words differ") as refused:
        accept(host, ticket, said, "alice", "ssh")
    assert refused.value.status == ELSEWHERE
    assert host.ledger.robot(ticket.robot).state == "revoked" and kept(host, "rex") is None


def test_a_flash_that_failed_leaves_no_invitation(host: Host) -> None:
    """The name is free again, and the token opens nothing."""
    ticket = take(host, "rex", False, "alice", NOW)
    drop(host, ticket, "alice", "flash: it did not come to enrol")
    assert comes(host, ticket.text, Ed25519PrivateKey.generate()).reason == "withdrawn"
    assert kept(host, "rex") is None and acts(host, ticket.robot)[-2:] == [
        ("withdraw", "alice"),
        ("enrolment-refused", "the enrolment door"),
    ]
    assert take(host, "rex", False, "alice", NOW).robot != ticket.robot


def test_a_flash_that_was_killed_goes_on_with_the_same_invitation(host: Host) -> None:
    """The key that came with it comes in by no other."""
    ticket, key = take(host, "rex", False, "alice", NOW), Ed25519PrivateKey.generate()
    comes(host, ticket.text, key)
    drop(host, ticket, "alice", "an older flash ends late")
    wish = Wish(INSTALL, "rex")
    assert whose(host, installed(key), wish, "x") is None
    again = take(host, "rex", False, "alice", NOW + 200_000)
    assert again.text == ticket.text and comes(host, again.text, key, NOW + 200_001).status == 200
    assert accept(host, again, says(again.text, key), "alice", "ssh").state == "active"


@pytest.mark.parametrize("later", [5, 100_000])
def test_an_invitation_that_nobody_used_before_a_kill_gives_way_to_a_new_one(host: Host, later: float) -> None:
    """It may name addresses that the host no longer has; and the name is not taken by it."""
    ticket = take(host, "rex", False, "alice", NOW)
    again = take(host, "rex", False, "alice", NOW + later)
    assert again.robot != ticket.robot and kept(host, "rex") == again
    assert comes(host, ticket.text, Ed25519PrivateKey.generate(), NOW + later + 1).reason == "withdrawn"
    assert comes(host, again.text, Ed25519PrivateKey.generate(), NOW + later + 1).status == 200


def test_a_name_that_is_taken_asks_for_another_or_for_replacement(host: Host) -> None:
    """A second board under one name would be the first one's history."""
    ticket, key = take(host, "rex", False, "alice", NOW), Ed25519PrivateKey.generate()
    comes(host, ticket.text, key)
    accept(host, ticket, says(ticket.text, key), "alice", "ssh")
    with pytest.raises(MisuseError, match="--replace"):
        check_name(host, "rex", False)
    with pytest.raises(MisuseError, match="no such robot"):
        check_name(host, "bo", True)
    check_name(host, "rex", True)
    check_name(host, "bo", False)
    fresh, new_key = take(host, "rex", True, "alice", NOW + 10), Ed25519PrivateKey.generate()
    assert fresh.robot == ticket.robot and not is_used(host, fresh)
    comes(host, fresh.text, new_key, NOW + 11)
    assert accept(host, fresh, says(fresh.text, new_key), "alice", "ssh").state == "active"


def test_whose_agent_lies_on_a_robot_is_told_by_its_key(host: Host) -> None:
    """Ours goes on; another host's, or one that counts no more, is not touched."""
    ticket, key = take(host, "rex", False, "alice", NOW), Ed25519PrivateKey.generate()
    comes(host, ticket.text, key)
    wish = Wish(INSTALL, "rex")
    found = whose(host, installed(key, is_enrolled=True), wish, "x")
    assert found is not None and found.id == ticket.robot and found.state == "new"
    with pytest.raises(FlashRefused, match="another host"):
        whose(host, installed(Ed25519PrivateKey.generate(), is_enrolled=True), wish, "x")
    with pytest.raises(FlashRefused, match="another host"):
        whose(host, Installed("0.1.0-x", False, True, b"junk", b"junk"), wish, "x")
    host.ledger.change_robot(ticket.robot, "revoke", "alice")
    with pytest.raises(FlashRefused, match="is revoked") as refused:
        whose(host, installed(key, is_enrolled=True), wish, "x")
    assert refused.value.status == ELSEWHERE
    for act in (UNINSTALL, DISABLE_TUNNEL, RESTORE_TUNNEL):
        found = whose(host, installed(key, is_enrolled=True), Wish(act, "rex"), "x")
        assert found is not None and found.name == "rex"


def test_a_half_enrolled_board_without_its_invitation_says_what_to_do(host: Host) -> None:
    """Its key is used up: another one is made when it was taken away."""
    ticket, key = take(host, "rex", False, "alice", NOW), Ed25519PrivateKey.generate()
    comes(host, ticket.text, key)
    ticket.path.unlink()
    with pytest.raises(FlashRefused, match=r"cut off .*--uninstall.*--replace"):
        whose(host, installed(key), Wish(INSTALL, "rex"), "x")
    assert whose(host, installed(None), Wish(INSTALL, "bo"), "x") is None
    with pytest.raises(MisuseError, match="--replace"):
        whose(host, installed(None), Wish(INSTALL, "rex"), "x")
