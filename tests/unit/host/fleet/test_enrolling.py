"""Enrolment between a robot's bytes and the ledger: who is let in, what each refused one learns, and what is kept."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.host_bench import HostBench
from wachhund.fleet.authority import Authority
from wachhund.fleet.enrolling import MAX_REQUEST_BYTES, Enrolment, enrol
from wachhund.fleet.host_keys import HostKeys, make_recovery_key
from wachhund.fleet.inviting import Token, draw, invite
from wachhund_evidence import MisuseError, base64url, nonce_time, thumbprint
from wachhund_evidence.enrolment import AnswerClaims, invitation_hash, read_answer, read_invitation, sign_proof, words
from wachhund_evidence.keys import raw_public_key

NOW = 1_800_000_000.0
BROKERS = ("mqtts://192.0.2.1:8883",)


class Host(HostBench):
    """A host that invites and answers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = Authority.load_or_create(self.data, ["192.0.2.1"], datetime.datetime.now(datetime.UTC))

    def invite(self, wanted: str = "rex", purpose: str = "first", now: float = NOW) -> Token:
        return invite(self.ledger, self.keys, self.authority, wanted, ["192.0.2.1:8443"], "alice", now, purpose)

    def answer(self, body: bytes, now: float = NOW + 60) -> Enrolment:
        return enrol(body, self.ledger, self.keys, self.authority, BROKERS, now)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    yield made
    made.close()


def request(token: Token, key: Ed25519PrivateKey) -> tuple[bytes, str]:
    """What a robot sends, and its proof."""
    proof = sign_proof(token.text, read_invitation(token.text).host_key, 0, key)
    raw = base64url.encode(raw_public_key(key.public_key()))
    return json.dumps({"proof": proof, "key": raw}).encode(), proof


def opened(host: Host, token: Token, key: Ed25519PrivateKey, now: float = NOW + 60) -> AnswerClaims:
    body, proof = request(token, key)
    said = host.answer(body, now)
    assert said.status == 200 and said.reason is None, said.body
    return read_answer(json.loads(said.body)["answer"], host.keys.key.public_key(), proof)


def refused(host: Host, body: bytes, now: float = NOW + 60) -> tuple[int, str | None, str]:
    said = host.answer(body, now)
    return said.status, said.reason, json.loads(said.body)["error"]


def test_an_invitation_that_is_drawn_counts_when_it_is_kept(host: Host) -> None:
    """What carries the token may not come about; and that it would be refused is known before."""
    token, invited = draw(host.ledger, host.keys, host.authority, "rex", ["192.0.2.1:8443"], NOW)
    host.ledger.check_invited(invited)
    key = Ed25519PrivateKey.generate()
    assert refused(host, request(token, key)[0])[1] == "unknown"
    host.ledger.invite(invited, "alice")
    assert opened(host, token, key).robot == token.robot
    with pytest.raises(MisuseError, match="there is one of that name"):
        host.ledger.check_invited(draw(host.ledger, host.keys, host.authority, "rex", ["192.0.2.1:8443"], NOW)[1])


def test_an_invited_robot_is_on_the_roll_as_new_and_has_all_that_it_needs(host: Host) -> None:
    token, key = host.invite(), Ed25519PrivateKey.generate()
    answer = opened(host, token, key)
    (robot,) = host.ledger.robots()
    assert (robot.id, robot.name, robot.state) == (token.robot, "rex", "new") == (answer.robot, answer.name, "new")
    assert robot.kid == thumbprint(key.public_key()) and robot.ueid == answer.ueid
    assert bcrypt.checkpw(answer.password.encode(), robot.password_hash.encode())
    assert (answer.username, answer.brokers, answer.ca) == (robot.id, BROKERS, host.authority.certificate)
    assert nonce_time(host.keys.nonce_secret, robot.ueid, answer.nonce) == int((NOW + 60) * 1e6)


def test_the_six_words_of_both_sides_are_the_same_and_stay_on_record(host: Host) -> None:
    token, key = host.invite(), Ed25519PrivateKey.generate()
    opened(host, token, key)
    on_the_robot = " ".join(words(key.public_key(), invitation_hash(token.text)))
    assert host.ledger.robot_acts(token.robot)[-1].detail.endswith(f"words: {on_the_robot}")


