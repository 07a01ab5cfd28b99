"""This host as a flash needs it: its data folder, its doors, its robots."""

import contextlib
import datetime
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund.flash.known_robots import KnownRobots
from wachhund.flash.outcome import NO_HOST, FlashRefused
from wachhund.fleet import doors
from wachhund.fleet.authority import Authority, pin_of
from wachhund.fleet.data_folder import DataFolder, default_data_folder, make_private_folder
from wachhund.fleet.host_keys import HostKeys
from wachhund.ledger import Ledger, Robot
from wachhund_evidence import MisuseError, load_public_key_pem, thumbprint

_DOOR_S = 5.0  # of one address; a host on this machine answers at once


@dataclass(frozen=True)
class Host:
    """`enrol`: ADDRESS:PORT of its enrolment door. `tickets`: invitations whose robot has not been accepted yet."""

    ledger: Ledger
    known: KnownRobots
    enrol: tuple[str, ...]
    tickets: Path
    authority: Authority = field(repr=False)
    keys: HostKeys = field(repr=False)

    def robot_with(self, key: Ed25519PublicKey) -> Robot | None:
        """The robot whose present key this is."""
        kid = thumbprint(key)
        return next((robot for robot in self.ledger.robots() if robot.kid == kid), None)


def known_robots(folder: Path | None) -> KnownRobots:
    """The SSH host keys that a host keeps. Raises MisuseError when there is no host's data folder."""
    return KnownRobots(_data(folder).known_robots)


@contextlib.contextmanager
def opened(folder: Path | None) -> Iterator[Host]:
    """A host's data folder. Raises MisuseError when it is none, or no host with names has been started on it."""
    data = _data(folder)
    reached = doors.load(data.doors)
    keys = HostKeys.load_or_create(data)
    authority = Authority.load_or_create(data, (), datetime.datetime.now(datetime.UTC))
    make_private_folder(data.tickets)
    with contextlib.closing(Ledger.open(data.ledger)) as ledger:
        yield Host(ledger, KnownRobots(data.known_robots), reached.enrol, data.tickets, authority, keys)


def _data(folder: Path | None) -> DataFolder:
    data = DataFolder(folder or default_data_folder())
    if not data.has_ledger():
        raise MisuseError(
            f"{data.path}: not a host's data folder: give --data, or start `wachhund serve --name ADDRESS`"
        )
    return data


def check_doors(host: Host) -> None:
    """That the host of this folder runs, and is the one behind its addresses. Raises FlashRefused."""
    reasons = []
    for address in host.enrol:
        try:
            if _pin(address) == host.authority.pin:
                return
            reasons.append(f"{address}: another host")
        except OSError as error:
            reasons.append(f"{address}: {error.strerror or error}")
    told = "; ".join(reasons)
    raise FlashRefused(
        NO_HOST, f"the host of this data folder does not answer ({told}): start `wachhund serve`, or give --data"
    )


def _pin(address: str) -> str:
    host, _, port = address.rpartition(":")
    # The pin decides, as it does for the robot.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host.strip("[]"), int(port)), _DOOR_S) as plain,
        context.wrap_socket(plain) as secured,
    ):
        raw = secured.getpeercert(binary_form=True)
    if not raw:
        raise OSError("shows no certificate")
    return pin_of(x509.load_der_x509_certificate(raw))


def robots_key(certificate: bytes, public: bytes) -> Ed25519PublicKey | None:
    """The key that lies on a robot, from what root read there: of its certificate, or beside its key; None for none."""
    with contextlib.suppress(ValueError):
        found = x509.load_pem_x509_certificate(certificate).public_key()
        if isinstance(found, Ed25519PublicKey):
            return found
    with contextlib.suppress(MisuseError):
        return load_public_key_pem(public)
    return None
