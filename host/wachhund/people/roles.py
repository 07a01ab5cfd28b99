"""What each role may do, and to which robots. No I/O: the ledger keeps grants, the web asks `holds`.

A grant is a role for a group of robots. Reading is for everybody who may log in, for all robots: a fleet is one fleet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

ALL = "all"  # the group that has every robot, also those to come


class Role(StrEnum):
    """Viewer < auditor, operator < admin; of auditor and operator neither may what the other may."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ADMIN = "admin"


class Right(StrEnum):
    """What a page or an API endpoint asks for."""

    ANYBODY = "anybody"  # also who is not logged in
    OWN = "own"  # a person's own account: every person, no token
    SEE = "see"
    EXPORT = "export"
    ACT = "act"
    AUDIT = "audit"
    ADMINISTER = "administer"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.AUDITOR: frozenset({Right.SEE, Right.EXPORT, Right.AUDIT}),
    Role.OPERATOR: frozenset({Right.SEE, Right.EXPORT, Right.ACT}),
    Role.ADMIN: frozenset({Right.SEE, Right.EXPORT, Right.ACT, Right.AUDIT, Right.ADMINISTER}),
}
MEANING: Mapping[Right, str] = {
    Right.ANYBODY: "needs no login",
    Right.OWN: "your own account",
    Right.SEE: "see robots, sessions, incidents and evidence",
    Right.EXPORT: "hand on evidence of a robot",
    Right.ACT: "act on a robot and its incidents",
    Right.AUDIT: "read the log of people's acts",
    Right.ADMINISTER: "change people and settings",
}
ROLE_MEANING: Mapping[Role, str] = {
    Role.VIEWER: "sees everything, changes nothing",
    Role.AUDITOR: "sees everything, hands on evidence, reads the log of acts; changes nothing",
    Role.OPERATOR: "acts on the robots of the group and on their incidents, and hands on their evidence",
    Role.ADMIN: "may everything, also people and settings",
}


@dataclass(frozen=True)
class Grant:
    """A role for a group of robots."""

    role: Role
    group: str = ALL


Groups = Mapping[str, Sequence[str]]


def matches(pattern: str, name: str) -> bool:
    """Whether a robot's name is of that pattern: `*` stands for any characters, everything else for itself."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    *middle, last = rest
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def in_group(group: str, robot: str, groups: Groups) -> bool:
    """Whether a robot (its name) is in a group. One that is not there any more has no robots."""
    return group == ALL or any(matches(pattern, robot) for pattern in groups.get(group, ()))


def holds(grants: Iterable[Grant], right: Right, groups: Groups, robot: str | None = None) -> bool:
    """Whether these grants give that right: for that robot (its name), or with None for at least one group.

    People, settings and the log of acts are of no robot: they need the group `all`.
    """
    if right in (Right.ANYBODY, Right.OWN):
        return True
    for grant in grants:
        if right not in RIGHTS[grant.role]:
            continue
        if right is Right.SEE or grant.group == ALL:
            return True
        if right in (Right.EXPORT, Right.ACT) and (robot is None or in_group(grant.group, robot, groups)):
            return True
    return False
