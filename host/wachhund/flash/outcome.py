"""How a flash ends: exit statuses, for good, and the refusal that carries one.

10 to 25 are the installer's own (deploy/installer/wachhund_install/outcome.py, docs/flash.md), handed on as they come.
"""

from wachhund_evidence import WachhundError

OK, FAILED = 0, 1
ARCHITECTURE = 11  # there is no bundle for the robot's machine
NO_PYTHON = 12
NO_SYSTEMD = 14
NO_SPACE = 15
OTHER_VERSION = 17
NOT_INSTALLED = 18
BUSY = 19
UNREACHABLE = 30  # nothing speaks SSH there, or not as we do
UNKNOWN_KEY = 31  # the robot's SSH host key was not confirmed
CHANGED_KEY = 32  # it is another one than was kept
NO_LOGIN = 33  # neither password nor key opens it
NO_SUDO = 34  # this user may not become root there
LOST = 35  # the connection ended, or hung, in the middle
STRANGE = 36  # the robot's answers can't be understood
NO_HOST = 37  # no host runs on this data folder, or the robot can't reach it
ELSEWHERE = 38  # the robot is enrolled at another host, or what enrolled was not the robot that we speak to
NOT_VERIFIED = 39  # it runs, and this host does not call it verified in time
DECLINED = 40  # whoever was asked said no
BAD_IMAGE = 41  # a card's image has a damaged file system, or what was written into it is not there
INSTALLERS = frozenset({FAILED, 2, *range(10, 26)})


class FlashRefused(WachhundError):
    """Why it does not go on: one line, what, where, what to do; and the exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
