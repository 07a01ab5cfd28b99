"""The robot's state on its broker. Usage: state_publisher.py PORT STATE_HERTZ BATTERY_HERTZ."""

import os
import sys
import time

from tiny_mqtt import TinyMqtt  # type: ignore[import-not-found]

STATE_BYTES, BATTERY_BYTES = 170, 34


def main() -> None:
    port, state_s, battery_s = int(sys.argv[1]), 1 / float(sys.argv[2]), 1 / float(sys.argv[3])
    broker = TinyMqtt(port, "state")
    next_state = next_battery = time.monotonic()
    while True:
        now = time.monotonic()
        if now >= next_battery:
            broker.publish("bms/state", os.urandom(BATTERY_BYTES))
            next_battery = now + battery_s
        broker.publish("robot/state", os.urandom(STATE_BYTES))
        next_state += state_s
        time.sleep(max(0.0, next_state - time.monotonic()))


if __name__ == "__main__":
    main()
