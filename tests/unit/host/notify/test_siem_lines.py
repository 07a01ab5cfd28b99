"""What a SIEM gets: records of RFC 5424 with their length before them, and documents of the Elastic Common Schema."""

import datetime
import ipaddress
import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.host.notify.receivers import lines
from wachhund.ledger.notify_records import Target
from wachhund.notify.sealing import Secrets
from wachhund.notify.sending import send_one
from wachhund.notify.siem_lines import ecs, records, syslog
from wachhund.notify.wording import of_incidents, record, with_id

# RFC 5424, section 6: HEADER, one or more SD-ELEMENTs, BOM and UTF-8.
RFC5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48}) (-|[!-~]{1,128}) "
    rb'([!-~]{1,32}) ((?:\[[!-<>-\\^-~]{1,32}(?: [!-<>-\\^-~]{1,32}="[^"]*")*\])+) \xef\xbb\xbf(.*)',
    re.DOTALL,
)


def incident(name: str, **changed: Any) -> dict[str, Any]:
    return {
        "id": name, "robot": "r1", "kind": "remote-control", "level": "critical", "state": "open",
        "title": "Remote control not allowed: ssh through CloudSail on go1-07", "first_t": 1.7e9, "last_t": 1.7e9 + 5,
        "origin": [{"hop": "address", "address": "203.0.113.7"}], "rules": ["vendor tunnel"], "attack": ["T1219"],
        "advice": ["Look."], "sessions": [], **changed,
    }  # fmt: skip


def message(*incidents: dict[str, Any]) -> dict[str, Any]:
    told = [record(one, "go1-07", "new", "https://host/") for one in incidents]
    return with_id(of_incidents(told, 1.7e9 + 6, "https://host/"), "msg_1")


def frames(read: bytes) -> list[bytes]:
    """RFC 6587 3.4.1: MSG-LEN SP SYSLOG-MSG."""
    found = []
    while read:
        length, _, rest = read.partition(b" ")
        found.append(rest[: int(length)])
        read = rest[int(length) :]
    return found


def test_a_collector_gets_each_incident_as_a_record_of_rfc_5424() -> None:
    """Two incidents of one message are two records; the level is the severity."""
    got: list[bytes] = []
    with lines(got) as port:
        target = Target("t", "siem", "syslog", "", b"", ("127.0.0.1",), False, 0.0, "ada")
        answer = send_one(
            Secrets(f"syslog+tcp://127.0.0.1:{port}", None), target, message(incident("a"), incident("b", level="low"))
        )
    assert answer.ok, answer
    first, second = frames(b"".join(got))
    found = RFC5424.fullmatch(first)
    assert found is not None
    assert int(found[1]) == 13 * 8 + 2 and found[2] == b"2023-11-14T22:13:26.000Z" and found[4] == b"wachhund"
    assert found[6] == b"wachhund.incident" and found[7].startswith(b'[origin software="wachhund" ')
    said = found[8].decode()
    assert said.startswith("Remote control not allowed: ssh through CloudSail on go1-07 | robot=")
    assert 'link="https://host/incidents/a"' in said and 'message="msg_1"' in said
    other = RFC5424.fullmatch(second)
    assert other is not None and int(other[1]) == 13 * 8 + 5


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "collector.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_over_tls_only_a_collector_whose_certificate_is_known_gets_anything(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown one learns nothing; the system's words say why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    got: list[bytes] = []
    target = Target("t", "siem", "ecs", "", b"", ("127.0.0.1",), False, 0.0, "ada")
    with lines(got, lambda plain: context.wrap_socket(plain, server_side=True)) as port:
        held = Secrets(f"ecs+tls://127.0.0.1:{port}", None)
        refused = send_one(held, target, message(incident("a")))
        assert not refused.ok and "certificate verify failed" in refused.words
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        answer = send_one(held, target, message(incident("a"), incident("b")))
        assert answer.ok, answer
    first, second = b"".join(got).splitlines()
    assert [json.loads(line)["labels"]["incident"] for line in (first, second)] == ["a", "b"]


def test_a_document_has_the_fields_of_the_common_schema() -> None:
    """Names and values that ECS 8.11 defines, and what a person looks for first."""
    (one,) = records(message(incident("a")))
    made = json.loads(ecs(one, "0.1.0"))
    assert made["@timestamp"] == "2023-11-14T22:13:26.000Z" and made["ecs"] == {"version": "8.11.0"}
    assert made["event"]["kind"] == "alert" and made["event"]["category"] == ["intrusion_detection"]
    assert made["event"]["type"] == ["info"] and made["event"]["severity"] == 99
    assert made["event"]["id"] == "msg_1/a" and made["event"]["url"] == "https://host/incidents/a"
    assert made["source"] == {"ip": "203.0.113.7", "address": "203.0.113.7"} and made["host"] == {"name": "go1-07"}
    assert made["threat"]["technique"]["id"] == ["T1219"] and made["rule"] == {"name": "vendor tunnel"}
    assert made["observer"]["product"] == "Wachhund"


def test_a_hostile_title_stays_in_its_record() -> None:
    """No line break, no second record, no end of the structured data."""
    text = 'x\r\n<13>1 - evil - - - - owned" ] \u2028 {"a":1}\n'
    (one,) = records(message(incident("a", title=text, origin=[{"hop": "address", "address": text}], rules=[text])))
    line = syslog(one, "host", "0.1.0")
    (frame,) = frames(line)
    assert RFC5424.fullmatch(frame) is not None and b"\n" not in frame and b"\r" not in frame
    assert ecs(one, "0.1.0").count(b"\n") == 1 and "source" not in json.loads(ecs(one, "0.1.0"))
