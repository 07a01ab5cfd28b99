"""What starts by itself on this machine that no package brought, and what gets in the way of every program?

dpkg's own lists say which file came with which package (deb(5): DEBIAN/md5sums, /var/lib/dpkg/info). What stands in a
place from which things are started and is in no list was put there by somebody: by the maker, by whoever looks after
the robot, or by whoever was on it.
"""

import hashlib
from collections.abc import Iterator

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.inspection.tunnels import start_words
from wachhund.robot_tree.files import Files

_INFO = "/var/lib/dpkg/info"
_FOLDERS = {  # from where something is started, and how deep to look
    "/etc/systemd/system": 3, "/lib/systemd/system": 3, "/etc/systemd/user": 3, "/etc/init.d": 1, "/etc/cron.d": 1,
    "/etc/cron.daily": 1, "/etc/cron.hourly": 1, "/etc/cron.weekly": 1, "/etc/cron.monthly": 1,
    "/var/spool/cron/crontabs": 1, "/etc/profile.d": 1, "/etc/xdg/autostart": 1, "/etc/udev/rules.d": 1,
    "/etc/sudoers.d": 1, "/etc/pam.d": 1, "/etc/ld.so.conf.d": 1, "/etc/modules-load.d": 1, "/etc/update-motd.d": 1,
    "/etc/NetworkManager/dispatcher.d": 2, "/etc/network/if-up.d": 1, "/etc/ppp/ip-up.d": 1,
}  # fmt: skip
_HOMES = ("/home/pi", "/root")
_FOLDERS.update({f"{home}/.config/{name}": 3 for home in _HOMES for name in ("autostart", "systemd")})
_FILES = (
    *("/etc/rc.local", "/etc/crontab", "/etc/ld.so.preload", "/etc/profile", "/etc/bash.bashrc", "/etc/sudoers"),
    *(f"{home}/{name}" for home in _HOMES for name in (".bashrc", ".profile")),
)
PLACES = (*_FOLDERS, *_FILES, _INFO)
_MAX_LISTS = 20_000


def starting(files: Files, robot: KnownRobot) -> Answer:
    """Start places against dpkg's lists, the maker's start list against the stock one, and the loader's preload."""
    look = Look(files, "starting", "What starts by itself that neither a package nor the maker put there?")
    _preload(look)
    _start_list(look, robot)
    owned, sums = _packages(look)
    strange, changed = [], []
    if owned:
        for path in _start_places(look):
            if path in owned:
                if path in sums and _changed(look, path, sums[path]):
                    changed.append(path)
            elif not path.endswith((".dpkg-dist", ".dpkg-old", "/README", "/.placeholder")):
                strange.append(path)
    else:
        look.missed(f"{_INFO}: no lists of packages: which file came with which package is not known")
    if strange:
        look.found(
            "started-by-no-package", "informational", "These start something, and no package brought them", strange,
            "Whoever looks after the robot knows what each is for; what nobody knows may be an intruder's way back.",
            ("Look at each; remove what nobody knows, and keep a copy",), "dpkg -S PATH says which package owns a file",
            ("T1543.002", "T1053.003", "T1546.004"),
        )  # fmt: skip
    if changed:
        look.found(
            "packaged-start-changed", "medium", "These start something, and are not as their package brought them",
            changed, "A changed unit or script runs at each boot with the rights of the one that it replaced.",
            ("apt-get download PACKAGE and compare; reinstall what nobody changed on purpose",),
            "sudo dpkg --verify", ("T1554", "T1543.002"),
        )  # fmt: skip
    return look.answer()


def _preload(look: Look) -> None:
    lines = [line.strip() for line in look.lines("/etc/ld.so.preload") or ()]
    loaded = [line for line in lines if line and not line.startswith("#") and "libarmmem" not in line]
    if loaded:
        look.found(
            "ld-so-preload", "high", "A library is loaded into every program",
            [f"/etc/ld.so.preload: {line}" for line in loaded],
            "Such a library can hide files, processes and connections from whoever looks on the robot itself.",
            ("Keep a copy of the library, then empty /etc/ld.so.preload and reboot",), "cat /etc/ld.so.preload",
            ("T1574.006",),
        )  # fmt: skip


def _start_list(look: Look, robot: KnownRobot) -> None:
    strange = [word for word in start_words(look, robot) if word not in robot.stock_starts]
    if strange:
        look.found(
            "start-list-changed", "medium", "The maker's start list starts more than the maker put there",
            [f'{robot.start_list}: "{word}" is not in the stock list' for word in strange],
            "It runs at each boot, as the user who drives the robot.",
            ("Look at the folder of that name; take the word out if nobody knows it",), "wachhund audit again",
            ("T1037",),
        )  # fmt: skip


def _packages(look: Look) -> tuple[set[str], dict[str, str]]:
    """Which paths came with packages, and the MD5 of those of them that are no settings (as dpkg has them)."""
    wanted = (*_FOLDERS, *_FILES)
    owned: set[str] = set()
    sums: dict[str, str] = {}
    for name in look.names(_INFO)[:_MAX_LISTS]:
        if name.endswith(".list"):
            owned.update(line for line in look.lines(f"{_INFO}/{name}") or () if line.startswith(wanted))
        elif name.endswith(".md5sums"):
            for line in look.lines(f"{_INFO}/{name}") or ():
                digest, _, path = line.partition("  ")
                if f"/{path}".startswith(wanted):
                    sums[f"/{path}"] = digest
    return owned | {path.removeprefix("/usr") for path in owned}, sums


def _start_places(look: Look) -> Iterator[str]:
    for folder, depth in _FOLDERS.items():
        place = look.place(folder)
        if place is not None and place.is_folder:
            # A link in such a folder switches on what stands elsewhere: that is looked at there.
            yield from (path for path, one in look.below(look.real(folder), depth) if one.is_file)
    yield from (path for path in ("/etc/rc.local",) if look.place(path) is not None)


def _changed(look: Look, path: str, digest: str) -> bool:
    content = look.content(path)
    return content is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() != digest
