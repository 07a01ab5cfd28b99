"""Inviting a robot: a token for a person to carry, of which the host keeps a hash only."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from wachhund.fleet.authority import Authority
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.registration import check_name, make_robot_id
from wachhund.ledger import Invited, Ledger
from wachhund.ledger.roll import FIRST
from wachhund_evidence import base64url, token_hash
from wachhund_evidence.enrolment import SECRET_BYTES, Invitation, invitation_hash, write_invitation

HOURS = 24.0


@dataclass(frozen=True)
class Token:
    """`text` is what the person carries. It is shown once: the host can't show it again."""

    text: str = field(repr=False)
    robot: str
    name: str
    expires_t: float


def kept_hash(shown: str) -> str:
    """What is kept of an invitation's hash, which is what a robot shows: who reads the ledger can't enrol with it."""
    return token_hash(shown)


def invite(
    ledger: Ledger, keys: HostKeys, authority: Authority, wanted: str, addresses: Sequence[str], by: str, now: float,
    purpose: str = FIRST, hours: float = HOURS,
) -> Token:  # fmt: skip
    """Make an invitation. `wanted`: the name of a new robot, or a known one for "rotate" and "replace".

    Raises MisuseError.
    """
    token, invited = draw(ledger, keys, authority, wanted, addresses, now, purpose, hours)
    ledger.invite(invited, by)
    return token


def draw(
    ledger: Ledger, keys: HostKeys, authority: Authority, wanted: str, addresses: Sequence[str], now: float,
    purpose: str = FIRST, hours: float = HOURS,
) -> tuple[Token, Invited]:  # fmt: skip
    """As `invite`, but nothing is kept: the token counts once `Ledger.invite` has the other. Raises MisuseError."""
    if purpose == FIRST:
        identity, name = make_robot_id(), check_name(wanted)
    else:
        robot = ledger.robot(wanted)
        identity, name = robot.id, robot.name
    invitation = Invitation(
        tuple(addresses), authority.pin, keys.key.public_key(), base64url.encode(secrets.token_bytes(SECRET_BYTES))
    )
    text = write_invitation(invitation)
    expires = now + hours * 3600
    hashed = kept_hash(invitation_hash(text))
    return Token(text, identity, name, expires), Invited(hashed, identity, name, purpose, now, expires)
