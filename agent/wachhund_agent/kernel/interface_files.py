"""Links, addresses and default routes as /proc and /sys list them: the rung below rtnetlink, where that is refused."""

import fcntl
import os
import socket
import struct
from typing import Dict, List, Optional

from wachhund_agent.kernel.procfs import read_file
from wachhund_agent.kernel.rtnetlink import MAIN_TABLE, AddressRecord, LinkRecord, RouteRecord, Snapshot
from wachhund_evidence import text

_LINKS = 256
_SIOCGIFADDR, _SIOCGIFNETMASK = 0x8915, 0x891B


def read_number(path: str, base: int = 10) -> Optional[int]:
    """The number in such a file, None when there is none."""
    data = read_file(path)
    try:
        return None if data is None else int(data, base)
    except ValueError:
        return None


def snapshot(proc: str, classes: str) -> Optional[Snapshot]:
    """All that the files tell; None when they can't be read. `proc`, `classes`: where /proc and /sys/class/net are."""
    listed = read_file(proc + "/net/dev")
    if listed is None:
        return None
    links: List[LinkRecord] = []
    found: List[AddressRecord] = []
    for name in parse_dev(listed)[:_LINKS]:
        record = _link(proc, classes, name)
        if record is not None:
            links.append(record)
            address = _first_address(name)
            if address is not None:
                found.append(AddressRecord(record.ifindex, address, False))
    numbers = {record.name: record.ifindex for record in links}
    found.extend(parse_if_inet6(read_file(proc + "/net/if_inet6") or b""))
    routes = parse_route(read_file(proc + "/net/route") or b"", numbers)
    routes += parse_ipv6_route(read_file(proc + "/net/ipv6_route") or b"", numbers)
    return Snapshot(links, found, routes)


def _link(proc: str, classes: str, name: str) -> Optional[LinkRecord]:
    folder = "{}/{}".format(classes, name)
    ifindex = read_number(folder + "/ifindex")
    if ifindex is None:
        try:
            ifindex = socket.if_nametoindex(name)
        except OSError:
            return None
    flags = read_number(folder + "/flags", 16) or 0
    carrier = read_number(folder + "/carrier")  # can't be read of a link that is down
    hardware = read_number(folder + "/type") or 0
    master = read_number(folder + "/master/ifindex") or 0
    forwarding = {}
    for family, part in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
        value = read_number("{}/sys/net/{}/conf/{}/forwarding".format(proc, part, name))
        if value is not None:
            forwarding[int(family)] = value != 0
    return LinkRecord(ifindex, name, None, hardware, bool(flags & 1 and carrier), master, None, forwarding, False)


def parse_dev(data: bytes) -> List[str]:
    """The names in /proc/net/dev."""
    lines = data.splitlines()[2:]
    return [text(line.split(b":")[0].strip()) for line in lines if b":" in line]


def parse_route(data: bytes, numbers: Dict[str, int]) -> List[RouteRecord]:
    """The routes to everywhere, or half of it, in /proc/net/route. `numbers`: index by name."""
    found: List[RouteRecord] = []
    for line in data.splitlines()[1:]:
        words = line.split()
        try:
            name, flags, metric = text(words[0]), int(words[3], 16), int(words[6])
            to, gateway, mask = (socket.inet_ntoa(struct.pack("=I", int(words[at], 16))) for at in (1, 2, 7))
        except (IndexError, ValueError, struct.error):
            continue
        length = {"0.0.0.0": 0, "128.0.0.0": 1}.get(mask)  # noqa: S104  # a mask, not bound to
        if length is None or flags & 1 == 0 or flags & 0x200 or name not in numbers:  # RTF_UP, RTF_REJECT
            continue
        via = gateway if flags & 2 else None
        found.append(
            RouteRecord(
                socket.AF_INET,
                MAIN_TABLE,
                "{}/{}".format(to, length),
                metric,
                numbers[name],
                via,
                False,
            )
        )
    return found


def parse_ipv6_route(data: bytes, numbers: Dict[str, int]) -> List[RouteRecord]:
    """The same of /proc/net/ipv6_route."""
    found: List[RouteRecord] = []
    for line in data.splitlines():
        words = line.split()
        try:
            to, via = (socket.inet_ntop(socket.AF_INET6, bytes.fromhex(text(words[at]))) for at in (0, 4))
            length, metric, flags, name = int(words[1], 16), int(words[5], 16), int(words[8], 16), text(words[9])
        except (IndexError, ValueError):
            continue
        if length > 1 or flags & 1 == 0 or flags & 0x200 or name not in numbers:
            continue
        gateway = via if flags & 2 else None
        destination = "{}/{}".format(to, length)
        table = MAIN_TABLE
        found.append(RouteRecord(socket.AF_INET6, table, destination, metric, numbers[name], gateway, False))
    return found


def parse_if_inet6(data: bytes) -> List[AddressRecord]:
    """The addresses in /proc/net/if_inet6."""
    found: List[AddressRecord] = []
    for line in data.splitlines():
        words = line.split()
        try:
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(text(words[0])))
            found.append(AddressRecord(int(words[1], 16), "{}/{}".format(address, int(words[2], 16)), False))
        except (IndexError, ValueError):
            continue
    return found


def _first_address(name: str) -> Optional[str]:
    """The first IPv4 address of a link (netdevice(7)), or None."""
    request = os.fsencode(name)[:15].ljust(40, b"\x00")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            address = fcntl.ioctl(any_socket.fileno(), _SIOCGIFADDR, request)[20:24]
            mask = fcntl.ioctl(any_socket.fileno(), _SIOCGIFNETMASK, request)[20:24]
    except OSError:
        return None
    return "{}/{}".format(socket.inet_ntoa(address), bin(int.from_bytes(mask, "big")).count("1"))
