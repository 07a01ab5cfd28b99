"""Group 3: somebody outside looks through the robot."""

from tests.robots.attacks.acting import WEB_INSIDE, door_to, implant, linger, looks, on_internet, outside_program
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.scene import Scene, Story
from tests.robots.go1 import Go1, visits
from tests.robots.go1.addresses import (
    CAMERAS,
    CLOUD,
    NANO_BODY,
    NANO_HEAD,
    OPENED,
    OPERATOR,
    PI_LAN,
    PI_PPP,
    STREAM,
    WEB,
)


def _camera(draw: Draw) -> int:
    return draw.pick("camera", sorted(CAMERAS))


def _vendor(robot: Go1, draw: Draw) -> None:
    outer = next(one.outer for one in OPENED if one.inner == WEB)
    with visits.vendor_tunnel(robot, draw.name("client")):
        linger(1)
        looks(robot, robot.internet, CLOUD, outer, f"/cam{_camera(draw)}")


def _relay_to_page(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, WEB_INSIDE, draw.pick("transport", ["tcp", "tls", "ws"])) as (address, door):
        looks(robot, robot.internet, address, door, f"/cam{_camera(draw)}")


def _relay_to_nano(robot: Go1, draw: Draw) -> None:
    with door_to(robot, draw, (draw.pick("board", [NANO_HEAD, NANO_BODY]), 80)) as (address, door):
        looks(robot, robot.internet, address, door, "/")


def _straight(robot: Go1, draw: Draw) -> None:
    """The page is open to the modem's side."""
    looks(robot, robot.internet, PI_PPP, WEB, f"/cam{_camera(draw)}")


def _stream_out(robot: Go1, draw: Draw) -> None:
    """A program takes the pictures that a Nano sends and passes them on."""
    address, port = on_internet(robot, draw.address("outside")), draw.high_port("outside")
    with outside_program(robot, "sink", address, str(port)):
        implant(robot, draw.path("relay"), "pictures.py", [str(STREAM), address, str(port)])
        robot.pi.wait_for(STREAM, "udp")
        with visits.visitor(robot.nanos, "sender", NANO_HEAD, PI_LAN, str(STREAM), "1400", "40"):
            linger(5)


def _routed(robot: Go1, draw: Draw) -> None:
    """A rule of the firewall leads a port of the modem's side to a Nano."""
    port = draw.high_port("door")
    rules = f"table ip {draw.name('table')} {{ chain in {{ type nat hook prerouting priority -100; "
    rules += f'iifname "ppp0" tcp dport {port} dnat to {NANO_HEAD}:80; }}; }}\n'
    robot.pi.run(["nft", "-f", "-"], input=rules)
    looks(robot, robot.internet, PI_PPP, port, "/")


def _view(*origin: str, attack: tuple[str, ...] = ("T1572", "T1125")) -> Story:
    return Story("remote-viewing", "high", ("camera",), origin, ("camera",), attack)


SCENES = (
    Scene("camera-vendor", 3, "somebody looks through a camera by the page and the vendor's tunnel", _vendor,
          _view(CLOUD)),
    Scene("camera-relay-page", 3, "the same through an unnamed relay", _relay_to_page,
          _view("{address[outside]}", "{path[relay]}")),
    Scene("camera-relay-nano", 3, "an unnamed relay leads straight to a Nano's camera", _relay_to_nano,
          _view("{address[outside]}", "{path[relay]}")),
    Scene("camera-internet", 3, "the page with the cameras is reached from the internet", _straight,
          _view(OPERATOR, attack=("T1125", "T1133"))),
    Scene("camera-stream-out", 3, "an unnamed program takes a Nano's picture stream and sends it out", _stream_out,
          _view("{address[outside]}", "{path[relay]}", attack=("T1125", "T1041"))),
    Scene("camera-routed", 3, "a new rule of the firewall leads from the modem to a Nano's camera", _routed,
          _view(OPERATOR, attack=("T1125", "T1090"))),
)  # fmt: skip
