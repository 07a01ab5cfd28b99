"""Records of utmp, wtmp and btmp: who came, who went, who was turned away. Layout: utmp(5), <bits/utmp.h> of glibc.

glibc writes 384 bytes a record on x86_64 and on every 32-bit system, and 400 (64-bit session and times) on aarch64. A
64-bit kernel under a 32-bit system writes 384, so the machine's name does not decide: `record_size` looks at the file.
"""

import ipaddress
import platform
import struct
from typing import List, NamedTuple, Optional

USER_PROCESS, DEAD_PROCESS = 7, 8
SIZE_COMPAT, SIZE_TIME64 = 384, 400
_LAYOUTS = {
    SIZE_COMPAT: struct.Struct("=h2xi32s4s32s256shhiII16s20x"),
    SIZE_TIME64: struct.Struct("=h2xi32s4s32s256shhqqq16s24x"),
}
_HIGHEST_TYPE = 9
_LOOKED_AT = 8  # records that decide on a size: a wrong size shows itself in the second


class UtmpRecord(NamedTuple):
    """One record. `kind`: USER_PROCESS, DEAD_PROCESS or another of utmp(5). `address`: as text, None when not given.

    `seconds`: wall clock of the writer. Names are bytes up to the first NUL, as anybody wrote them.
    """

    kind: int
    pid: int
    line: bytes
    user: bytes
    host: bytes
    seconds: int
    address: Optional[str]


def native_size() -> int:
    """The size of a record that this system's own C library writes."""
    if struct.calcsize("P") == 8 and platform.machine() in ("aarch64", "arm64"):
        return SIZE_TIME64
    return SIZE_COMPAT


def record_size(start: bytes) -> int:
    """The size of the records that begin with `start` (a file's first bytes); this system's when both would do."""
    native = native_size()
    other = SIZE_COMPAT if native == SIZE_TIME64 else SIZE_TIME64
    return other if _plausible(start, other) and not _plausible(start, native) else native


def _plausible(data: bytes, size: int) -> bool:
    whole = len(data) // size
    for index in range(min(whole, _LOOKED_AT)):
        fields = _LAYOUTS[size].unpack_from(data, index * size)
        if not 0 <= fields[0] <= _HIGHEST_TYPE or not 0 <= fields[10] < 1000000:
            return False
    return whole > 0


def parse_records(data: bytes, size: int) -> List[UtmpRecord]:
    """The whole records in `data`; bytes of a record that is not complete are left out."""
    found = []
    for position in range(0, len(data) - size + 1, size):
        kind, pid, line, _, user, host, _, _, _, seconds, _, address = _LAYOUTS[size].unpack_from(data, position)
        found.append(UtmpRecord(kind, pid, _name(line), _name(user), _name(host), seconds, _address(address)))
    return found


def _name(field: bytes) -> bytes:
    return field.split(b"\x00", 1)[0]


def _address(field: bytes) -> Optional[str]:
    """IPv4 stands in the first four bytes, the rest zero."""
    if not any(field):
        return None
    if not any(field[4:]):
        return str(ipaddress.IPv4Address(field[:4]))
    address = ipaddress.IPv6Address(field)
    return str(address.ipv4_mapped or address)
