"""Does anybody get in with a password that everybody knows, or with none?"""

import ctypes
import hmac

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

SHADOW = "/etc/shadow"
PLACES = (SHADOW,)
_LOCKED = ("!", "*")
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")  # glibc's and Debian's; libxcrypt's own
_RECHECK = "wachhund audit again: only the hash is compared, no login is tried"


def default_passwords(files: Files, robot: KnownRobot) -> Answer:
    """The hashes in shadow(5) against the public defaults of this model."""
    look = Look(files, "default-passwords", "Does anybody get in with a password that everybody knows?")
    lines = look.lines(SHADOW)
    if lines is None:
        look.missed(f"{SHADOW}: no such file, or not to be read: whether a default password is in use is not known")
        return look.answer()
    stored = {user: rest.partition(":")[0] for user, _, rest in (line.partition(":") for line in lines) if user}
    for user, password in robot.defaults:
        setting = stored.get(user)
        if setting is None or setting == "" or setting.startswith(_LOCKED):
            continue
        is_it = _fits(password, setting)
        if is_it is None:
            look.missed(f"{SHADOW}: the hash of {user} is of a kind that can't be checked here")
        elif is_it:
            look.found(
                f"default-password-{user}", "high", f"The user {user} still has the password it was shipped with",
                [f"{SHADOW}: the hash of {user} fits the maker's public default"],
                "Whoever reaches ssh, by the robot's access point, a cable or a tunnel, is in, and is root by sudo.",
                (f"passwd {user}, on every board", "keys only: PasswordAuthentication no in /etc/ssh/sshd_config"),
                _RECHECK, ("T1078.001", "CWE-1392"),
            )  # fmt: skip
    empty = [user for user, setting in stored.items() if setting == ""]
    if empty:
        look.found(
            "empty-password", "high", "A user needs no password", [f"{SHADOW}: {user} has none" for user in empty],
            "Whoever reaches a login of this machine is that user.", [f"passwd {user}" for user in empty[:10]],
            _RECHECK, ("T1078.003", "CWE-258"),
        )  # fmt: skip
    return look.answer()


def _fits(password: str, setting: str) -> bool | None:
    """None: the method is not known here."""
    made = _crypt(password, setting)
    return None if made is None or made.startswith("*") else hmac.compare_digest(made, setting)


def _crypt(word: str, setting: str) -> str | None:
    """crypt(3) of this machine's own C library, which knows what its logins know; Python 3.13 dropped its own."""
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt
        except (OSError, AttributeError):
            continue
        function.restype, function.argtypes = ctypes.c_char_p, (ctypes.c_char_p, ctypes.c_char_p)
        made = function(word.encode(), setting.encode("ascii", "replace"))
        return None if made is None else made.decode("ascii", "replace")
    return None
