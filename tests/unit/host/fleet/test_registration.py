"""Registering robots: the host makes the id, weak keys are refused, a secret is written once, for its owner only."""

import argparse
import base64
import json
import re
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.robots.host_bench import keys_of_some_host
from tests.robots.scripted import ScriptedRobot
from wachhund import broker_config
from wachhund.fleet import commands
from wachhund.fleet.credentials import account_of, hash_password, robot_of_identity
from wachhund.fleet.data_folder import DataFolder, default_data_folder, write_secret_file
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import check_name, make_robot_id, new_robot
from wachhund.fleet.roster import Roster
from wachhund.ledger import Ledger, LedgerError, Rejection, Robot
from wachhund_evidence import MisuseError, load_public_key_pem, nonce_time, thumbprint

ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")


def pem(raw: bytes) -> bytes:
    """A PEM file with any 32 bytes as an Ed25519 public key."""
    body = base64.encodebytes(ED25519_SPKI + raw).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n".encode("ascii")


def run(*arguments: str | Path) -> int:
    """The command as `wachhund` runs it."""
    parser = argparse.ArgumentParser()
    commands.add_parser(parser.add_subparsers())
    args = parser.parse_args(["robots", *map(str, arguments)])
    return int(args.run(args))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A robot's public key as its owner hands it over."""
    path = tmp_path / "robot.pub"
    path.write_bytes(ScriptedRobot().public_pem)
    return path