def test_neither_token_nor_password_stand_in_the_hosts_folder(host: Host) -> None:
    token = host.invite()
    answer = opened(host, token, Ed25519PrivateKey.generate())
    kept = b"".join(path.read_bytes() for path in host.data.path.rglob("*") if path.is_file())
    for secret in (token.text, read_invitation(token.text).secret, invitation_hash(token.text), answer.password):
        assert secret.encode() not in kept
    assert answer.client_id.encode() not in kept
    assert token.text not in repr(token)


def test_asking_again_with_the_same_key_gives_the_same_account(host: Host) -> None:
    """Also after the invitation has expired: the answer may have been lost on its way."""
    token, key = host.invite(), Ed25519PrivateKey.generate()
    first, second = opened(host, token, key), opened(host, token, key, NOW + 10 * 86400)
    same = ("robot", "client_id", "username", "password", "ueid", "brokers", "ca")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]
    assert len(host.ledger.robots()) == 1


def test_what_a_used_old_withdrawn_or_foreign_token_gets(host: Host) -> None:
    token, key, thief = host.invite(), Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    opened(host, token, key)
    status, reason, said = refused(host, request(token, thief)[0])
    assert (status, reason) == (403, "used") and "copied" in said
    assert host.ledger.robot_acts(token.robot)[-1].act == "enrolment-refused"
    old = host.invite("old")
    assert refused(host, request(old, thief)[0], NOW + 25 * 3600)[:2] == (403, "expired")
    first, second = (host.invite("rex", "rotate") for _ in range(2))
    assert refused(host, request(first, thief)[0])[:2] == (403, "withdrawn")
    assert refused(host, request(second, key)[0])[:2] == (403, "key")
    host.ledger.change_robot("rex", "retire", "alice")
    assert refused(host, request(token, key)[0])[:2] == (403, "state")


def test_a_token_of_another_host_says_nothing_here(host: Host, tmp_path: Path) -> None:
    other = Host(tmp_path / "other")
    token = other.invite()
    status, reason, _ = refused(host, request(token, Ed25519PrivateKey.generate())[0])
    assert (status, reason) == (400, "host")
    other.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"proof":1,"key":2}', b'{"proof":"a.b.c","key":"x"}', b'{"proof":"","key":"","more":1}',
     b'{"proof":"' + b"x" * MAX_REQUEST_BYTES + b'","key":"x"}', b"\xff" * 100],
)  # fmt: skip
def test_rubbish_is_one_line_and_changes_nothing(host: Host, body: bytes) -> None:
    status, reason, said = refused(host, body)
    assert status == 400 and reason and "not a request to enrol" in said and "\n" not in said
    assert host.ledger.robots() == []


def test_a_rotated_key_keeps_the_identity_and_the_old_one_ends(host: Host) -> None:
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    before = opened(host, host.invite(), first)
    host.ledger.change_robot("rex", "accept", "alice")
    after = opened(host, host.invite("rex", "rotate"), second)
    assert (after.robot, after.ueid) == (before.robot, before.ueid) and after.password != before.password
    robot = host.ledger.robot("rex")
    assert robot.state == "active" and robot.kid == thumbprint(second.public_key())


def test_another_board_under_the_same_name_has_to_be_accepted_again(host: Host) -> None:
    before = opened(host, host.invite(), Ed25519PrivateKey.generate())
    host.ledger.change_robot("rex", "accept", "alice")
    after = opened(host, host.invite("rex", "replace"), Ed25519PrivateKey.generate())
    assert after.robot == before.robot and after.ueid != before.ueid
    assert host.ledger.robot("rex").state == "new"


def test_the_recovery_key_is_told_where_there_is_one_and_its_private_half_is_not_kept(
    host: Host, tmp_path: Path
) -> None:
    assert opened(host, host.invite("one"), Ed25519PrivateKey.generate()).recovery_key is None
    kid = make_recovery_key(host.data, tmp_path / "recovery.key")
    host.keys = HostKeys.load_or_create(host.data)
    told = opened(host, host.invite("two"), Ed25519PrivateKey.generate()).recovery_key
    assert told is not None and thumbprint(told) == kid
    private = (tmp_path / "recovery.key").read_bytes()
    assert all(private not in path.read_bytes() for path in host.data.path.rglob("*") if path.is_file())
    with pytest.raises(MisuseError, match="already"):
        make_recovery_key(host.data, tmp_path / "second.key")
