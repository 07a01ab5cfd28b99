"""Records over TCP or TLS to a collector that answers nothing: what is known of their arrival, and what is not.

Neither syslog (RFC 5425, 6587) nor lines of JSON have an acknowledgement. A message counts as arrived when the
collector took all bytes and ended the connection in order after we had ended ours, or left it open for a while without
an error: one that is gone answers with a reset.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterable

from wachhund.notify.address import Address
from wachhund.notify.webhook import TIMEOUT_S, NotDelivered

_LAST_WORD_S = 2.0


def send(address: Address, lines: Iterable[bytes]) -> str:
    """Write these, and see that nobody complains. Raises NotDelivered, OSError."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.create_connection((address.host, address.port or 0), TIMEOUT_S))
        stream: socket.socket = plain
        if address.is_tls:
            context = ssl.create_default_context()
            stream = stack.enter_context(context.wrap_socket(plain, server_hostname=address.host))
        stream.sendall(b"".join(lines))
        stream.settimeout(_LAST_WORD_S)
        if not address.is_tls:
            stream.shutdown(socket.SHUT_WR)
        try:
            said = stream.recv(500)
        except TimeoutError:
            return "written; the collector left the connection open"
        if said:
            raise NotDelivered(f"the collector answered {said.decode('utf-8', 'backslashreplace')!r}")
    return "written; the collector ended the connection in order"
