"""The door for robots that enrol, which `wachhund serve` and a cluster's nodes open, and how pages invite to it."""

import contextlib
import dataclasses
import datetime
import socket
import time
from collections.abc import Sequence

from wachhund.fleet import doors
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.enrolling import Enrolment, enrol
from wachhund.fleet.enrolment_door import EnrolmentDoor
from wachhund.fleet.host_keys import HostKeys, recovery_public_key
from wachhund.fleet.inviting import invite
from wachhund.ledger import Ledger
from wachhund.web.enrol_page import Token, WayIn

NO_RECOVERY_KEY = (
    "wachhund: no recovery key: `wachhund host-key recovery --out FILE` makes one; robots that enrol before "
    "can't be won back when this host's key is stolen"
)


def open_enrolment(
    listener: socket.socket, data: DataFolder, keys: HostKeys, authority: Authority, ledger: Ledger,
    brokers: Sequence[str], stack: contextlib.ExitStack,
) -> None:  # fmt: skip
    """Let robots enrol there until `stack` ends; they are told of these brokers. Raises WachhundError."""

    def answer(body: bytes) -> Enrolment:
        # The recovery key may be made while the host serves: from then on robots pin it.
        now_known = dataclasses.replace(keys, recovery_key=recovery_public_key(data.recovery_key))
        return enrol(body, ledger, now_known, authority, tuple(brokers), time.time())

    if keys.recovery_key is None:
        print(NO_RECOVERY_KEY)
    door = EnrolmentDoor(listener, authority, ledger, answer)
    stack.callback(door.stop)
    door.start()


def way_in(data: DataFolder, keys: HostKeys, ledger: Ledger) -> WayIn:
    """How pages invite robots: to the doors that the folder names (fleet.doors). Raises MisuseError."""
    reached = doors.load(data.doors)

    def ask(name: str, by: str) -> Token:
        # Read anew: whoever opens the doors may have renewed their certificate.
        authority = Authority.load_or_create(data, (), datetime.datetime.now(datetime.UTC))
        return invite(ledger, keys, authority, name, reached.enrol, by, time.time())

    return WayIn(ask, keys.kid, reached.enrol)
