"""The host's own certificate authority: what robots pin stays, what ends is renewed, and OpenSSL agrees."""

import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from wachhund.fleet.authority import Authority, pin_of
from wachhund.fleet.data_folder import DataFolder
from wachhund_agent.host_tls import tls_context
from wachhund_evidence import MisuseError

NOW = datetime.datetime.now(datetime.UTC)
NAMES = ["127.0.0.1", "host.example"]


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data").make()


def expires(authority: Authority) -> datetime.datetime:
    return x509.load_pem_x509_certificate(authority.door_certificate.encode()).not_valid_after_utc


def handshake(authority: Authority, name: str, client: ssl.SSLContext) -> str:
    """The pin of the certificate that a client saw when it asked for `name`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.door_certificate_path, authority.door_key_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            taken, _ = listener.accept()
            try:
                with server.wrap_socket(taken, server_side=True) as door:
                    door.recv(1)
            except OSError:
                taken.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname()) as plain,
                client.wrap_socket(plain, server_hostname=name) as wrapped,
            ):
                raw = wrapped.getpeercert(binary_form=True)
                assert raw is not None
                return pin_of(x509.load_der_x509_certificate(raw))
        finally:
            thread.join()


def test_it_is_made_once_and_its_keys_are_for_the_owner_only(data: DataFolder) -> None:
    first = Authority.load_or_create(data, NAMES, NOW)
    assert Authority.load_or_create(data, NAMES[:1], NOW) == first
    for path in (data.authority_key, data.door_key):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_client_that_pins_the_authority_gets_in_by_each_name_and_by_no_other(data: DataFolder) -> None:
    authority = Authority.load_or_create(data, NAMES, NOW)
    client = ssl.create_default_context(cadata=authority.certificate)
    for name in NAMES:
        assert handshake(authority, name, client) == authority.pin
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        handshake(authority, "other.example", client)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority, NAMES[1], ssl.create_default_context())


def test_a_certificate_that_ends_soon_is_renewed_under_the_same_key_and_authority(data: DataFolder) -> None:
    """Invitations pin the key, robots the authority: neither may change."""
    old = Authority.load_or_create(data, NAMES, NOW - datetime.timedelta(days=800))
    new = Authority.load_or_create(data, NAMES, NOW)
    assert expires(new) > expires(old) and (new.pin, new.certificate) == (old.pin, old.certificate)


def test_a_host_whose_clock_was_ahead_gets_a_certificate_that_is_valid_now(data: DataFolder) -> None:
    Authority.load_or_create(data, NAMES, NOW + datetime.timedelta(days=400))
    now = Authority.load_or_create(data, NAMES, NOW)
    assert handshake(now, NAMES[1], tls_context(now.certificate)) == now.pin
    assert expires(now) < NOW + datetime.timedelta(days=826)


def test_a_further_name_is_added_and_the_old_ones_stay(data: DataFolder) -> None:
    old = Authority.load_or_create(data, NAMES, NOW)
    new = Authority.load_or_create(data, ["192.0.2.9"], NOW)
    assert new.pin == old.pin
    client = ssl.create_default_context(cadata=new.certificate)
    assert {handshake(new, name, client) for name in (*NAMES, "192.0.2.9")} == {new.pin}


def test_a_lost_or_damaged_certificate_comes_back_from_its_key(data: DataFolder) -> None:
    first = Authority.load_or_create(data, NAMES, NOW)
    data.door_certificate.write_text("rubbish")
    assert Authority.load_or_create(data, NAMES, NOW).pin == first.pin


def test_a_damaged_or_exposed_key_is_said_and_not_replaced(data: DataFolder) -> None:
    Authority.load_or_create(data, NAMES, NOW)
    data.door_key.chmod(0o640)
    with pytest.raises(MisuseError, match="others may read it"):
        Authority.load_or_create(data, NAMES, NOW)
    data.door_key.chmod(0o600)
    data.door_key.write_text("rubbish")
    with pytest.raises(MisuseError, match="locks the robots out"):
        Authority.load_or_create(data, NAMES, NOW)


def test_a_robot_without_a_clock_gets_in_and_a_strict_client_does_not(data: DataFolder) -> None:
    """The host's certificate of another year: the robot's own context takes it, and still checks name and authority."""
    old = Authority.load_or_create(data, NAMES, NOW - datetime.timedelta(days=5000))
    for name in NAMES:
        assert handshake(old, name, tls_context(old.certificate)) == old.pin
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(old, "other.example", tls_context(old.certificate))
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        handshake(old, NAMES[0], ssl.create_default_context(cadata=old.certificate))
    with pytest.raises(MisuseError, match="enrol anew"):
        tls_context("rubbish")
