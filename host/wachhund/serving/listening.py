"""Sockets that listen, and the one line that says why one can't."""

import logging
import socket

from wachhund.config import Address
from wachhund_evidence import MisuseError

BACKLOG = 128
_log = logging.getLogger(__name__)


def listen(where: Address, option: str) -> socket.socket:
    """A listening socket. Raises MisuseError."""
    try:
        family = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((where.host, where.port), family=family, backlog=BACKLOG)
    except OSError as error:
        what = error.strerror or str(error)
        raise MisuseError(f"{option}: {where}: {what}: stop what listens there, or give another {option}") from None


def listen_for_pages(web: Address) -> socket.socket:
    """The same for pages, with a warning where others can read along. Raises MisuseError."""
    listener = listen(web, "--listen")
    if not web.is_loopback:
        _log.warning(
            "pages: %s can be reached from other machines, and there is no TLS yet: "
            "passwords and pages cross the network in clear",
            web,
        )
    return listener
