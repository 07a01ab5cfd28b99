"""Does the robot's own MQTT broker ask who speaks to it, and what does it keep?"""

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

PLACES = ("/etc/mosquitto", "/var/lib/mosquitto")
_CONFIG = "/etc/mosquitto/mosquitto.conf"
_STORE = "/var/lib/mosquitto/mosquitto.db"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def open_broker(files: Files, robot: KnownRobot) -> Answer:
    """mosquitto.conf(5), and the retained messages in its store by which the maker knows this robot."""
    look = Look(files, "open-broker", "Does the robot's broker take orders from anybody?")
    lines = [(path, number, line) for path in _configs(look) for number, line in enumerate(look.lines(path) or (), 1)]
    words = [(path, number, line.split()) for path, number, line in lines if line.split() and line[0] != "#"]
    doors = [
        f"{path}:{number}: {' '.join(said)}" for path, number, said in words
        if said[0] in ("listener", "port") and not (len(said) > 2 and said[2] in _LOOPBACK)
    ]  # fmt: skip
    asks = [said for _, _, said in words if said[0] == "allow_anonymous"]
    checks = any(said[0] in ("password_file", "require_certificate", "auth_plugin", "plugin") for _, _, said in words)
    anonymous = any(said[1:] == ["true"] for said in asks) or (not asks and bool(words) and not checks)
    if anonymous and doors:
        look.found(
            "broker-anonymous", "high", "The robot's broker takes orders from whoever reaches it",
            [*doors, *(f"{_CONFIG}: {' '.join(said)}" for said in asks[:2])],
            "Whoever is on the robot's network, or comes by a tunnel, can drive it, run programs on it and read its "
            "state: no name and no password is asked for.",
            ("Give the broker a password file and per-user topics, or let it listen on 127.0.0.1 only",),
            "wachhund audit again", ("T1210", "CWE-306"),
        )  # fmt: skip
    _retained(look, robot)
    return look.answer()


def _configs(look: Look) -> list[str]:
    if look.place(_CONFIG) is None:
        return []
    included = [f"/etc/mosquitto/conf.d/{name}" for name in look.names("/etc/mosquitto/conf.d")]
    return [_CONFIG, *(path for path in included if path.endswith(".conf"))]


def _retained(look: Look, robot: KnownRobot) -> None:
    """The store is mosquitto's own format; that a topic's name stands in it is what is told."""
    store = look.content(_STORE)
    kept = [topic for topic in robot.retained if store is not None and topic.encode() in store]
    if kept:
        look.found(
            "broker-keeps-identity", "medium", "The broker keeps what the maker's cloud knows this robot by",
            [f"{_STORE}: holds the topic {topic}" for topic in kept],
            "It is left behind by an enrolment at the maker's cloud, and any program that connects is given it.",
            ("Look with mosquitto_sub -v -t 'usys/#'; to remove one: mosquitto_pub -r -n -t TOPIC",),
            "mosquitto_sub -v -t 'usys/#' --retained-only -W 3", ("T1082",),
        )  # fmt: skip
