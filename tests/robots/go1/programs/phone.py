"""The phone's app: drives by MQTT in a websocket, through the robot's web server. Usage: ADDRESS PORT."""

import itertools
import os
import socket
import struct
import sys
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.robots.go1.programs.held import input_ended, tell

_ACTIONS = ("standUp", "walk", "standDown")
_STICK_S = 0.1
_STICKS_PER_ACTION = 10


def _own_address(client: paho.Client) -> tuple[str, int]:
    """paho's websocket hides its socket, but not the descriptor."""
    wrapped = client.socket()
    if wrapped is None:
        raise SystemExit("the broker has gone")
    with socket.socket(fileno=os.dup(wrapped.fileno())) as line:
        address, port = line.getsockname()
    return address, port


def main() -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="app", transport="websockets")
    client.ws_set_options(path="/mqtt")
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(sys.argv[1], int(sys.argv[2]))
    client.loop_start()
    if not connected.wait(10):
        raise SystemExit("the broker does not answer")
    ended = input_ended()
    client.publish("controller/action", _ACTIONS[0], qos=1).wait_for_publish(10)
    tell("driving", address=_own_address(client))
    for number in itertools.count(1):
        if ended.wait(_STICK_S):
            break
        client.publish("controller/stick", struct.pack("<4f", 0.1, 0.0, 0.0, 0.2))
        if number % _STICKS_PER_ACTION == 0:
            client.publish("controller/action", _ACTIONS[number // _STICKS_PER_ACTION % len(_ACTIONS)], qos=1)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