def test_a_robot_id_can_never_be_a_wildcard_or_a_level_of_a_topic() -> None:
    """With the id `*` a robot could publish as every other (protocol-attacks.md, D3)."""
    made = {make_robot_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[a-z0-9]{10}", one) for one in made)


@pytest.mark.parametrize("name", ["", "x" * 65, "two\nlines", "\x1b[2J", " edge", "edge ", "a\u202eb", "a\u200bb"])
def test_a_name_that_could_fool_a_reader_is_refused(name: str) -> None:
    """It is printed in tables, mails and terminals."""
    with pytest.raises(MisuseError, match="robot name"):
        check_name(name)


@pytest.mark.parametrize("name", ["go1-07", "Hündin im Hof", "*", "../../x", "<b>"])
def test_a_name_is_only_a_label(name: str) -> None:
    """It is in no topic, path or query; whoever shows it escapes it."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        b"\x02" + bytes(31),
    ],
)
def test_a_weak_or_odd_public_key_is_refused_and_nothing_is_registered(tmp_path: Path, raw: bytes) -> None:
    """OpenSSL loads them all; for some anybody can sign."""
    path = tmp_path / "weak.pub"
    path.write_bytes(pem(raw))
    with pytest.raises(MisuseError, match=r"--key: .*weak\.pub: public key: "):
        run("add", "go1", "--key", path, "--data", tmp_path / "data", "--out", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
    assert not (tmp_path / "data" / "ledger.sqlite").exists()


def test_the_configuration_holds_all_that_the_agent_needs_for_its_owner_only(
    tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the password stands there and nowhere else."""
    data, out = tmp_path / "data", tmp_path / "agent.json"
    assert run("add", "go1", "--key", key_file, "--data", data, "--out", out) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    config = json.loads(out.read_text())
    assert set(config) == {"robot", "broker", "client_id", "username", "password", "host_key", "nonce"}
    assert config["password"] not in capsys.readouterr().out
    assert config["broker"] == commands.DEFAULT_BROKER
    assert all(config["password"].encode() not in path.read_bytes() for path in data.rglob("*") if path.is_file())
    keys = HostKeys.load_or_create(DataFolder(data))
    assert thumbprint(load_public_key_pem(config["host_key"].encode())) == thumbprint(keys.key.public_key())
    ledger = Ledger.open(data / "ledger.sqlite")
    (robot,) = ledger.robots()
    ledger.close()
    assert robot.id == config["robot"] == config["username"]
    assert nonce_time(keys.nonce_secret, robot.ueid, config["nonce"]) > 0
    assert bcrypt.checkpw(config["password"].encode(), robot.password_hash.encode())


def test_an_existing_file_is_not_overwritten_and_no_robot_is_left_behind(tmp_path: Path, key_file: Path) -> None:
    """The file may be another robot's only copy of its password."""
    out = tmp_path / "agent.json"
    out.write_text("precious")
    with pytest.raises(MisuseError, match="not overwritten"):
        run("add", "go1", "--key", key_file, "--data", tmp_path / "data", "--out", out)
    assert out.read_text() == "precious"
    out.unlink()
    assert run("add", "go1", "--key", key_file, "--data", tmp_path / "data", "--out", out) == 0


def test_a_link_at_the_place_of_a_secret_is_not_followed(tmp_path: Path) -> None:
    """In a shared folder it could lead the password to somebody else's file."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MisuseError):
        write_secret_file(tmp_path / "link", b"secret")
    assert not (tmp_path / "elsewhere").exists()


def test_a_second_registration_of_a_key_leaves_no_file(tmp_path: Path, key_file: Path) -> None:
    """A configuration that lets nobody in would cost somebody an afternoon."""
    data, out = tmp_path / "data", tmp_path / "two.json"
    run("add", "one", "--key", key_file, "--data", data)
    with pytest.raises(MisuseError, match="registered already"):
        run("add", "two", "--key", key_file, "--data", data, "--out", out)
    assert not out.exists()


def test_robots_are_listed_without_their_secrets(
    tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Id, key and name: what a person needs to compare."""
    data = tmp_path / "data"
    run("add", "go1", "--key", key_file, "--data", data, "--out", tmp_path / "x.json")
    capsys.readouterr()
    assert run("list", "--data", data) == 0
    printed = capsys.readouterr().out
    ledger = Ledger.open(data / "ledger.sqlite")
    (robot,) = ledger.robots()
    ledger.close()
    assert robot.id in printed and robot.kid in printed and printed.endswith("  go1\n")
    assert robot.password_hash not in printed


@pytest.mark.parametrize(
    "address", ["localhost:1883", "http://x:1", "mqtt://x", "mqtt://x:0", "mqtt://:1", "unix:rel", ""]
)
def test_a_broker_address_that_no_agent_could_use_is_refused(tmp_path: Path, key_file: Path, address: str) -> None:
    """Found now, not on the robot."""
    with pytest.raises(MisuseError, match="--broker-address"):
        run("add", "go1", "--key", key_file, "--data", tmp_path / "data", "--broker-address", address)


def test_the_hosts_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    """The same key at every start: robots pin it."""
    data = DataFolder(tmp_path / "data").make()
    first, second = HostKeys.load_or_create(data), HostKeys.load_or_create(data)
    assert first.public_pem == second.public_pem and first.nonce_secret == second.nonce_secret
    for path in (data.host_key, data.nonce_secret):
        assert path.stat().st_mode & 0o777 == 0o600
    assert data.path.stat().st_mode & 0o777 == 0o700
    assert "PRIVATE" not in repr(first) and repr(first.nonce_secret) not in repr(first)


def test_a_host_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    """Whoever has it can make robots drop their evidence."""
    data = DataFolder(tmp_path / "data").make()
    HostKeys.load_or_create(data)
    data.host_key.chmod(0o644)
    with pytest.raises(MisuseError, match="others may read it"):
        HostKeys.load_or_create(data)


@pytest.mark.parametrize(("name", "content"), [("host.key", b"rubbish"), ("nonce.secret", b"short")])
def test_a_damaged_secret_is_one_line_without_its_content(tmp_path: Path, name: str, content: bytes) -> None:
    """What, where, what to do; the content may be half a key."""
    data = DataFolder(tmp_path / "data").make()
    HostKeys.load_or_create(data)
    (data.path / name).write_bytes(content)
    with pytest.raises(MisuseError, match=name) as caught:
        HostKeys.load_or_create(data)
    assert content.decode() not in str(caught.value)


def test_the_data_folder_follows_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG Base Directory Specification; a relative path there is to be ignored."""
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/data")
    assert default_data_folder() == Path("/somewhere/data/wachhund")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_data_folder() == Path.home() / ".local/share/wachhund"


def test_the_roster_knows_a_robot_that_another_process_registered(tmp_path: Path) -> None:
    """`robots add` runs beside a host that serves."""
    path = tmp_path / "ledger.sqlite"
    ledger, other = Ledger.open(path), Ledger.open(path)
    roster = Roster(ledger)
    robot, _ = new_robot("go1", ScriptedRobot().public_pem, keys_of_some_host())
    other.add_robot(robot)
    assert roster.get(robot.id) is None
    assert roster.refresh() and not roster.refresh()
    enrolled = roster.get(robot.id)
    assert enrolled is not None and list(enrolled.keys) == [robot.kid]
    ledger.close()
    other.close()


def test_a_look_that_failed_half_way_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that went away between two questions leaves no robot out for good."""
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    roster, robot = Roster(ledger), new_robot("go1", ScriptedRobot().public_pem, keys_of_some_host())[0]
    ledger.add_robot(robot)

    def away(wanted: object) -> None:
        raise LedgerError("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "keys_of_robots", away)
        with pytest.raises(LedgerError, match="it is away"):
            roster.refresh()
    assert roster.get(robot.id) is None
    assert roster.refresh() and roster.get(robot.id) is not None
    ledger.close()


INSIDERS = [broker_config.Insider(name, hash_password("x")) for name in ("host", "pulse", "watch")]


def rendered(folder: Path, robots: list[Robot], tls: broker_config.TlsFiles | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(broker_config.render("127.0.0.1", 18830, folder, robots, INSIDERS, tls))
    return found


def test_each_robot_may_publish_and_read_exactly_its_own_topics(tmp_path: Path) -> None:
    """Nothing more, and by MQTT only; the broker's own behaviour is shown in the system tests."""
    robot, credentials = new_robot("go1", ScriptedRobot().public_pem, keys_of_some_host())
    config = rendered(tmp_path, [robot])
    users = {user["user"]: user for one in config["accounts"].values() for user in one.get("users", ())}
    assert set(users) == {robot.id, "host", "pulse", "watch"}
    assert users[robot.id]["permissions"] == {
        "publish": {"allow": [f"wachhund.1.{robot.id}.evidence", f"wachhund.1.{robot.id}.status"]},
        "subscribe": {"allow": [f"wachhund.1.{robot.id}.receipt"]},
    }
    assert users["watch"]["permissions"]["publish"] == {"deny": [">"]}
    assert {tuple(user["allowed_connection_types"]) for user in users.values()} == {("MQTT",)}
    assert config["max_payload"] >= 300 * 1024
    assert credentials.password not in json.dumps(config)


def test_robots_share_no_account_with_the_host_and_only_evidence_and_receipts_cross(tmp_path: Path) -> None:
    """Sessions and stores are an account's own: whatever a robot does in its own, the host's is another."""
    robot, _ = new_robot("go1", ScriptedRobot().public_pem, keys_of_some_host())
    accounts = rendered(tmp_path, [robot])["accounts"]
    names = {account: {user["user"] for user in one.get("users", ())} for account, one in accounts.items()}
    assert names == {"SYSTEM": set(), "HOST": {"host", "watch"}, "ROBOTS": {robot.id, "pulse"}}
    taken = {
        account: [one["stream"]["subject"] for one in accounts[account]["imports"]] for account in ("HOST", "ROBOTS")
    }
    assert taken["ROBOTS"] == ["wachhund.1.*.receipt"]
    assert taken["HOST"][:2] == ["wachhund.1.*.evidence", "wachhund.1.*.status"]
    assert all(subject.startswith("$SYS.ACCOUNT.ROBOTS.") for subject in taken["HOST"][2:])


def test_by_tls_a_robot_is_known_by_the_certificate_of_its_present_key(tmp_path: Path) -> None:
    """A key that was rotated away keeps its certificate, and lets nobody in."""
    robot, _ = new_robot("go1", ScriptedRobot().public_pem, keys_of_some_host())
    tls = broker_config.TlsFiles(tmp_path / "c", tmp_path / "k", tmp_path / "a")
    config = rendered(tmp_path, [robot], tls)
    assert config["mqtt"]["tls"]["verify_and_map"] is True
    names = [user["user"] for user in config["accounts"]["ROBOTS"]["users"]]
    assert names[0] == f"urn:wachhund:robot:{robot.id}:{robot.kid}"
    assert robot_of_identity(names[0]) == robot_of_identity(robot.id) == robot.id
    assert [robot_of_identity(name) for name in (*names[1:], "urn:wachhund:robot:*:x", "")] == [None, None, None]


def test_no_two_robots_share_a_secret() -> None:
    """A client id that somebody can guess lets him throw its owner off the broker."""
    keys = keys_of_some_host()
    made = [account_of(keys, ScriptedRobot().kid) for _ in range(100)]
    assert len({one.client_id for one in made}) == len({one.password for one in made}) == 100
    assert made[0].password not in repr(made[0]) and made[0].client_id not in repr(made[0])


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_loopback_is_loopback(address: str, loopback: bool) -> None:
    """Until there is TLS every other address earns a warning."""
    assert broker_config.is_loopback(address) is loopback


def test_what_was_refused_is_told_by_reason_with_times_and_a_sample_that_moves_no_cursor(
    tmp_path: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a robot in `show`, of nobody in `list`; what a stranger sent is shown as codes."""
    data = tmp_path / "data"
    run("add", "go1", "--key", key_file, "--data", data, "--out", tmp_path / "x.json")
    ledger = Ledger.open(data / "ledger.sqlite")
    (robot,) = ledger.robots()
    ledger.add_rejections(
        [
            Rejection(robot.id, "signature", 12, 0.0, 61.0, "does not fit: 'eyJ\x1b[2J\u202e'"),
            Rejection(robot.id, "quota", 30, 5.0, 6.0, "808 bytes"),
            Rejection("", "broker-login", 7, 1.0, 2.0, "as host, from 192.0.2.1"),
        ]
    )
    ledger.close()
    capsys.readouterr()
    assert run("show", "go1", "--data", data) == 0
    shown = [line for line in capsys.readouterr().out.splitlines() if line.startswith("refused")]
    assert shown == [
        "refused 30 x quota  1970-01-01T00:00:05Z to 1970-01-01T00:00:06Z  newest: 808 bytes",
        "refused 12 x signature  1970-01-01T00:00:00Z to 1970-01-01T00:01:01Z  newest: "
        "does not fit: 'eyJ\\x1b[2J\\u202e'",
    ]
    assert run("list", "--data", data) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "  refused 42  " in first and first.endswith("  go1")
    assert second.startswith("of no robot: refused 7 x broker-login  ") and second.endswith("from 192.0.2.1")
