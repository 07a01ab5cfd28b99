"""Letting a robot in while it is flashed: an invitation that nobody carries, and the acceptance.

Whoever flashes speaks to the robot, as root there, over SSH with a pinned host key, and to the ledger. So a program
compares the six words that robot and host draw: that is the operator's acceptance, and the robot's acts say so. A
ticket keeps the invitation until then: a robot that was cut off while it enrolled is let in by the same one only.
"""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from wachhund.flash.host_side import Host
from wachhund.flash.outcome import ELSEWHERE, FlashRefused
from wachhund.fleet.data_folder import write_secret_file
from wachhund.fleet.inviting import invite
from wachhund.ledger import Robot
from wachhund.ledger.roll import FIRST, NEW, REPLACE
from wachhund_evidence import MisuseError, RejectedEvidence, load_public_key_pem, strict_json
from wachhund_evidence.enrolment import invitation_hash, words

_MAX_BYTES = 8192
_SIX_WORDS = re.compile("(?<![a-z])[a-z]{5}(?: [a-z]{5}){5}(?![a-z])")


@dataclass(frozen=True)
class Ticket:
    """`text`: the token. `robot`: the id that it is for. `path`: where it lies until the robot is accepted."""

    text: str = field(repr=False)
    robot: str
    path: Path


def kept(host: Host, name: str) -> Ticket | None:
    """The ticket of an earlier flash under that name, which was cut off."""
    path = _path(host, name)
    try:
        found = strict_json.parse_object(path.read_bytes()[:_MAX_BYTES])
        text, robot = found.get("text"), found.get("robot")
    except (OSError, RejectedEvidence):
        return None
    return Ticket(text, robot, path) if isinstance(text, str) and isinstance(robot, str) else None


def check_name(host: Host, name: str, replaces: bool) -> None:
    """That this name can be invited, or, with `replaces`, is a robot's that may be replaced. Raises MisuseError."""
    robot = host.ledger.robot_by_name(name)
    if robot is None and replaces:
        raise MisuseError(f"--replace: {name!r}: no such robot: see `wachhund robots list`")
    if robot is not None and not replaces:
        raise MisuseError(
            f"robot {name!r}: there is one of that name: give --name ANOTHER, or --replace when this board, or this "
            "one's new installation, takes its place"
        )


def take(host: Host, name: str, replaces: bool, by: str, now: float) -> Ticket:
    """A ticket for a robot: the kept one where a key came with it, else a new one. Raises MisuseError."""
    found = kept(host, name)
    if found is not None and not is_used(host, found):
        drop(host, found, by, "flash: an earlier one was cut off before the robot enrolled")
        found = kept(host, name)  # it stays when a key came just now
    if found is not None:
        return found
    purpose = REPLACE if replaces else FIRST
    made = invite(host.ledger, host.keys, host.authority, name, host.enrol, by, now, purpose)
    ticket = Ticket(made.text, made.robot, _path(host, name))
    write_secret_file(ticket.path, (json.dumps({"text": made.text, "robot": made.robot}) + "\n").encode("ascii"))
    return ticket


def drop(host: Host, ticket: Ticket, by: str, why: str) -> None:
    """It counts no more, unless a key came with it: then it is kept, as nothing else lets that key in again."""
    host.ledger.withdraw(ticket.robot, by, why)
    if not is_used(host, ticket):
        ticket.path.unlink(missing_ok=True)


def is_used(host: Host, ticket: Ticket) -> bool:
    """Whether a key came with it."""
    robot = _on_roll(host, ticket.robot)
    if robot is None:
        return False
    acts = [one for one in host.ledger.robot_acts(robot.id) if one.act in ("invite", "enrol", "replace")]
    return bool(acts) and acts[-1].act != "invite"


def accept(host: Host, ticket: Ticket, said: str, by: str, channel: str) -> Robot:
    """Accept the robot that enrolled with a ticket, when it shows the words that the host draws from its key.

    `said`: the installer's sentence about it; `channel`: how it was spoken to, for the record. Raises FlashRefused.
    """
    robot = _on_roll(host, ticket.robot)
    if robot is None:
        why = "the robot says that it enrolled, and nobody came with this invitation: say the same again"
        raise FlashRefused(ELSEWHERE, why)
    ours = " ".join(words(load_public_key_pem(robot.public_key_pem.encode("ascii")), invitation_hash(ticket.text)))
    theirs = _SIX_WORDS.search(said)
    if theirs is None or theirs[0] != ours:
        host.ledger.change_robot(robot.id, "revoke", by, f"flash: the six words differ ({channel})")
        ticket.path.unlink(missing_ok=True)
        raise FlashRefused(
            ELSEWHERE,
            f"robot {robot.name!r}: another one enrolled with its invitation (the six words differ): it was revoked; "
            "flash with --uninstall, then with --replace",
        )
    if robot.state == NEW:
        why = f"flash: six words compared by program: {ours} ({channel})"
        robot = host.ledger.change_robot(robot.id, "accept", by, why)
    ticket.path.unlink(missing_ok=True)
    return robot


def _on_roll(host: Host, identity: str) -> Robot | None:
    with suppress(MisuseError):
        return host.ledger.robot(identity)
    return None


def _path(host: Host, name: str) -> Path:
    return host.tickets / (hashlib.sha256(name.encode()).hexdigest()[:32] + ".ticket")
