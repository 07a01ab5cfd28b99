"""Run a program that the kernel kills when its parent ends, however it ends (prctl(2), PR_SET_PDEATHSIG).

Started as a file of its own: a hook between fork and exec is not safe in a process with threads. The kernel watches
the *thread* that started the child, so that thread has to live as long as the child may.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become `arguments[1:]`, a child of process `arguments[0]`. Returns only if that parent is gone already."""
    parent, command = int(arguments[0]), arguments[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() == parent:
        # The parent names the program and its arguments; no shell reads them.
        os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
