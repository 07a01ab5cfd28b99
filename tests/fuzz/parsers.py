"""The parsers that are fuzzed: how each is called, what it starts from, and which functions its coverage is of.

A case passes when the parser returns, or raises what its docstring says. Seeds are real: this machine's own files.
"""

import contextlib
import json
import pathlib
import socket
import struct
import xmlrpc.client
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots import bluetooth as radio
from tests.robots import rtps as spoken
from wachhund_agent.kernel import (
    addresses,
    conntrack,
    datagram_sockets,
    fanotify,
    hci_monitor,
    inotify,
    interface_files,
    nat_rules,
    netfilter,
    netlink,
    nl80211,
    procfs,
    rtnetlink,
    sock_diag,
    tracefs,
    tun_files,
    utmp,
    wireguard,
)
from wachhund_agent.sensors import (
    auth_log,
    control_topics,
    dns,
    dns_message,
    gatt,
    hci,
    kernel_modules,
    mqtt_packets,
    packet,
    persistence_memory,
    posture,
    provisioning,
    redact,
    ros_master,
    rtps,
    script,
    station,
    watcher,
    xml_rpc,
)
from wachhund_evidence import (
    ZERO_HASH,
    RejectedEvidence,
    base64url,
    raw_public_key,
    read_receipt,
    strict_json,
    text,
    thumbprint,
)
from wachhund_evidence.succession import SUCCESSOR_TYPE, Pinned, read_trusted, sign_successor
from wachhund_evidence.token import RECEIPT_TYPE, sign

RECORDED = pathlib.Path(__file__).parents[1] / "unit/agent/kernel/recorded/tracefs-6.18.json"
RULES = RECORDED.with_name("nat-rules-6.18.json")


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


def _attribute(kind: int, value: bytes) -> bytes:
    """One netlink attribute, padded."""
    return (struct.pack("=HH", 4 + len(value), kind) + value).ljust((4 + len(value) + 3) & ~3, b"\0")


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


def _packet(data: bytes) -> None:
    for ethertype in (0x0800, 0x86DD, 0x0806):
        packet.parse_packet(data, ethertype)


def _rtnetlink(data: bytes) -> None:
    for kind in (16, 17, 20, 21, 24, 25, 80):
        rtnetlink.parse(kind, data)
    for number, _, body in netlink.messages(data):
        rtnetlink.parse(number, body)


def _interfaces(data: bytes) -> None:
    for name in interface_files.parse_dev(data):
        interface_files.parse_route(data, {name: 1})
    interface_files.parse_route(data, {"eth0": 1, "lo": 2})
    interface_files.parse_ipv6_route(data, {"eth0": 1, "lo": 2})


def _netfilter(data: bytes) -> None:
    netfilter.has_nfnetlink(data)
    netfilter.is_nat_chain(data)
    netfilter.is_nat_rule(data)
    for at in (88, 140):
        netfilter.has_nat_target(data, at)
        nat_rules.of_older_table(data, at)
    nat_rules.of_nftables(data)
    conntrack.parse(data)


def _rtnetlink_seeds() -> list[bytes]:
    """What this machine's kernel answers now."""
    return [
        body
        for kind, size in ((18, 16), (22, 8), (26, 12))
        for _, body in netlink.dump(socket.NETLINK_ROUTE, kind, bytes(size))[:8]
    ]


_HOST_KEY, _NEXT_KEY, _RECOVERY_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([one]) * 32) for one in (1, 2, 3))


def _statements(data: bytes) -> None:
    """Receipts of a key that is not pinned: with these bytes as a statement, with a statement of these claims, and
    with these claims themselves."""
    pinned = Pinned(_HOST_KEY.public_key(), _RECOVERY_KEY.public_key(), 5)
    bodies: list[dict[str, object]] = [{"next": [_text(data)]}]
    with contextlib.suppress(RejectedEvidence):
        claims = strict_json.parse_object(data)
        signed = [sign(SUCCESSOR_TYPE, claims, key) for key in (_HOST_KEY, _RECOVERY_KEY, _NEXT_KEY)]
        bodies += [claims, {"next": signed}, *({"next": [one]} for one in signed)]
    for body in bodies:
        for key in (_NEXT_KEY, _HOST_KEY):
            with contextlib.suppress(RejectedEvidence):
                read_trusted(sign(RECEIPT_TYPE, body, key), pinned, "u")


