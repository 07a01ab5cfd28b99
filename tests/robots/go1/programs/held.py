"""How a visit's program speaks with the test that holds it: facts as lines of JSON out, the end of input in."""

import json
import os
import threading
from typing import Any


def tell(fact: str, **more: Any) -> None:
    """One line for the test."""
    print(json.dumps({"fact": fact, **more}), flush=True)


def until_input_ends() -> None:
    """Returns when the test wants no more of this visit, or is gone."""
    while os.read(0, 1024):
        continue


def input_ended() -> threading.Event:
    """An event that is set at that moment."""
    ended = threading.Event()

    def wait() -> None:
        until_input_ends()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended
