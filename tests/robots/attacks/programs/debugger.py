"""Holds another process as a debugger does, and lets it run (PTRACE_SEIZE). Usage: debugger.py PID SECONDS."""

import ctypes
import sys
import time

_SEIZE, _DETACH = 0x4206, 17


def main():
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    if library.ptrace(_SEIZE, int(sys.argv[1]), None, None) != 0:
        sys.exit(f"ptrace: error {ctypes.get_errno()}")
    time.sleep(float(sys.argv[2]))


if __name__ == "__main__":
    main()
