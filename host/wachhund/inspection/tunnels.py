"""Is a maker's tunnel there, does it start by itself, and was it enrolled?"""

from collections.abc import Sequence

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot, Tunnel
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

PLACES = ("/usr/local/zhexi", "/etc/systemd/system", "/lib/systemd/system")
_UNIT_FOLDERS = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")


def vendor_tunnel(files: Files, robot: KnownRobot) -> Answer:
    """Of each tunnel that the maker of this model ships."""
    look = Look(files, "vendor-tunnel", "Can the maker, or whoever holds the maker's key, reach this robot?")
    words = start_words(look, robot)
    for tunnel in robot.tunnels:
        _of(look, robot, tunnel, words)
    return look.answer()


def start_words(look: Look, robot: KnownRobot) -> tuple[str, ...]:
    """The words of the maker's start list, in order; what is commented out is none."""
    lines = look.lines(robot.start_list) if robot.start_list else None
    return tuple(word for line in lines or () for word in line.partition("#")[0].split())


def _of(look: Look, robot: KnownRobot, tunnel: Tunnel, words: Sequence[str]) -> None:
    def there(paths: Sequence[str]) -> list[str]:
        return [f"{path} is there" for path in paths if look.place(path) is not None]

    installed, enrolled, installers = there(tunnel.programs), there(tunnel.enrolled), there(tunnel.installers)
    units = [f"{folder}/{unit}" for folder in _UNIT_FOLDERS for unit in tunnel.units]
    starts = [f"{unit} is there" for unit in units if look.place(unit) is not None]
    by_list = tunnel.starts_as is not None and tunnel.starts_as in words
    if by_list and (installers or installed):
        starts.append(f'{robot.start_list} starts "{tunnel.starts_as}" at each boot')
    name = f"vendor-tunnel-{tunnel.what.lower()}"
    recheck = "wachhund audit again: the same question passes when no such file is there and nothing starts it"
    fix = (
        "wachhund flash ssh pi@ADDRESS --disable-vendor-tunnel ends it and keeps it from starting, with a backup",
        *((f'or by hand: take "{tunnel.starts_as}" out of {robot.start_list}',) if tunnel.starts_as else ()),
        *(f"sudo systemctl disable --now {unit}" for unit in tunnel.units),
        "change the passwords of every board: whoever came through the tunnel may know them",
    )
    if enrolled:
        look.found(
            f"{name}-enrolled", "high", f"{tunnel.what} is installed and was enrolled",
            [*enrolled, *installed, *starts],
            "Whoever holds the maker's cloud key can list this robot, open ssh to it, look through its cameras and "
            "drive it, from anywhere, without its owner being asked or told.",
            fix, recheck, tunnel.references,
        )  # fmt: skip
    elif installed or starts:
        look.found(
            f"{name}-starts", "high" if starts else "medium",
            f"{tunnel.what} {'starts by itself' if starts else 'is installed'}, and is not enrolled yet",
            [*installed, *starts, *installers],
            "It enrols itself at the maker's cloud as soon as the robot is in the internet; from then on whoever holds "
            "the cloud's key reaches the robot.",
            fix, recheck, tunnel.references,
        )  # fmt: skip
    elif installers:
        look.found(
            f"{name}-lies-there", "low", f"{tunnel.what} lies on the robot, and nothing starts it", installers,
            "Whoever is on the robot can start it with one command.", fix[1:], recheck, tunnel.references,
        )  # fmt: skip
