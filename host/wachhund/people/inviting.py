"""Letting people and programs in: what pages and the command line share. Each makes a secret that is shown once."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wachhund.people.roles import Role
from wachhund_evidence import MisuseError

if TYPE_CHECKING:
    from wachhund.ledger import Ledger

DAY_S = 86_400.0
LONGEST_LINK_DAYS = 30
LONGEST_TOKEN_DAYS = 366
MAX_WHY_CHARACTERS = 500
MAX_PATTERNS = 200
TOKEN_BEGIN = "wachhund_"  # noqa: S105  no secret: so that a scanner of repositories knows one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_PATTERN = re.compile(r"[^\s*]*(?:\*[^\s*]*){0,8}")


def hashed(secret: str) -> str:
    """How the ledger keeps a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_name(text: str) -> bool:
    """Whether a person can have that name."""
    return _NAME.fullmatch(text) is not None


def invite(
    ledger: "Ledger", name: str, roles: Mapping[str, str], days: float, *, by: str, why: str, t: float
) -> str:  # fmt: skip
    """Add a person. Returns the code of their one-time link. Raises MisuseError."""
    if not is_name(name):
        raise MisuseError(f"person {name!r}: give 1 to 64 letters, digits, dots, dashes or @, a letter or digit first")
    if not roles:
        raise MisuseError(f"person {name!r}: give a role")
    code = secrets.token_urlsafe(24)
    ledger.ways_in.invite(
        name, checked_roles(roles), hashed(code), t + _days(days, LONGEST_LINK_DAYS), by=by, why=reason(why), t=t
    )
    return code


def reset(ledger: "Ledger", name: str, days: float, *, by: str, why: str, t: float) -> str:
    """Returns the code of a link to set a new password. Raises MisuseError."""
    code = secrets.token_urlsafe(24)
    ledger.ways_in.reset(name, hashed(code), t + _days(days, LONGEST_LINK_DAYS), by=by, why=reason(why), t=t)
    return code


def make_token(
    ledger: "Ledger", person: str, title: str, roles: Mapping[str, str], days: float, *, by: str, t: float
) -> str:  # fmt: skip
    """Returns a new token of a person, bounded at each use by what they may then. Raises MisuseError."""
    if not title.strip() or len(title) > 100 or not title.isprintable():
        raise MisuseError("token: give it a name in 1 to 100 characters: what uses it?")
    if not roles:
        raise MisuseError("token: give it a role")
    token = TOKEN_BEGIN + secrets.token_urlsafe(32)
    ledger.ways_in.make_token(
        person, title.strip(), checked_roles(roles), hashed(token), t + _days(days, LONGEST_TOKEN_DAYS), by=by, t=t
    )
    return token


def checked_roles(roles: Mapping[str, str]) -> dict[str, str]:
    """Group -> role, as the ledger keeps it. Raises MisuseError for a role that is none."""
    known = [role.value for role in Role]
    for role in roles.values():
        if role not in known:
            raise MisuseError(f"role {role!r}: there is none: give {', '.join(known)}")
    return dict(roles)


def save_group(ledger: "Ledger", name: str, text: str, *, by: str, why: str, t: float) -> None:
    """Make or change a group of robots; `text`: names, with * for any characters, apart by spaces or commas."""
    if not _GROUP.fullmatch(name):
        raise MisuseError(f"group {name!r}: give 1 to 64 letters, digits, blanks, dots or dashes")
    patterns = list(dict.fromkeys(text.replace(",", " ").split()))
    if not 0 < len(patterns) <= MAX_PATTERNS:
        raise MisuseError(f"group {name!r}: give 1 to {MAX_PATTERNS} names of robots")
    for pattern in patterns:
        if len(pattern) > 200 or not pattern.isprintable() or not _PATTERN.fullmatch(pattern):
            raise MisuseError(f"group {name!r}: {pattern!r}: give a name with at most 8 times *")
    ledger.people.save_group(name, patterns, by=by, why=reason(why), t=t)


def reason(why: str) -> str:
    """Why somebody does something. Raises MisuseError."""
    why = why.strip()
    if not why or not why.isprintable() or len(why) > MAX_WHY_CHARACTERS:
        raise MisuseError(f"why: give a reason in 1 to {MAX_WHY_CHARACTERS} characters on one line: it stays on record")
    return why


def _days(days: float, longest: int) -> float:
    if not 0 < days <= longest:  # also not a number
        raise MisuseError(f"days: give more than 0 and at most {longest}")
    return days * DAY_S
