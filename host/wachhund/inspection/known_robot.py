"""What is publicly known of a model of robot, as an audit asks for it (data in known/). No unit's identifiers.

The agent's profile of the same model says what to watch; a test holds the two together where they overlap.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from wachhund.robot_tree.files import CannotLook, Files

MODELS = ("go1",)


@dataclass(frozen=True)
class Tunnel:
    """A tunnel that a maker ships. `starts_as`: its word in the start list; paths and units by which it is found."""

    what: str
    starts_as: str | None
    programs: tuple[str, ...]
    installers: tuple[str, ...]
    enrolled: tuple[str, ...]
    units: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """A program of the maker that takes orders from the network and asks nobody who they are."""

    path: str
    starts_as: str | None
    level: str
    what: str


@dataclass(frozen=True)
class KnownRobot:
    """A model. Empty where nothing is known: then only what is asked of every Linux machine is asked."""

    name: str
    title: str
    detect: tuple[str, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()  # user and the password that everybody knows
    start_list: str | None = None
    stock_starts: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()  # folders whose programs are started at boot
    tunnels: tuple[Tunnel, ...] = ()
    retained: tuple[str, ...] = ()  # topics under which a broker keeps what identifies the robot
    hashes: Mapping[str, str] | None = None  # SHA-256 of a file -> what it is
    services: tuple[Service, ...] = ()
    forwards: tuple[str, ...] = ()  # scripts, or folders of such, that set up the robot's firewall
    unseen: tuple[str, ...] = ()


ANY = KnownRobot("generic", "A Linux machine of no known model")


def load(name: str) -> KnownRobot:
    """A model by its name, one of MODELS."""
    data = json.loads(resources.files("wachhund.inspection").joinpath("known", f"{name}.json").read_text("utf-8"))
    return _model(data)


def _model(data: Mapping[str, Any]) -> KnownRobot:
    lists = ("detect", "stock_starts", "starts", "retained", "forwards", "unseen")
    return KnownRobot(
        data["name"], data["title"], **{name: tuple(data[name]) for name in lists},
        defaults=tuple((one["user"], one["password"]) for one in data["defaults"]),
        start_list=data["start_list"],
        tunnels=tuple(_tunnel(one) for one in data["tunnels"]),
        hashes=data["hashes"],
        services=tuple(Service(**one) for one in data["services"]),
    )  # fmt: skip


def _tunnel(data: Mapping[str, Any]) -> Tunnel:
    lists = ("programs", "installers", "enrolled", "units", "references")
    return Tunnel(data["what"], data["starts_as"], *(tuple(data[name]) for name in lists))


def recognise(files: Files) -> KnownRobot:
    """The model whose mark is there; ANY when none is."""
    for name in MODELS:
        model = load(name)
        try:
            if any(files.exists(path) for path in model.detect):
                return model
        except CannotLook:
            continue
    return ANY
