"""What an agent is told: one clear line for everything that is wrong, and no secret in any of them."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Callable, Dict, List

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.config import MAX_ADDRESSES, load
from wachhund_agent.identity import load_key, make_key
from wachhund_evidence import MisuseError, enrolment, public_key_pem

SECRET = "broker-password-Zq7"
Write = Callable[..., pathlib.Path]


@pytest.fixture
def written(tmp_path: pathlib.Path) -> Write:
    def write(**changes: Any) -> pathlib.Path:
        fields: Dict[str, Any] = {
            "robot": "abcdefghi7",
            "broker": "mqtt://127.0.0.1:18830",
            "client_id": "c",
            "username": "abcdefghi7",
            "password": SECRET,
            "host_key": public_key_pem(Ed25519PrivateKey.generate().public_key()).decode(),
            "nonce": "n",
        }
        fields.update(changes)
        path = tmp_path / "agent.json"
        path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))
        return path

    return write


def test_paths_are_beside_the_file_and_secrets_are_not_shown(written: Write) -> None:
    config = load(written(key="keys/robot.key"))
    assert config.key == written().parent / "keys/robot.key" and config.data == written().parent / "agent-data"
    (broker,) = config.brokers
    assert (broker.host, broker.port, str(broker)) == ("127.0.0.1", 18830, "127.0.0.1:18830")
    assert SECRET not in repr(config) + str(config)


def test_a_broker_may_be_a_unix_socket(written: Write) -> None:
    (broker,) = load(written(broker="unix:/run/broker")).brokers
    assert broker.path == str(broker) == "/run/broker"


def test_several_addresses_of_the_host_keep_their_order(written: Write) -> None:
    """The first is the one that a robot comes home to."""
    told = ["mqtts://bench.example", "mqtts://10.0.0.5:1", "mqtts://[2001:db8::1]:8883"]
    brokers = load(written(broker=told, ca="PEM", certificate="agent.crt")).brokers
    assert [str(one) for one in brokers] == ["bench.example:8883", "10.0.0.5:1", "[2001:db8::1]:8883"]
    assert all(one.tls for one in brokers)


def test_as_many_addresses_are_read_as_a_host_may_answer(written: Write) -> None:
    assert MAX_ADDRESSES == enrolment.MAX_ADDRESSES
    many = ["mqtts://10.0.0.{}".format(number) for number in range(MAX_ADDRESSES)]
    assert len(load(written(broker=many, ca="PEM", certificate="agent.crt")).brokers) == MAX_ADDRESSES


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"colour": "red"}, '"colour": no such setting'),
        ({"password": None}, "password: missing"),
        ({"password": 5}, "password: must be a text"),
        ({"broker": "http://x"}, "broker: not an address"),
        ({"broker": "mqtt://x:99999"}, "broker: not an address"),
        ({"broker": "mqtt://"}, "broker: not an address"),
        ({"broker": "mqtts://" + "a" * 64}, "broker: not an address"),
        ({"broker": "mqtts://.x"}, "broker: not an address"),
        ({"broker": []}, "broker: 0 addresses: write 1 to 8"),
        ({"broker": ["mqtts://x"] * 9}, "broker: 9 addresses: write 1 to 8"),
        ({"broker": ["mqtts://x", 5]}, "broker: must be a text"),
        ({"broker": ["mqtts://x", ""]}, "broker: must be a text"),
        ({"broker": ["mqtts://x", "mqtt://x"]}, "broker: of several addresses each must be mqtts"),
        ({"broker": ["mqtts://x", "unix:/x"]}, "broker: of several addresses each must be mqtts"),
        ({"broker": ["mqtts://x", "mqtts://y"]}, "ca: missing"),
        ({"password": ["x"]}, "password: must be a text"),
        ({"robot": "../../etc"}, "robot: not an id"),
        ({"robot": "abcdefghi*"}, "robot: not an id"),
        ({"robot": "abcdefghi7\n"}, "robot: not an id"),
        ({"host_key": "nothing"}, "host_key: public key"),
        ({"\x1b[2J": "x"}, "no such setting"),
    ],
)
def test_what_is_wrong_is_named(written: Write, changes: Dict[str, Any], what: str) -> None:
    with pytest.raises(MisuseError) as caught:
        load(written(**changes))
    assert what in str(caught.value) and SECRET not in str(caught.value)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a":1,"a":2}', b"\xff", b" " * 70_000])
def test_a_file_that_is_no_configuration_is_refused(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "agent.json"
    path.write_bytes(content)
    with pytest.raises(MisuseError, match=r"agent\.json"):
        load(path)


def test_a_key_is_made_for_its_owner_only_and_never_overwritten(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "robot.key"
    public, kid = make_key(path)
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600 and len(kid) == 43
    assert b"PRIVATE" not in public.read_bytes()
    with pytest.raises(MisuseError, match="exists already"):
        make_key(path)
    path.unlink()
    with pytest.raises(MisuseError, match="exists already"):
        make_key(path)
    assert not path.exists() and before


def test_a_key_that_others_may_read_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "robot.key"
    make_key(path)
    load_key(path)
    path.chmod(0o640)
    with pytest.raises(MisuseError, match="chmod 600"):
        load_key(path)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["run", "--config", "none.json"], 2),
        (["keygen", "no/such/folder/key"], 2),
        (["run"], 2),
        (["dance"], 2),
    ],
)
def test_a_user_never_sees_a_traceback(tmp_path: pathlib.Path, arguments: List[str], status: int) -> None:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    done = subprocess.run(
        [sys.executable, "-m", "wachhund_agent", *arguments],
        cwd=str(tmp_path),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == status and "Traceback" not in done.stderr
    assert "wachhund-agent" in done.stderr
