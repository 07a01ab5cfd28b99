"""A host's pages over a ledger that somebody else writes: `python -m tests.bench.viewed_host LEDGER`.

Prints its address, a one-time login code and its pid as one line of JSON, and serves until it is ended.
"""

import json
import os
import socket
import sys
from pathlib import Path

import uvicorn

from wachhund.ledger import Ledger
from wachhund.web.app import create_app
from wachhund.web.door import Door
from wachhund.web.live import LiveBoard


def main() -> int:
    """Serve."""
    ledger = Ledger.open(Path(sys.argv[1]))
    door = Door(ledger)
    keys = door.first_keys()
    code = keys.code if keys is not None else door.new_code("admin")
    listener = socket.create_server(("127.0.0.1", 0))
    told = {"page": f"http://127.0.0.1:{listener.getsockname()[1]}", "code": code, "pid": os.getpid()}
    print(json.dumps(told), flush=True)
    app = create_app(ledger, door, LiveBoard())
    settings = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    uvicorn.Server(settings).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
