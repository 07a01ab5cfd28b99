"""An observation: one fact that a robot saw, and the text forms it takes (protocol.md, Observation)."""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from wachhund_evidence import strict_json
from wachhund_evidence.errors import RejectedEvidence

MAX_TEXT_BYTES = 4 * 1024
MAX_KIND_CHARS = 64


@dataclass(frozen=True)
class Observation:
    """One fact.

    `t`: wall clock in seconds since the epoch, as the robot believes it. `mono`: seconds since boot.
    `sensor`: which source saw it, such as "process/tracefs". `fields`: the kind's own fields, JSON values.
    """

    kind: str
    t: float
    mono: float
    sensor: str
    fields: Mapping[str, Any]

    def to_json(self) -> Dict[str, Any]:
        """The flat JSON object of this fact."""
        made: Dict[str, Any] = {"kind": self.kind, "t": self.t, "mono": self.mono, "sensor": self.sensor}
        made.update(self.fields)
        return made


@dataclass(frozen=True)
class Coverage:
    """What one sensor can see now.

    `source`: what it listens to. `state`: "event", "poll" or "blind". `interval_s`: seconds between two looks, of a
    poll. `dropped`: events lost since the agent's start, never falling. `why`: what is missing, for people.
    """

    source: str
    state: str
    interval_s: Optional[float] = None
    dropped: int = 0
    why: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        """The JSON object that stands under the sensor's name in a `coverage` observation."""
        return {
            "source": self.source,
            "state": self.state,
            "interval_s": self.interval_s,
            "dropped": self.dropped,
            "why": self.why,
        }


def observation_from_json(value: Any) -> Observation:
    """The fact in a parsed JSON object. Raises RejectedEvidence ("observation") when a common field is wrong."""
    if type(value) is not dict:
        raise RejectedEvidence("observation", "not an object")
    fields = dict(value)
    try:
        kind, t, mono, sensor = fields.pop("kind"), fields.pop("t"), fields.pop("mono"), fields.pop("sensor")
    except KeyError as missing:
        raise RejectedEvidence("observation", "lacks {}".format(missing.args[0])) from None
    if type(kind) is not str or not 0 < len(kind) <= MAX_KIND_CHARS:
        raise RejectedEvidence("observation", "kind is not a short text")
    if type(t) not in (int, float) or type(mono) not in (int, float):
        raise RejectedEvidence("observation", "t or mono is not a number")
    if type(sensor) is not str:
        raise RejectedEvidence("observation", "sensor is not a text")
    return Observation(kind, t, mono, sensor, fields)


def observation_to_line(observation: Observation) -> str:
    """One line of JSON, ASCII only, without its newline."""
    return strict_json.render(observation.to_json())


def observation_from_line(line: Union[str, bytes]) -> Observation:
    """The fact in one line. Raises RejectedEvidence ("json" or "observation")."""
    try:
        data = line.encode("utf-8") if isinstance(line, str) else line
    except UnicodeEncodeError:
        raise RejectedEvidence("json", "not UTF-8") from None
    return observation_from_json(strict_json.parse(data))


def text(value: Union[str, bytes]) -> str:
    r"""A text that every reader takes: bytes that are not UTF-8 become \xNN, and so does U+0000.

    A str made with `surrogateescape` (as Python reads paths and arguments) is taken back to its bytes first.
    """
    if isinstance(value, bytes):
        data = value
    else:
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            data = value.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def clip(value: str, limit: int = MAX_TEXT_BYTES) -> Tuple[str, bool]:
    """A text of at most `limit` bytes of UTF-8, and whether something was cut off. Never cuts a character in two."""
    data = value.encode("utf-8")
    if len(data) <= limit:
        return value, False
    return data[:limit].decode("utf-8", "ignore"), True
