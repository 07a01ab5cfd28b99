"""Which of the host's addresses answer now: a TLS handshake each, and nothing after it. For `doctor`."""

import socket
import ssl
import threading
import time
from typing import Callable, Dict, List, NamedTuple, Optional

from wachhund_agent.config import Broker, Config
from wachhund_agent.host_tls import failure_of, show_certificate, tls_context

REACHED = "reached"
_CONNECT_S = 5.0  # as long as paho gives a connection, and then its handshake
_ALL_S = 12.0  # of all addresses together: looking up a name has no bound of its own


class Answer(NamedTuple):
    """`state`: "reached", or that of a `Failure`; `why`: for people."""

    address: str
    state: str
    why: str


def ask(config: Config, all_s: float = _ALL_S, mono: Callable[[], float] = time.monotonic) -> List[Answer]:
    """An answer for each address, in their order, at most so many seconds from now. Raises MisuseError."""
    context: Optional[ssl.SSLContext] = None
    if config.brokers[0].tls:
        context = tls_context(config.ca)
        if config.certificate is not None:
            # The host is shown who asks, as by the wire: without it would count a stranger.
            show_certificate(context, config.certificate, config.key)
    found: Dict[int, Answer] = {}

    def look(place: int, broker: Broker) -> None:
        found[place] = _ask(broker, context)

    threads = [  # eight at most, and this process ends soon
        threading.Thread(target=look, args=(place, broker), name="ask", daemon=True)
        for place, broker in enumerate(config.brokers)
    ]
    end = mono() + all_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - mono()))
    late = "not within {:g} s".format(all_s)
    return [found.get(place, Answer(str(broker), "no answer", late)) for place, broker in enumerate(config.brokers)]


def _ask(broker: Broker, context: Optional[ssl.SSLContext]) -> Answer:
    try:
        with _connected(broker) as plain:
            if context is None:
                return Answer(str(broker), REACHED, "in clear: whose host it is can't be seen")
            with context.wrap_socket(plain, server_hostname=broker.host):
                return Answer(str(broker), REACHED, "this robot's host, by TLS")
    except (OSError, ValueError) as error:  # ssl's errors are both
        return Answer(str(broker), *failure_of(error))


def _connected(broker: Broker) -> socket.socket:
    """Raises OSError."""
    if broker.path is None:
        return socket.create_connection((broker.host, broker.port), _CONNECT_S)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(_CONNECT_S)
        sock.connect(broker.path)
    except OSError:
        sock.close()
        raise
    return sock
