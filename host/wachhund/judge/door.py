"""Who stands between the outside and a service of the robot."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Door:
    """The process through which somebody comes in."""

    puid: str | None
    pid: int | None
    exe: str | None
    user: str | None
