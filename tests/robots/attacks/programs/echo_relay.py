"""A relay within pings: its echo requests carry what comes from inside, the answers what comes from outside.

Usage: echo_relay.py HOST INNER_HOST INNER_PORT [connected]. It needs root, for a raw socket; `connected`: the kernel
knows with whom it speaks. A message is a mark, whether somebody is there, and bytes.
"""

import os
import select
import socket
import struct
import sys

REQUEST, ANSWER = 8, 0
ASKS, TELLS = b"\x51", b"\x41"  # an answer of the other end's kernel begins with ASKS too
HERE, GONE = b"\1", b"\0"
PIECE = 1100
IDLE_S = 0.05


def echo(kind, number, sequence, payload):
    """An ICMP message (RFC 792)."""
    head = struct.pack(">BBHHH", kind, 0, 0, number, sequence)
    words = head + payload + b"\0" * (len(payload) % 2)
    total = sum(struct.unpack(f">{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">BBHHH", kind, 0, ~total & 0xFFFF, number, sequence) + payload


def opened(packet, kind, mark):
    """The number, sequence and message of an IPv4 packet; None of one that is not ours."""
    message = packet[(packet[0] & 15) * 4 :]
    if len(message) < 10 or message[0] != kind or message[8:9] != mark:
        return None
    number, sequence = struct.unpack(">HH", message[4:8])
    return number, sequence, message[9:]


def main():
    host, inner = sys.argv[1], (sys.argv[2], int(sys.argv[3]))
    outer = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    if "connected" in sys.argv[4:]:
        outer.connect((host, 0))
    number, sequence, service, ended = os.getpid() & 0xFFFF, 0, None, False
    while True:
        ready = select.select([outer] if service is None else [outer, service], [], [], IDLE_S)[0]
        data = b""
        if service in ready:
            data = service.recv(PIECE)
            ended = not data
        told = b""
        if outer in ready:
            mine = opened(outer.recv(65536), ANSWER, TELLS)
            if mine is not None and mine[0] == number:
                there, told = mine[2][:1], mine[2][1:]
                if there == GONE and service is not None:
                    service.close()
                    service = None
                elif there == HERE and service is None:
                    service = socket.create_connection(inner)
                if told:
                    service.sendall(told)
        if ready and not (data or told or ended):
            continue  # an answer that brings nothing asks for none
        sequence = (sequence + 1) & 0xFFFF
        # Not only send: what is connected may be told where to as well.
        outer.sendto(echo(REQUEST, number, sequence, ASKS + (GONE if ended else HERE) + data), (host, 0))
        if ended:
            if service is not None:
                service.close()
            service, ended = None, False


if __name__ == "__main__":
    main()
