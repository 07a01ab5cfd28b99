"""The parsers that are fuzzed: how each is called, what it starts from, and which functions its coverage is of.

A case passes when the parser returns, or raises what its docstring says. Seeds are real: this machine's own files.
"""

import contextlib
import json
import pathlib
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wachhund_agent.kernel import addresses, inotify, procfs, sock_diag, tracefs
from wachhund_agent.sensors import posture, redact, script, station, watcher
from wachhund_evidence import RejectedEvidence, strict_json, text

RECORDED = pathlib.Path(__file__).parents[1] / "unit/agent/kernel/recorded/tracefs-6.18.json"


class Parser(NamedTuple):
    """`call` takes any bytes. `covers`: (module, names of functions or methods) whose branches count."""

    call: Callable[[bytes], object]
    seeds: Sequence[bytes]
    covers: Sequence[tuple[str, Sequence[str]]]


def _file(path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()[:65536]
    except OSError:
        return b""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _words(data: bytes) -> list[bytes]:
    return data.split(b"\0")


def _format(data: bytes) -> None:
    with contextlib.suppress(tracefs.TracefsError):
        _, decode = tracefs.parse_format(_text(data))
        with contextlib.suppress(struct.error):  # a record shorter than its format: parse_page stops there
            decode(data, 0)


def _page(data: bytes) -> None:
    recorded = json.loads(RECORDED.read_text())
    decoders = {}
    for name, content in recorded["formats"].items():
        number, decode = tracefs.parse_format(content)
        decoders[number] = (name, decode)
    tracefs.parse_page(data, decoders)


def _packages(data: bytes) -> None:
    scan = posture.PackageScan(["*"])
    for start in range(0, len(data), 7):
        scan.feed(data[start : start + 7])
    scan.end()


def _strict(data: bytes) -> None:
    with contextlib.suppress(RejectedEvidence):
        strict_json.parse_object(data)


PARSERS: dict[str, Parser] = {
    "proc stat": Parser(
        procfs.parse_stat, [_file("/proc/self/stat"), b"7 (a) R 1 (b) S 3"], [("kernel.procfs", ["parse_stat"])]
    ),
    "proc cgroup": Parser(
        procfs.container_of,
        [_file("/proc/self/cgroup"), b"0::/docker/" + b"ab" * 32],
        [("kernel.procfs", ["container_of"])],
    ),
    "proc fib_trie": Parser(
        addresses.parse_fib_trie, [_file("/proc/net/fib_trie")], [("kernel.addresses", ["parse_fib_trie"])]
    ),
    "proc if_inet6": Parser(
        addresses.parse_if_inet6,
        [_file("/proc/net/if_inet6"), b"00000000000000000000000000000001 01 80 10 80 lo\n"],
        [("kernel.addresses", ["parse_if_inet6"])],
    ),
    "proc route": Parser(
        addresses.parse_default_routes,
        [b"Iface\nppp0\t00000000\t0\t1\t0\t0\t0\t00000000\t0\t0\t0\n"],
        [("kernel.addresses", ["parse_default_routes"])],
    ),
    "proc schedstat, status": Parser(
        lambda data: (watcher.waited_s(_text(data)), watcher.tracer(_text(data))),
        [_file("/proc/self/schedstat"), _file("/proc/self/status"), b"TracerPid:\t7\n"],
        [("sensors.watcher", ["waited_s", "tracer"])],
    ),
    "trace format": Parser(_format, [], [("kernel.tracefs", ["parse_format", "parse_format.decode"])]),
    "trace page": Parser(_page, [], [("kernel.tracefs", ["parse_page"])]),
    "inotify events": Parser(
        inotify.parse_events,
        [struct.pack("=iIII", 1, 2, 0, 8) + b"name\0\0\0\0"],
        [("kernel.inotify", ["parse_events"])],
    ),
    "dnsmasq leases": Parser(
        station.parse_leases,
        [b"1700000000 02:00:00:00:00:01 192.168.12.20 phone *\n1 a b *\n"],
        [("sensors.station", ["parse_leases"])],
    ),
    "shadow": Parser(
        lambda data: posture.shadow_hash(data, "pi"),
        [b"root:*:1\npi:$6$a$b:1\n"],
        [("sensors.posture", ["shadow_hash"])],
    ),
    "dpkg status": Parser(
        _packages,
        [b"Package: sudo\nStatus: install ok installed\nVersion: 1\n\nPackage: x\n"],
        [("sensors.posture", ["PackageScan.feed", "PackageScan.end", "PackageScan._line"])],
    ),
    "arguments, secrets": Parser(
        lambda data: redact.redact([text(word) for word in _words(data)], ["--door"]),
        [
            b"sshpass\0-p\0x",
            b"curl\0-u\0a:b\0https://a:b@c/",
            b"sh\0-c\0mysql -pX; A_TOKEN=1 x",
            b"wpa_passphrase\0a\0b",
            b"7z\0-pabc",
            b"x\0Authorization: Bearer a",
            b"--door\0a",
            b"--door=1",
        ],
        [("sensors.redact", ["redact", "_inside", "_sentence", "_base"])],
    ),
    "arguments, script": Parser(
        lambda data: script.script_of(_words(data)[1:], "/w", _text(_words(data)[0]) or None),
        [
            b"/usr/bin/python3\0python3\0-u\0-W\0x\0s.py",
            b"/bin/bash\0bash\0-x\0+o\0a\0s.sh",
            b"/usr/bin/perl\0perl\0-we\0s",
            b"/usr/bin/node\0node\0--require\0x\0inspect\0s.js",
            b"/bin/busybox\0sh\0./s",
            b"/usr/bin/ruby\0ruby\0-C\0/x\0s.rb",
        ],
        [("sensors.script", ["script_of", "_short", "_name"])],
    ),
    "strict JSON": Parser(
        _strict, [b'{"a": [1, {"b": null}], "c": "\\u00e9", "d": 1.5}'], [("evidence:strict_json", ["parse_object"])]
    ),
}


def _with_recordings() -> None:
    recorded = json.loads(RECORDED.read_text())
    formats = [content.encode("ascii", "replace") for content in recorded["formats"].values()]
    PARSERS["trace format"] = PARSERS["trace format"]._replace(seeds=formats)
    PARSERS["trace page"] = PARSERS["trace page"]._replace(seeds=[bytes.fromhex(recorded["page"])])
    PARSERS["sock_diag"] = Parser(
        _sock_diag,
        [b"".join(_netlink(body) for body in (bytes([2, 1]) + bytes(70), bytes([10, 1]) + bytes(70) + _TCP_INFO))],
        [("kernel.sock_diag", ["parse_socket", "_messages", "_counters", "address_text"])],
    )


_TCP_INFO = struct.pack("=HH", 4 + 248, 2) + bytes(248)


def _netlink(body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), 20, 0, 1, 0) + body


def _sock_diag(data: bytes) -> None:
    with contextlib.suppress(struct.error, sock_diag.KernelError):  # the dump turns the one into the other
        for _, body in sock_diag._messages(data):
            sock_diag.parse_socket(body)


_with_recordings()
