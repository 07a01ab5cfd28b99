"""Who may log in over ssh, and with what?"""

import base64
import fnmatch
import hashlib
import posixpath
from collections.abc import Iterator

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.judge.wording import shown
from wachhund.robot_tree.files import Files

PLACES = ("/etc/ssh", "/etc/passwd")
KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
_CONFIG = "/etc/ssh/sshd_config"
_MAX_INCLUDES = 64
MAX_HOMES = 200


def remote_login(files: Files, robot: KnownRobot) -> Answer:
    """sshd_config(5), the first word that counts, and the keys of every user."""
    look = Look(files, "remote-login", "Who may log in over ssh, and with what?")
    settings = _settings(look)
    if settings is None:
        return look.answer()
    if settings.get("permitrootlogin", ("prohibit-password", ""))[0] == "yes":
        look.found(
            "root-login", "high", "root may log in over ssh with a password", [settings["permitrootlogin"][1]],
            "Guessing one password is enough to own the robot, and nobody sees which person it was.",
            ("PermitRootLogin no in /etc/ssh/sshd_config, then sudo systemctl reload ssh",), "wachhund audit again",
            ("T1021.004",),
        )  # fmt: skip
    if settings.get("permitemptypasswords", ("no", ""))[0] == "yes":
        look.found(
            "empty-passwords-allowed", "high", "ssh lets in users without a password",
            [settings["permitemptypasswords"][1]], "Whoever knows a user's name is in.",
            ("PermitEmptyPasswords no in /etc/ssh/sshd_config",), "wachhund audit again", ("T1021.004", "CWE-258"),
        )  # fmt: skip
    if settings.get("passwordauthentication", ("yes", ""))[0] == "yes":
        place = settings.get("passwordauthentication", ("", f"{_CONFIG}: nothing said, and yes is sshd's default"))[1]
        look.found(
            "password-login", "low", "ssh takes passwords", [place],
            "Passwords can be guessed, read over a shoulder, and are commonly the same on a whole fleet.",
            ("Put a key of yours into ~/.ssh/authorized_keys, try it, then say PasswordAuthentication no",),
            "wachhund audit again", ("T1110",),
        )  # fmt: skip
    _keys(look)
    return look.answer()


def _settings(look: Look) -> dict[str, tuple[str, str]] | None:
    """Keyword (small letters) -> its value (small letters) and where it stands. As in sshd, the first one counts."""
    if look.place(_CONFIG) is None:
        return None
    found: dict[str, tuple[str, str]] = {}
    for place, (keyword, value, *_) in _said(look, _CONFIG, [_MAX_INCLUDES]):
        found.setdefault(keyword.lower(), (value.strip('"').lower(), place))
    return found


def _said(look: Look, path: str, left: list[int]) -> Iterator[tuple[str, list[str]]]:
    """Where each setting stands, and its words; what is included comes where it is. `left`: files that may be read."""
    left[0] -= 1
    for number, line in enumerate(look.lines(path) or () if left[0] >= 0 else (), start=1):
        words = line.replace("=", " ", 1).split()
        if len(words) < 2 or words[0].startswith("#"):
            continue
        if words[0].lower() == "match":
            return  # what stands below counts for some only
        if words[0].lower() == "include":
            folder, pattern = posixpath.split(posixpath.join("/etc/ssh", words[1]))
            for name in fnmatch.filter(look.names(folder), pattern):
                yield from _said(look, posixpath.join(folder, name), left)
        else:
            yield f"{path}:{number}: {line.strip()}", words


def _keys(look: Look) -> None:
    """Whose keys open this machine: noted, since only its owner knows which of them are theirs."""
    proof = []
    for home in _homes(look):
        for name in KEY_FILES:
            path = posixpath.join(home, name)
            for line in look.lines(path) or ():
                told = _key(line)
                if told:
                    proof.append(f"{path}: {told}")
    if proof:
        look.found(
            "authorized-keys", "informational", "These keys may log in without a password", proof,
            "Whoever holds one of them is in, also after every password was changed.",
            ("Compare each with the keys that you know; remove the lines of all others",),
            "ssh-keygen -lf FILE prints the same fingerprints", ("T1098.004",),
        )  # fmt: skip


def _homes(look: Look) -> list[str]:
    homes = [parts[5] for line in look.lines("/etc/passwd") or () if len(parts := line.split(":")) == 7]
    return list(dict.fromkeys(home for home in ["/root", *homes] if home.startswith("/") and home != "/"))[:MAX_HOMES]


def _key(line: str) -> str | None:
    """The fingerprint of a line of authorized_keys(5), as ssh-keygen tells it, and its comment."""
    words = line.split()
    for place, word in enumerate(words[:-1]):
        if word.startswith(("ssh-", "ecdsa-", "sk-")):
            try:
                blob = base64.b64decode(words[place + 1], validate=True)
            except ValueError:
                return None
            digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
            return shown(f"{word} SHA256:{digest} {' '.join(words[place + 2 :])}".rstrip(), 200)
    return None
