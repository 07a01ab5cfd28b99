"""How robots reach this host: written by `serve` when it starts, read by `robots invite`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wachhund_evidence import MisuseError, RejectedEvidence, strict_json

_MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Doors:
    """`enrol`: ADDRESS:PORT of the enrolment door; `brokers`: URLs. Both in the order in which they are tried."""

    enrol: tuple[str, ...]
    brokers: tuple[str, ...]


def doors_of(names: Sequence[str], enrol_port: int, broker_port: int) -> Doors:
    """The doors of a host that is reached by these names or addresses."""
    hosts = [f"[{name}]" if ":" in name else name for name in names]
    return Doors(
        tuple(f"{host}:{enrol_port}" for host in hosts), tuple(f"mqtts://{host}:{broker_port}" for host in hosts)
    )


def save(path: Path, doors: Doors) -> None:
    """Raises MisuseError."""
    new = path.with_suffix(".new")
    try:
        new.write_text(json.dumps(vars(doors)) + "\n", encoding="ascii")
        new.replace(path)
    except OSError as error:
        raise MisuseError(f"doors: {path}: {error.strerror}: give this user the right to write there") from None


def load(path: Path) -> Doors:
    """Raises MisuseError when no host with names has been started on this folder."""
    try:
        found = strict_json.parse_object(path.read_bytes()[:_MAX_BYTES])
        return Doors(_texts(found.get("enrol")), _texts(found.get("brokers")))
    except FileNotFoundError:
        raise MisuseError(
            "this host has no door for robots yet: start it with `wachhund serve --name ADDRESS`, "
            "the address by which robots reach it"
        ) from None
    except OSError as error:
        raise MisuseError(f"doors: {path}: {error.strerror}: give this user the right to read it") from None
    except (RejectedEvidence, TypeError):
        raise MisuseError(f"doors: {path}: damaged: start `wachhund serve --name ADDRESS` again") from None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise TypeError
    return tuple(value)
