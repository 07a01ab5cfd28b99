"""What is special to a robot model, as data: which ways in it has, where its cameras hang, what starts by itself.

One JSON file a model in `profiles/` (JSON: the robot's Python 3.7 has a reader for it). The model is detected by paths
that only it has; `profile` in the configuration overrides that with a name or a file of one's own.
"""

import glob
import json
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from wachhund_agent.sensors.camera_view import View
from wachhund_agent.sensors.control_port import Door
from wachhund_agent.sensors.control_topics import Topic
from wachhund_agent.sensors.persistence_places import Place
from wachhund_agent.sensors.posture import Default, Installed
from wachhund_agent.sensors.provisioning import Provisioning
from wachhund_evidence import MisuseError, RejectedEvidence, strict_json

GENERIC = "generic"
MAX_PROFILE_BYTES = 256 * 1024
_FOLDER = Path(__file__).parent / "profiles"


class Profile(NamedTuple):
    """One robot model. `unseen`: ways that never cross this board. `busy_cores`: where the agent must not run."""

    name: str
    title: str
    detect: Tuple[str, ...]
    broker: Optional[Tuple[str, int]]
    topics: Tuple[Topic, ...]
    doors: Tuple[Door, ...]
    views: Tuple[View, ...]
    places: Tuple[Place, ...]
    installed: Tuple[Installed, ...]
    provisioning: Tuple[Provisioning, ...]
    defaults: Tuple[Default, ...]
    leases: Tuple[str, ...]
    packages: Tuple[str, ...]
    busy_cores: FrozenSet[int]
    unseen: Tuple[str, ...]


def names() -> List[str]:
    """The models that we bring along."""
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def load(path: Path) -> Profile:
    """A profile from a file. Raises MisuseError: what, where, what to do."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PROFILE_BYTES + 1)
    except OSError as error:
        raise MisuseError("{}: {}: give a profile's name or file".format(path, error.strerror)) from None
    if len(data) > MAX_PROFILE_BYTES:
        raise MisuseError("{}: larger than {} bytes: not a profile".format(path, MAX_PROFILE_BYTES))
    try:
        return _read(strict_json.parse_object(data))
    except RejectedEvidence as error:
        raise MisuseError("{}: not a profile ({}): write one JSON object".format(path, error.detail)) from None
    except _Unusable as error:
        raise MisuseError("{}: {}".format(path, error)) from None


def choose(wanted: Optional[str] = None, folder: Optional[Path] = None) -> Profile:
    """The profile that is asked for by name or file, else the one whose paths exist here, else the generic one.

    `folder`: a relative file lies there. Raises MisuseError for a name that does not exist.
    """
    if wanted is not None:
        if wanted in names():
            return load(_FOLDER / (wanted + ".json"))
        if "/" not in wanted and not wanted.endswith(".json"):
            raise MisuseError(
                "profile: {}: no such profile: choose {} or give a file".format(json.dumps(wanted), ", ".join(names()))
            )
        return load((folder or Path()) / wanted)
    for name in names():
        profile = load(_FOLDER / (name + ".json"))
        if any(glob.glob(pattern) for pattern in profile.detect):
            return profile
    return load(_FOLDER / (GENERIC + ".json"))


class _Unusable(Exception):
    """What is wrong with which setting."""


_SHAPES: Dict[str, Any] = {
    "topics": (Topic, {"filter": str, "surface": str, "meaning": str, "words": list}),
    "doors": (Door, {"proto": str, "port": int, "surface": str, "what": str}),
    "views": (View, {"camera": str, "address": str, "ports": list, "via": str}),
    "places": (Place, {"path": str, "class": str}),
    "installed": (Installed, {"what": str, "path": str}),
    "provisioning": (Provisioning, {"characteristic": str, "what": str, "word": str}),
    "defaults": (Default, {"user": str, "password": str}),
}
_LISTS = {"detect": str, "leases": str, "packages": str, "busy_cores": int, "unseen": str}


def _read(found: Dict[str, Any]) -> Profile:
    for name in found:
        if name not in _SHAPES and name not in _LISTS and name not in ("name", "title", "broker"):
            raise _Unusable("{}: no such setting: take it out".format(json.dumps(name)))
    made: Dict[str, Any] = {name: _text(found.get(name), name) for name in ("name", "title")}
    for name, kind in _LISTS.items():
        made[name] = _items(found.get(name, []), name, kind)
    made["busy_cores"] = frozenset(made["busy_cores"])
    for name, (build, shape) in _SHAPES.items():
        made[name] = tuple(_record(entry, name, build, shape) for entry in _items(found.get(name, []), name, dict))
    broker = found.get("broker")
    made["broker"] = None
    if broker is not None:
        host, port = _items(broker, "broker", object) if isinstance(broker, list) and len(broker) == 2 else (None, None)
        if not isinstance(host, str) or type(port) is not int:
            raise _Unusable("broker: write [address, port]")
        made["broker"] = (host, port)
    return Profile(**made)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise _Unusable("{}: must be a text".format(name))
    return value


def _items(value: Any, name: str, kind: Any) -> Tuple[Any, ...]:
    if not isinstance(value, list) or not all(isinstance(item, kind) and item is not True for item in value):
        raise _Unusable("{}: must be a list of {}".format(name, kind.__name__))
    return tuple(value)


def _record(entry: Dict[str, Any], name: str, build: Any, shape: Dict[str, Any]) -> Any:
    if set(entry) - set(shape):
        raise _Unusable("{}: {}: no such setting".format(name, sorted(set(entry) - set(shape))[0]))
    values = []
    for field, kind in shape.items():
        value = entry.get(field, [] if kind is list else None)
        if kind is list:
            value = _items(value, "{}: {}".format(name, field), object)
        elif not isinstance(value, kind) or value is True:
            raise _Unusable("{}: {}: missing, or not a {}".format(name, field, kind.__name__))
        values.append(value)
    return build(*values)
