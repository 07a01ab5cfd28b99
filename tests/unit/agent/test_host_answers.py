"""Which addresses answer: each way in which one can't is told by its own word, in a bounded time. Under Python 3.7."""

import contextlib
import datetime
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from tests.robots.ports import free_port
from wachhund_agent.config import Broker, Config
from wachhund_agent.host_answers import Answer, ask


class Identity(NamedTuple):
    """A host's certificate and key, in files. It is its own authority."""

    certificate: Path
    key: Path


def made(folder: Path, name: str, goes_by: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1 + len(name), now, now.replace(year=2021))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(goes_by)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Identity(folder / (name + ".crt"), folder / (name + ".key"))
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


class Door:
    """Listens on loopback. `heard`: what each visitor said after its handshake."""

    def __init__(self, identity: Any = None, says: bytes = b"") -> None:
        self.heard: List[bytes] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self.port = self._listener.getsockname()[1]
        self._says, self._context = says, None
        if identity is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(str(identity.certificate), str(identity.key))
        self._inside: List[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                self._inside.append(one)
                with contextlib.suppress(OSError):
                    if self._context is not None:
                        with self._context.wrap_socket(one, server_side=True) as secured:
                            self.heard.append(secured.recv(100))
                    elif self._says:
                        one.sendall(self._says)
                        one.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for one in self._inside:
            one.close()


@pytest.fixture
def doors() -> Iterator[Dict[str, Door]]:
    made: Dict[str, Door] = {}
    yield made
    for door in made.values():
        door.close()


def config_of(folder: Path, brokers: List[Broker], **more: Any) -> Config:
    host_key = Ed25519PrivateKey.generate().public_key()
    return Config("abcdefghij", tuple(brokers), "c", "u", "p", host_key, "n", folder, folder, **more)


def test_each_address_is_told_in_its_own_word_and_the_host_alone_is_reached(
    tmp_path: Path, doors: Dict[str, Door]
) -> None:
    """Also with certificates of another year: this board has no clock."""
    ours, theirs = made(tmp_path, "ours", "localhost"), made(tmp_path, "theirs", "localhost")
    doors.update(ours=Door(ours), theirs=Door(theirs), web=Door(says=b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    brokers = [
        Broker("127.0.0.1", free_port(), tls=True),
        Broker("localhost", doors["theirs"].port, tls=True),
        Broker("127.0.0.1", doors["ours"].port, tls=True),
        Broker("127.0.0.1", doors["web"].port, tls=True),
        Broker("nobody.invalid", 8883, tls=True),
        Broker("localhost", doors["ours"].port, tls=True),
    ]
    answers = ask(config_of(tmp_path, brokers, ca=ours.certificate.read_text()))
    assert [answer.address for answer in answers] == [str(broker) for broker in brokers]
    assert [answer.state for answer in answers] == [
        "refused", "wrong host", "wrong host", "no TLS", "no name", "reached",
    ]  # fmt: skip
    assert "wachhund serve --name" in answers[2].why and "another one" in answers[1].why
    heard = []
    for name in ("ours", "theirs"):
        doors[name].close()
        heard.append(set(doors.pop(name).heard))
    # A door may find its visitor gone while it still says something itself: then it heard nothing either.
    assert heard[0] <= {b""}, "a handshake, and nothing after it"
    assert heard[1] == set(), "he who is not the host does not even get that"


def test_whoever_takes_a_connection_and_says_nothing_holds_nobody_up(tmp_path: Path, doors: Dict[str, Door]) -> None:
    ours = made(tmp_path, "ours", "localhost")
    doors.update(silent=Door(), ours=Door(ours))
    brokers = [Broker("localhost", doors[name].port, tls=True) for name in ("silent", "ours")]
    began = time.monotonic()
    answers = ask(config_of(tmp_path, brokers, ca=ours.certificate.read_text()), all_s=2.0)
    assert time.monotonic() - began < 10
    assert answers[0] == Answer(str(brokers[0]), "no answer", "not within 2 s") and answers[1].state == "reached"


def test_a_broker_in_clear_is_reached_and_nobody_says_whose_it_is(tmp_path: Path, doors: Dict[str, Door]) -> None:
    doors["clear"] = Door()
    (answer,) = ask(config_of(tmp_path, [Broker("127.0.0.1", doors["clear"].port)]))
    assert answer.state == "reached" and "whose host it is can't be seen" in answer.why
    (answer,) = ask(config_of(tmp_path, [Broker("", 0, str(tmp_path / "none"))]))
    assert answer.state == "unreachable" and answer.address == str(tmp_path / "none")
