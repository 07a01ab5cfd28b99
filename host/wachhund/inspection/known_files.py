"""Is a file there that is known by its hash, under whichever name?"""

import hashlib

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

# The robot's temporary folders, not ours: S108 takes them for places that we would write to.
_FOLDERS = {"/home/pi/Unitree/autostart": 4, "/usr/local": 5, "/opt": 4, "/home/pi": 2, "/tmp": 2, "/var/tmp": 2}  # noqa: S108
PLACES = tuple(_FOLDERS)
_ELF = b"\x7fELF"
_MOST = 8 << 20  # bytes; a larger program is not hashed


def known_files(files: Files, robot: KnownRobot) -> Answer:
    """Programs outside the system's own folders, by SHA-256."""
    look = Look(files, "known-files", "Is a program there that is known to let others in, under whichever name?")
    seen: set[str] = set()
    for folder, depth in _FOLDERS.items():
        for path, place in look.below(folder, depth):
            if path in seen or not place.is_file or not place.mode & 0o111 or not 0 < place.size <= _MOST:
                continue
            seen.add(path)
            content = look.content(path)
            if content is None or not content.startswith(_ELF) or len(content) < place.size:
                continue
            digest = hashlib.sha256(content).hexdigest()
            what = (robot.hashes or {}).get(digest)
            if what is not None:
                look.found(
                    f"known-file-{digest[:12]}", "medium", f"{what} lies on the robot", [f"{path}: SHA-256 {digest}"],
                    "It lets others in when it is started, whatever it is called.",
                    ("Keep a copy, then remove it",), f"sha256sum {path}", ("T1219",),
                )  # fmt: skip
    return look.answer()