def _statement_seeds() -> list[bytes]:
    claims = [
        json.dumps({"key": base64url.encode(raw_public_key(key.public_key())), "serial": serial}).encode("ascii")
        for key, serial in ((_NEXT_KEY, 9), (_NEXT_KEY, 5), (_RECOVERY_KEY, 9))
    ]
    lists = [b'{"next": []}', b'{"next": [1]}', b'{"next": null}']
    weak = json.dumps({"key": base64url.encode(b"\x01" + bytes(31)), "serial": 9}).encode("ascii")
    return [sign_successor(_NEXT_KEY.public_key(), 9, _HOST_KEY).encode("ascii"), *claims, weak, *lists]


def _receipt(data: bytes) -> None:
    """A receipt of the host's key with these claims."""
    with contextlib.suppress(RejectedEvidence):
        claims = strict_json.parse_object(data)
        key = _HOST_KEY.public_key()
        read_receipt(sign(RECEIPT_TYPE, claims, _HOST_KEY), {thumbprint(key): key}, "u")


def _receipt_seeds() -> list[bytes]:
    claims = {
        "ueid": "u", "chain": base64url.encode(bytes(16)), "seq": 4, "head": ZERO_HASH, "seen": ZERO_HASH,
        "nonce": base64url.encode(bytes(24)), "iat": 1,
    }  # fmt: skip
    helds = ([], [[6, 9], [11, 11]], [[4, 9]], [[9, 6]], [[6]], [[6, 9], [9, 12]])
    return [json.dumps({**claims, "held": held}).encode("ascii") for held in helds]


def _wireguard(data: bytes) -> None:
    wireguard.parse_endpoint(data)
    wireguard.parse_family(data)
    wireguard.parse_peers([data])


def _hci(data: bytes) -> None:
    frame = hci_monitor.parse_frame(data)
    if frame is not None:
        hci.parse_event(frame.data)
    hci_monitor.parse_connections(data)


def _gatt(data: bytes) -> None:
    """Packets, each behind a byte for its direction and one for its length."""
    together = gatt.Reassembly()
    at = 0
    while at + 2 <= len(data):
        size = data[at + 1]
        together.feed(0, bool(data[at] & 1), data[at + 2 : at + 2 + size])
        at += 2 + size
    together.forget(0, 64)
    gatt.parse_att(data)


def _in_packets(frames: Sequence[bytes]) -> bytes:
    return b"".join(b"\0" + bytes([len(frame) - 6]) + frame[6:] for frame in frames)


def _ros_master(data: bytes) -> None:
    with contextlib.suppress(xml_rpc.BadAnswer):
        xml_rpc.AnswerReader().feed(data)
    with contextlib.suppress(xml_rpc.BadAnswer):
        value = xml_rpc.parse_answer(data.partition(b"\r\n\r\n")[2])
        ros_master.parse_state(value)
        ros_master.parse_place(value)
        ros_master.parse_types(value)


def _ros_answer(value: object) -> bytes:
    body = xmlrpc.client.dumps((value,), methodresponse=True).encode()  # type: ignore[arg-type]
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _provisioning(data: bytes) -> None:
    reader = provisioning.SetUpReader("unitree")
    for message in data.split(b"\n\n"):
        reader.read(len(message), message[:64])


def _nl80211(data: bytes) -> None:
    nl80211.parse_family(data)
    nl80211.parse_station(data)
    nl80211.parse_access_points([data])


def _utmp(data: bytes) -> None:
    utmp.record_size(data)
    for size in (utmp.SIZE_COMPAT, utmp.SIZE_TIME64):
        utmp.parse_records(data, size)


