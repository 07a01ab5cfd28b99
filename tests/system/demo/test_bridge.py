"""The door between two network namespaces."""

import socket
import threading
from pathlib import Path

from wachhund.demo.bridge import MAX_CONNECTIONS, Bridge


def dial(path: Path) -> socket.socket:
    """A client of the bridge."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(10)
    client.connect(str(path))
    return client


def echo(listener: socket.socket) -> None:
    """Sends back what comes, for any number of clients, until the listener closes."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while piece := connection.recv(65536):
                connection.sendall(piece)

    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def test_bytes_cross_in_both_directions_and_the_socket_is_private(tmp_path: Path) -> None:
    """The agent's signed evidence goes this way; nobody else of the machine should be let in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        path = tmp_path / "door.sock"
        with Bridge(path, "127.0.0.1", listener.getsockname()[1]):
            assert path.stat().st_mode & 0o777 == 0o600
            # More in turn than may be open at once: a place must come free again.
            for number in range(MAX_CONNECTIONS * 3):
                with dial(path) as client:
                    said = b"%d" % number * 10_000
                    client.sendall(said)
                    heard = b""
                    while len(heard) < len(said):
                        heard += client.recv(65536)
                    assert heard == said
        assert not path.exists()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_broker_that_is_away_closes_the_connection(tmp_path: Path) -> None:
    """The agent must notice at once, and try again by its own backoff."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    path = tmp_path / "door.sock"
    with Bridge(path, "127.0.0.1", port), dial(path) as client:
        assert client.recv(1) == b""
