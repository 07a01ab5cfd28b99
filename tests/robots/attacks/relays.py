"""Group 1: relays that nobody has heard of, written for this corpus, over what carries them; found by what they do."""

from tests.robots.attacks.acting import (
    MQTT_INSIDE,
    SSH_INSIDE,
    WEB_INSIDE,
    door_to,
    drives,
    linger,
    logs_in_and_works,
    run,
)
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Act, Scene, Story
from tests.robots.go1 import Go1
from tests.robots.go1.private_files import AUTOSTART

_ORIGIN = ("{address[outside]}", "{path[relay]}", "ssh")
SSH_STORY = Story(
    "remote-control", "high", ("ssh",), (*_ORIGIN, "pi"), ("remote control", "ssh"), ("T1572", "T1021.004")
)


def _ssh_over(transport: str, *more: str) -> Act:
    def act(robot: Go1, draw: Draw) -> None:
        with door_to(robot, draw, SSH_INSIDE, transport, more) as door:
            logs_in_and_works(robot, draw, door)

    return act


def _drives(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, MQTT_INSIDE) as (address, door):
        drives(robot, robot.internet, address, door)


def _web(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, WEB_INSIDE, "tls") as (address, door):
        for _ in range(6):
            robot.internet.run(["curl", "-s", "-m", "5", f"http://{address}:{door}/"])
            linger(0.6)


def _idle(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, SSH_INSIDE, more=["eager"]):
        linger(8)


def _twice(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, SSH_INSIDE) as door:
        logs_in_and_works(robot, draw, door)
        linger(2)
        logs_in_and_works(robot, draw, door)


def _borrowed(robot: Go1, draw: Draw) -> None:
    path = f"{AUTOSTART}/sportMode/bin/Legged_sport"
    with door_to(robot, draw, SSH_INSIDE, path=path, shown=["8082"]) as door:
        logs_in_and_works(robot, draw, door)


def _container(robot: Go1, draw: Draw) -> None:
    """The relay has a network of its own, which the robot routes: its connections are not among the robot's."""
    name, net = draw.name("container"), f"10.{draw.number('net', 100, 250)}.{draw.number('subnet', 1, 250)}"
    table = f"table ip {name} {{ chain out {{ type nat hook postrouting priority 100; "
    script = f"""
        ip netns add {name}
        ip link add {name[:8]} type veth peer name eth0 netns {name}
        ip addr add {net}.1/24 dev {name[:8]}
        ip link set {name[:8]} up
        ip -n {name} link set lo up
        ip -n {name} addr add {net}.2/24 dev eth0
        ip -n {name} link set eth0 up
        ip -n {name} route add default via {net}.1
        nft '{table} ip saddr {net}.0/24 oifname "ppp0" masquerade; }}; }}'
    """
    run(robot, ["sh", "-ec", script])
    # It is in none of the networks that are emptied after a kill, so it goes with who started it.
    enters = ["ip", "netns", "exec", name, "setpriv", "--pdeathsig", "KILL"]
    with door_to(robot, draw, (f"{net}.1", 22), before=enters) as door:
        logs_in_and_works(robot, draw, door)


SCENES = (
    Scene("relay-tcp-ssh", 1, "an unnamed program relays over TCP; somebody logs in as pi through it",
          _ssh_over("tcp"), SSH_STORY),
    Scene("relay-tls-ssh", 1, "the same over TLS", _ssh_over("tls"), SSH_STORY),
    Scene("relay-websocket-ssh", 1, "the same in a websocket", _ssh_over("ws"), SSH_STORY),
    Scene("relay-udp-ssh", 1, "the same over UDP", _ssh_over("udp"), SSH_STORY),
    Scene("relay-padded-ssh", 1, "the same over TCP, each message with rubbish behind it",
          _ssh_over("tcp", "padded"), SSH_STORY),
    Scene("relay-split-ssh", 1, "the same in two processes that a socket pair joins", _ssh_over("tcp", "split"),
          SSH_STORY),
    Scene("relay-container-ssh", 1, "the same in a network namespace of its own, as in a container", _container,
          Story("remote-control", "high", ("ssh",), ("{address[outside]}", "ssh", "pi"), ("remote control", "ssh"),
                ("T1572", "T1021.004"))),
    Scene("relay-twice-ssh", 1, "somebody comes twice through the same unnamed relay: one story", _twice, SSH_STORY),
    Scene("relay-drives", 1, "somebody drives through an unnamed relay to the broker", _drives,
          Story("remote-control", "high", ("mqtt",), ("{address[outside]}", "{path[relay]}", "mqtt"),
                ("remote control", "mqtt"), ("T1572",))),
    Scene("relay-web", 1, "somebody reads the robot's page through an unnamed relay", _web,
          Story("remote-control", "medium", ("web",), ("{address[outside]}", "{path[relay]}", "web"), ("web",),
                ("T1572",))),
    Scene("relay-idle", 1, "an unnamed program holds a line to the internet and one to sshd; nobody types",
          _idle, Story("relay", "low", (), ("{address[outside]}", "{path[relay]}"), (), ("T1572",), most="medium")),
    Scene("relay-borrowed-name", 2, "a relay lies where the legs' program lay, under its name and with its arguments",
          _borrowed,
          Story("remote-control", "high", ("ssh",),
                ("{address[outside]}", f"{AUTOSTART}/sportMode/bin/Legged_sport", "pi"),
                ("remote control", "ssh"), ("T1572", "T1036"))),
)  # fmt: skip