def _mqtt(data: bytes) -> None:
    reader = mqtt_packets.PacketReader()
    for start in range(0, len(data), 5):
        for one in reader.feed(data[start : start + 5]):
            mqtt_packets.read_publish(one)


def _strict(data: bytes) -> None:
    with contextlib.suppress(RejectedEvidence):
        strict_json.parse_object(data)


_UDP = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    b"  1: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4711 2 0 0\n"
    b"  2: 0000000000000000FFFF00000100007F:0050 0100007F:0001 01 0:0 0:0 0 0 0 4712 2 0 0\n"
    b"  3: 0100007F:0035 x:0000 07 0:0 0:0 0 0 0 4713 2 0 0\n  4: 01:FFFFF 0:0 7 0:0 0:0 0 0 0 5 2 0\n"
)


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
        interface_files.parse_if_inet6,
        [_file("/proc/net/if_inet6"), b"00000000000000000000000000000001 01 80 10 80 lo\n"],
        [("kernel.interface_files", ["parse_if_inet6"])],
    ),
    "proc route": Parser(
        addresses.parse_default_routes,
        [b"Iface\nppp0\t00000000\t0\t1\t0\t0\t0\t00000000\t0\t0\t0\n"],
        [("kernel.addresses", ["parse_default_routes"])],
    ),
    "proc schedstat, status": Parser(
        lambda data: (watcher.times(_text(data)), watcher.tracer(_text(data))),
        [_file("/proc/self/schedstat"), _file("/proc/self/status"), b"TracerPid:\t7\n"],
        [("sensors.watcher", ["times", "tracer"])],
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
    "packet headers": Parser(
        _packet,
        [
            bytes.fromhex("4500002000014000401100000a0000010a0000021388 1f92000c0000") + b"data",
            bytes.fromhex("6000000000141140" + "00" * 15 + "01" + "00" * 15 + "02" + "0035003500140000") + b"data",
            bytes.fromhex("6000000000182c40" + "00" * 15 + "01" + "00" * 15 + "02" + "1100000000000009")
            + b"\0\x35\0\x35data",
            bytes.fromhex("6000000000180040" + "00" * 15 + "01" + "00" * 15 + "02" + "1100000000000000")
            + b"\0\x35\0\x35data",
            bytes.fromhex("450000200001400040010000" + "0a0000010a000002" + "0800000000070001"),
        ],
        [("sensors.packet", ["parse_packet", "_v4", "_v6"])],
    ),
    "DNS messages": Parser(
        dns_message.parse_message,
        [
            bytes.fromhex("0007010000010000000000000161036f72670000010001"),
            bytes.fromhex("0007818000010001000000000161036f72670000010001c00c000100010000003c0004cb007107"),
            bytes.fromhex("0007818000010001000000000161036f726700001c0001c00c001c00010000003c0010") + bytes(16),
        ],
        [("sensors.dns_message", ["parse_message", "_name"])],
    ),
    "hosts": Parser(
        dns.parse_hosts, [_file("/etc/hosts"), b"# x\n10.0.0.1 a b # c\n"], [("sensors.dns", ["parse_hosts"])]
    ),
    "auth.log": Parser(
        auth_log.parse_line,
        [
            b"Nov 24 10:00:00 h sshd[7]: Accepted publickey for pi from 192.0.2.7 port 4711 ssh2: RSA x",
            b"Nov 24 10:00:00 h sshd[7]: Failed password for invalid user x from ::ffff:1.2.3.4 port 1 ssh2",
            b"Nov 24 10:00:00 h sshd[7]: Failed none for pi from 192.0.2.7 port 1 ssh2",
            b"Nov 24 10:00:00 h sshd[7]: Invalid user x from 192.0.2.7 port 1",
            b"Nov 24 10:00:00 h sshd[7]: Disconnected from user pi 192.0.2.7 port 1",
            b"Nov 24 10:00:00 h sshd[7]: pam_unix(sshd:session): session closed for user pi",
            b"Nov 24 10:00:00 h sshd[7]: message repeated 5 times: [ Failed password for a from 1.2.3.4 port 1 ssh2]",
            b"Nov 24 10:00:00 h sudo: pam_unix(sudo:session): session opened for user root(uid=0) by pi(uid=1)",
            b"Nov 24 10:00:00 h su[9]: FAILED SU (to root) pi on pts/0",
            b"Nov 24 10:00:00 h login[9]: pam_unix(su:session): session opened for user a",
            b"Nov 24 10:00:00 h sshd: Accepted x",
        ],
        [("sensors.auth_log", ["parse_line", "_sshd", "_local", "_user", "_method", "_origin", "plain_address"])],
    ),
    "utmp": Parser(
        _utmp,
        [struct.pack("=h2xi32s4s32s256s", 7, 1, b"pts/0", b"a", b"pi", b"h").ljust(384, b"\1")]
        + [
            (struct.pack("=h2xi32s4s32s256s", 7, 1, b"pts/0", b"a", b"pi", b"h").ljust(size, b"\0")) * 2
            for size in (384, 400)
        ]
        + [struct.pack("=h2xi32s4s32s256shhiii", 7, 1, b"", b"", b"", b"", 0, 0, 0, 0, 0) + b"\xc0\0\2\7" + bytes(32)],
        [("kernel.utmp", ["record_size", "_plausible", "parse_records", "_name", "_address"])],
    ),
    "proc net/udp": Parser(
        lambda data: datagram_sockets.parse_sockets(data, "udp"),
        [_UDP, _file("/proc/net/udp6")],
        [("kernel.datagram_sockets", ["parse_sockets", "parse_address"])],
    ),
    "proc modules": Parser(
        kernel_modules.parse_modules,
        [_file("/proc/modules"), b"a 1 2\n"],
        [("sensors.kernel_modules", ["parse_modules"])],
    ),
    "persistence memory": Parser(
        persistence_memory.parse_state,
        [b'{"files":{"/a":["00",420,0,"cron",[1,2,3,4]]}}', b'{"files":{"/a":[null,1,1,"x",[1]]}}', b"{"],
        [("sensors.persistence_memory", ["parse_state"])],
    ),
    "MQTT stream": Parser(
        _mqtt,
        [
            mqtt_packets.connect("a", 60),
            mqtt_packets.subscribe(["a/b"]),
            b"\x30\x07\0\3a/bxy",
            b"\x32\x09\0\3a/b\0\1xy",
            b"\x20\x02\0\0\x90\x03\0\1\x80",
            b"\x30\xff\xff\xff\x7f",
        ],
        [("sensors.mqtt_packets", ["read_publish", "PacketReader.feed", "PacketReader._take_header"])],
    ),
    "MQTT payloads": Parser(
        lambda data: (control_topics.kind_of(data, len(data)), control_topics.kind_of(data, len(data) + 9)),
        [
            b"",
            b'{"a": 1}',
            b"[1, 2",
            b"import os\nx = 1",
            b"rm -rf /",
            b"#!/bin/sh\nls",
            struct.pack("4f", 0, 1, 2, 3),
            b"\xff\xfe",
            b"standUp",
            "gr\u00fc\u00df".encode(),
        ],
        [("sensors.control_topics", ["kind_of", "_is_python", "_is_shell", "_readable", "_four_numbers", "_is_json"])],
    ),
    "fdinfo": Parser(
        tun_files.parse_fdinfo,
        [b"pos:\t0\nflags:\t0100002\nmnt_id:\t25\niff:\ttun0\n"],
        [("kernel.tun_files", ["parse_fdinfo"])],
    ),
    "rtnetlink": Parser(
        _rtnetlink,
        _rtnetlink_seeds(),
        [
            ("kernel.netlink", ["messages", "attribute_list"]),
            ("kernel.rtnetlink", ["parse", "_links", "_addresses", "_routes"]),
        ],
    ),
    "proc net/dev, route": Parser(
        _interfaces,
        [
            _file("/proc/net/dev"),
            b"Iface\neth0\t00000000\t017BA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n",
            b"0" * 32 + b" 00 " + b"0" * 32 + b" 00 " + b"fe80" + b"0" * 28 + b" 00000400 0 0 00000003     eth0\n",
        ],
        [("kernel.interface_files", ["parse_dev", "parse_route", "parse_ipv6_route"])],
    ),
    "netfilter": Parser(
        _netfilter,
        [
            b"sk Eth Pid\n0 12 0\n",
            b"\0" * 4 + _attribute(7, b"nat\0"),
            b"\0" * 4 + _attribute(4, _attribute(1, _attribute(1, b"masq\0"))),
            b"\0" * 4
            + _attribute(4, _attribute(1, _attribute(1, b"target\0") + _attribute(2, _attribute(1, b"SNAT\0")))),
            *(bytes.fromhex(one["bytes"]) for one in json.loads(RULES.read_text())["rules"]),
            bytes(88) + struct.pack("=HH", 112, 152) + bytes(20) + b"\0\0MASQUERADE" + bytes(28),
            bytes(88) + struct.pack("=HH", 112, 152) + bytes(60) + bytes(88) + struct.pack("=HH", 112, 0),
        ],
        [
            ("kernel.netfilter", ["has_nfnetlink", "is_nat_chain", "is_nat_rule", "has_nat_target"]),
            ("kernel.nat_rules", ["of_nftables", "of_older_table", "_old_target", "_ports", "_matched"]),
            ("kernel.conntrack", ["parse", "_ends"]),
        ],
    ),
    "Bluetooth events": Parser(
        _hci,
        [
            *(radio.le_connected(64, radio.PHONE), radio.called(radio.PAD), radio.connected(1, radio.PAD)),
            *(radio.disconnected(1), radio.encrypted(1), radio.simply_paired(radio.PAD)),
            *(radio.link_key(radio.PAD, bytes(16)), radio.le_connected_enhanced(1, radio.PHONE, 0)),
            struct.pack("=HH", 0, 1) + struct.pack("=H6sBBHI", 64, b"abcdef", 0x80, 0, 1, 0),
        ],
        [
            ("kernel.hci_monitor", ["parse_frame", "parse_connections"]),
            ("sensors.hci", ["parse_event", "_parse", "_le", "_handle", "_address"]),
        ],
    ),
    "Bluetooth attributes": Parser(
        _gatt,
        [
            _in_packets(radio.written(64, 16, bytes(60), pieces=27)),
            _in_packets(radio.discovered(64, [(1, 2, "ffe1"), (3, 4, "ffe2")])),
            _in_packets([*radio.described(64, 3, "2902"), *radio.pairing(64, 1, bytes(6))]),
            *(b"\x52\x10\0ab", b"\x16\x10\0\0\0ab", b"\xd2\x10\0ab" + bytes(12), b"\x05\x02\x01\0" + bytes(16)),
        ],
        [
            (
                "sensors.gatt",
                [
                    *("parse_att", "uuid_text", "_write", "_declared", "_informed", "_pieces", "_names"),
                    *("Reassembly.feed", "Reassembly.forget"),
                ],
            )
        ],
    ),
    "Bluetooth set-up": Parser(
        _provisioning,
        [
            b"\n\n".join([radio.set_up(1, b"\0\0unitree"), radio.set_up(2, b""), *radio.chunks(4, b'";$(id);#')]),
            radio.set_up(1, b"\0\0unitree") + b"\n\n" + radio.set_up(6, b"\1US\0"),
        ],
        [("sensors.provisioning", ["SetUpReader.read", "SetUpReader._fits", "SetUpReader._speaks_shell"])],
    ),
    "ROS master": Parser(
        _ros_master,
        [
            _ros_answer([1, "state", [[["/topic", ["/node"]]], [], [["/service", ["/node"]]]]]),
            _ros_answer([1, "types", [["/topic", "std_msgs/String"]]]),
            _ros_answer([1, "node", "http://192.0.2.1:40000/"]),
            _ros_answer([1, "node", "http://[::1/"]),
            _ros_answer([1, "state", [["no entry", ["/topic", [""]], ["", ["/node"]], ["/topic", "/node"]]]]),
            _ros_answer([1, "types", ["no entry", ["/topic", 7], ["", "std_msgs/String"]]]),
            _ros_answer([0, "refused", [0] * (xml_rpc.ANSWER_VALUES + 1)]),
            _ros_answer("") + b" " * (xml_rpc.ANSWER_BYTES + 1),
            b"HTTP/1.1 200 OK\r\n\r\n" + b"<a>" * (xml_rpc.ANSWER_DEPTH + 1),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<value><struct/></value>",
            b"HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE a><a/>",
        ],
        [
            (
                "sensors.xml_rpc",
                [
                    *("AnswerReader.feed", "AnswerReader._head", "parse_answer", "_Builder.start", "_Builder.end"),
                    *("_Builder._read", "_Builder._keep"),
                ],
            ),
            ("sensors.ros_master", ["parse_state", "parse_place", "parse_types", "_success", "_name"]),
        ],
    ),
    "DDS announcements": Parser(
        rtps.parse_announcement,
        [
            spoken.message(spoken.timestamp(), spoken.data()),
            spoken.message(spoken.data(order=">", closed=False), vendor=7),
            spoken.message(spoken.source(bytes(12), spoken.FAST), spoken.data(leaves=True, lease=None)),
        ],
        [("sensors.rtps", ["parse_announcement", "_parse", "_read", "_parameters"])],
    ),
    "nl80211": Parser(
        _nl80211,
        [
            b"\x13\1\0\0" + _attribute(3, struct.pack("=I", 4)) + _attribute(6, b"\2\0\0\0\0\1"),
            b"\x07\1\0\0" + _attribute(3, bytes(4)) + _attribute(4, b"wlan1\0") + _attribute(5, b"\3\0\0\0"),
            b"\1\1\0\0"
            + _attribute(1, b"\x21\0")
            + _attribute(2, b"nl80211\0")
            + _attribute(7, _attribute(1, _attribute(1, b"mlme\0") + _attribute(2, b"\7\0\0\0"))),
        ],
        [("kernel.nl80211", ["parse_family", "parse_station", "parse_access_points"])],
    ),
    "wireguard": Parser(
        _wireguard,
        [struct.pack("=HH", 2, 0) + bytes(12)],
        [("kernel.wireguard", ["parse_endpoint", "parse_family"])],
    ),
    "fanotify events": Parser(
        fanotify.parse_events,
        [
            struct.pack("=IBBHQii", 24, 3, 0, 24, 32, -1, 7),
            struct.pack("=IBBHQii", 56, 3, 0, 24, 32, -1, 7)
            + struct.pack("=BBHiiIi", 1, 0, 32, 1, 2, 12, 1)
            + b"x" * 12,
        ],
        [("kernel.fanotify", ["parse_events", "_handle"])],
    ),
    "host key statements": Parser(
        _statements,
        _statement_seeds(),
        [("evidence:succession", ["read_successor", "follow", "read_trusted"]), ("evidence:receipt", ["next_of"])],
    ),
    "receipts": Parser(_receipt, _receipt_seeds(), [("evidence:receipt", ["read_receipt", "_held"])]),
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
        [
            ("kernel.netlink", ["messages", "attribute_list"]),
            ("kernel.sock_diag", ["parse_socket", "_counters", "address_text"]),
        ],
    )


_TCP_INFO = struct.pack("=HH", 4 + 248, 2) + bytes(248)


def _netlink(body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), 20, 0, 1, 0) + body


def _sock_diag(data: bytes) -> None:
    with contextlib.suppress(struct.error):  # the dump turns it into a KernelError
        for _, _, body in netlink.messages(data):
            sock_diag.parse_socket(body)


_with_recordings()
