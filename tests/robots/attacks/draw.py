"""What chance decides in a scene: names, paths, ports, addresses and order, each from the seed, the scene and a label.

The same seed and scene give the same draws in whatever order they are asked for, so a story can be told of a recording.
"""

import random
import string
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
# Folders that are the robot's own (the stand-in shares /tmp, /opt, /dev/shm and /usr/local/bin with the machine).
_FOLDERS = (
    "/usr/local/{name}",
    "/usr/local/{name}/bin",
    "/home/pi/.config/{name}",
    "/home/pi/.cache",
    "/home/pi/{name}",
    "/run/{name}",
)
_NETWORKS = ("203.0.113", "198.51.100", "192.0.2")  # RFC 5737: nobody's
_TAKEN = frozenset({7, 53, 80})  # last numbers that somebody of the stand-in has


class _Labels:
    """`{path[NAME]}` in a template asks for the draw with that label."""

    def __init__(self, ask: Callable[[str], object]) -> None:
        self._ask = ask

    def __getitem__(self, label: str) -> str:
        return str(self._ask(label))


class Draw:
    """The draws of one scene. A label names what is drawn: the same label, the same draw."""

    def __init__(self, seed: int, scene: str) -> None:
        self.seed, self.scene = seed, scene

    def _random(self, what: str, label: str) -> random.Random:
        return random.Random(f"{self.seed} {self.scene} {what} {label}")

    def name(self, label: str) -> str:
        """A program's name that nobody has heard of."""
        rng = self._random("name", label)
        return "".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(4, 11)))

    def path(self, label: str) -> str:
        """Where such a program lies on the robot."""
        folder = self._random("path", label).choice(_FOLDERS)
        return f"{folder.format(name=self.name(label + ' folder'))}/{self.name(label)}"

    def port(self, label: str) -> int:
        """A port that no service of the robot has; often one that looks like something else."""
        rng = self._random("port", label)
        return rng.choice([443, 8443, 4443, rng.randint(12000, 30000), rng.randint(12000, 30000)])

    def high_port(self, label: str) -> int:
        """A port for a door inside of the robot or at an operator's desk."""
        return self._random("high port", label).randint(12000, 30000)

    def address(self, label: str) -> str:
        """Somebody's address on the internet."""
        rng = self._random("address", label)
        return f"{rng.choice(_NETWORKS)}.{rng.choice([n for n in range(2, 250) if n not in _TAKEN])}"

    def neighbour(self, label: str) -> str:
        """A free address of the robot's own network."""
        return f"192.168.123.{self._random('neighbour', label).randint(100, 150)}"

    def pick(self, label: str, options: Sequence[Item]) -> Item:
        """One of several ways."""
        return self._random("pick", label).choice(options)

    def order(self, label: str, items: Sequence[Item]) -> list[Item]:
        """All of them, in an order of chance."""
        shuffled = list(items)
        self._random("order", label).shuffle(shuffled)
        return shuffled

    def number(self, label: str, least: int, most: int) -> int:
        """A number within two bounds, both included."""
        return self._random("number", label).randint(least, most)

    def filled(self, template: str) -> str:
        """A text of a Story with what was drawn in its place."""
        asks = {"name": self.name, "path": self.path, "port": self.port, "high_port": self.high_port,
                "address": self.address, "neighbour": self.neighbour}  # fmt: skip
        return template.format_map({word: _Labels(ask) for word, ask in asks.items()})
