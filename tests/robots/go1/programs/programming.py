"""Runs the Python that comes over the broker: `programming/code` brings it, `programming/action` "start" runs it."""

import os
import signal
import subprocess
import sys

from tiny_mqtt import TinyMqtt  # type: ignore[import-not-found]


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    broker = TinyMqtt(1883, "programming")
    broker.subscribe("programming/#")
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "code.py")  # noqa: PTH100, PTH118, PTH120
    while True:
        topic, payload = broker.message()
        if topic == "programming/code":
            with open(place, "wb") as out:  # noqa: PTH123
                out.write(payload)
        elif topic == "programming/action" and payload == b"start":
            subprocess.Popen([sys.executable, place])


if __name__ == "__main__":
    main()
