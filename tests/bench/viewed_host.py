"""A host's pages over a ledger that somebody else writes: `python -m tests.bench.viewed_host LEDGER`.

Prints its address, a one-time login code and its pid as one line of JSON, and serves until it is ended. What the other
process commits rings here, as a host's own intake rings in the host.
"""

import json
import os
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

import uvicorn

from wachhund.ledger import Ledger
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard

_RING_S = 0.02


def _ring(path: Path, ledger: Ledger) -> None:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    seen = None
    while True:
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version != seen:
            seen = version
            ledger.changes.ring()
        time.sleep(_RING_S)


def main() -> int:
    """Serve."""
    ledger = Ledger.open(Path(sys.argv[1]))
    door = Door(ledger)
    keys = door.first_keys()
    code = keys.code if keys is not None else door.new_code("admin")
    listener = socket.create_server(("127.0.0.1", 0))
    told = {"page": f"http://127.0.0.1:{listener.getsockname()[1]}", "code": code, "pid": os.getpid()}
    print(json.dumps(told), flush=True)
    threading.Thread(target=_ring, args=(Path(sys.argv[1]), ledger), daemon=True).start()
    app = create_app(ledger, door, LiveBoard())
    settings = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    uvicorn.Server(settings).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
