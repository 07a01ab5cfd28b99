"""What this thread may do beyond its user: capabilities(7), read from procfs and given up with capset(2) and prctl(2).

Numbers after <linux/capability.h>, <linux/prctl.h> and <linux/securebits.h>. The kernel keeps all of it for each thread
by itself: what one thread gives up, the others keep.
"""

import contextlib
import ctypes
import os
import struct
import threading
from typing import FrozenSet, Iterable

DAC_OVERRIDE, DAC_READ_SEARCH, SETPCAP, NET_ADMIN, NET_RAW, SYS_PTRACE, SYS_ADMIN = 1, 2, 8, 12, 13, 19, 21
_VERSION_3 = 0x20080522
_HEADER = struct.Struct("=Ii")
_SETS = struct.Struct("=6I")  # effective, permitted, inheritable; the low 32 bits first, then the high ones
_LOW = 0xFFFFFFFF
_CAPBSET_DROP, _SET_SECUREBITS, _SET_NO_NEW_PRIVS, _AMBIENT, _AMBIENT_CLEAR_ALL = 24, 28, 38, 47, 4
_NO_ROOT = 0x2F  # NOROOT, NO_SETUID_FIXUP and KEEP_CAPS off for good: a child of root is no more than we are
_LAST = 63


def effective(status: str = "/proc/thread-self/status") -> FrozenSet[int]:
    """The capabilities of this thread; none where the kernel doesn't say."""
    return _named(status, b"CapEff")


def _named(status: str, name: bytes) -> FrozenSet[int]:
    try:
        with open(status, "rb") as lines:
            for line in lines:
                field, _, value = line.partition(b":")
                if field == name:
                    bits = int(value, 16)
                    return frozenset(number for number in range(_LAST + 1) if bits >> number & 1)
    except (OSError, ValueError):
        pass
    return frozenset()


def allows(capability: int) -> bool:
    """Whether it is worth trying: this thread has it, or is root (who owns the files that it would be for)."""
    return os.geteuid() == 0 or capability in effective()


def keep_only(wanted: Iterable[int]) -> FrozenSet[int]:
    """Give up what this thread has beyond `wanted`, for itself and its children, for good. Returns what is left.

    Raises OSError when the kernel refuses: then nothing may be believed of it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    had = effective()
    left = had.intersection(wanted)
    with contextlib.suppress(OSError):  # Linux before 4.3 has no ambient set: there is nothing to clear
        _prctl(libc, _AMBIENT, _AMBIENT_CLEAR_ALL)
    if SETPCAP in had:
        for number in _named("/proc/thread-self/status", b"CapBnd") - left:
            _prctl(libc, _CAPBSET_DROP, number)
        _prctl(libc, _SET_SECUREBITS, _NO_ROOT)
    _prctl(libc, _SET_NO_NEW_PRIVS, 1)
    bits = sum(1 << number for number in left)
    sets = _SETS.pack(bits & _LOW, bits & _LOW, 0, bits >> 32, bits >> 32, 0)
    if libc.capset(_HEADER.pack(_VERSION_3, 0), sets) != 0:
        _fail("capset")
    if effective() != left:
        raise OSError(0, "the kernel kept other capabilities than asked in thread {}".format(threading.get_ident()))
    return left


def _prctl(libc: ctypes.CDLL, what: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    if libc.prctl(ctypes.c_int(what), ctypes.c_ulong(value), zero, zero, zero) != 0:
        _fail("prctl {}".format(what))


def _fail(what: str) -> None:
    code = ctypes.get_errno()
    raise OSError(code, "{}: {}".format(what, os.strerror(code)))
