"""What is to be done to a robot."""

from dataclasses import dataclass

INSTALL, UPDATE, UNINSTALL = "install", "update", "uninstall"
DISABLE_TUNNEL, RESTORE_TUNNEL = "disable-vendor-tunnel", "restore-vendor-tunnel"


@dataclass(frozen=True)
class Wish:
    """`name`: for a robot that enrols. `within_s`: how long a host's receipt may take. `fingerprint`: of its SSH key.

    `replaces`: the robot of that name gives way to this board. `older`: also to an older version. `keeps_changed`: a
    vendor's file that was changed since its backup stays as it is.
    """

    act: str
    name: str
    replaces: bool = False
    older: bool = False
    dry_run: bool = False
    within_s: int = 120
    fingerprint: str | None = None
    keeps_changed: bool = False
