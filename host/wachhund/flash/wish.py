"""What is to be done to a robot."""

from dataclasses import dataclass

INSTALL, UPDATE, UNINSTALL = "install", "update", "uninstall"


@dataclass(frozen=True)
class Wish:
    """`name`: for a robot that enrols. `within_s`: how long a host's receipt may take. `fingerprint`: of its SSH key.

    `replaces`: the robot of that name gives way to this board. `older`: also to an older version.
    """

    act: str
    name: str
    replaces: bool = False
    older: bool = False
    dry_run: bool = False
    within_s: int = 120
    fingerprint: str | None = None
