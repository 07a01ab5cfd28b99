"""What an event of the tracepoint `inet_sock_set_state` says: of which ends, and whether its thread is the cause."""

import socket
from typing import Mapping, Tuple

from wachhund_agent.kernel.sock_diag import LISTEN, Endpoint, address_text
from wachhund_agent.kernel.tracefs import TraceRecord

NAME = "inet_sock_set_state"
CLOSE = 7
_INTERRUPTED = 0x18  # softirq or hardirq: the running thread has nothing to do with the event

Ends = Tuple[Endpoint, Endpoint]  # local, remote


def ends_of(fields: Mapping[str, object]) -> Ends:
    """The local and the remote end."""
    family = int(fields["family"])  # type: ignore[call-overload]
    suffix = "" if family == socket.AF_INET else "_v6"
    source, target = fields["saddr" + suffix], fields["daddr" + suffix]
    ports = fields["sport"], fields["dport"]
    return (
        (address_text(family, source), ports[0]),  # type: ignore[arg-type,return-value]
        (address_text(family, target), ports[1]),  # type: ignore[arg-type]
    )


def is_by_caller(record: TraceRecord) -> bool:
    """Whether the thread that ran is the one that caused it."""
    return not record.flags & _INTERRUPTED


def is_of_listener(record: TraceRecord) -> bool:
    """Whether it speaks of a listener that came or went, and not of a connection."""
    old, new = record.fields["oldstate"], record.fields["newstate"]
    return bool(new == LISTEN or (old == LISTEN and new == CLOSE))
