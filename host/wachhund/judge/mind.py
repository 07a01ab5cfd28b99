"""What the judge has in mind of one robot, as bytes and back: so that a start need not judge everything again, and
what was forgotten (retention) does not change what it knows.

Not pickle: only the classes of this table are made, of plain values, so that a foreign file is data and never code.
A mind of other classes or fields than today's has another version, and is not read.
"""

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from wachhund.judge.coverage import CoverageState
from wachhund.judge.door import Door
from wachhund.judge.egress import DayOut, Sender
from wachhund.judge.ended import Ended
from wachhund.judge.fact import Fact, FaultRef, LineRef, TokenRef
from wachhund.judge.flows import Flow, Flows
from wachhund.judge.incident import Incident
from wachhund.judge.incident_book import IncidentBook
from wachhund.judge.links import Links
from wachhund.judge.listeners import Listeners
from wachhund.judge.looks import Looks
from wachhund.judge.memory import Memory
from wachhund.judge.outer_flows import OuterFlows
from wachhund.judge.processes import Processes
from wachhund.judge.programs import Files, Program
from wachhund.judge.reading_flows import FlowFact, Peer
from wachhund.judge.reading_links import LinkFact
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.reading_use import ControlFact, ViewFact
from wachhund.judge.rhythm import Calls
from wachhund.judge.sessions import Commanded, Session, SessionBook
from wachhund.judge.state import Boot, RobotState
from wachhund.judge.story import Sentence, Story
from wachhund.judge.surfaces import Service
from wachhund.judge.tracing import Trace
from wachhund.judge.usual import Accepted, Use
from wachhund.judge.visitors import Serving, Visitors
from wachhund.judge.windows import Windows
from wachhund.ledger import Authorisation
from wachhund_evidence import Observation, WachhundError

MEANING = 1  # raised when the same fields come to mean something else
# Of one robot's mind, unpacked. A stock robot's has some 0.5 MB; one that fills every bound with the longest texts has
# more than this, and is judged again at the next start.
MAX_BYTES = 256 * 1024 * 1024

_CLASSES: tuple[type[Any], ...] = (
    RobotState, Boot, SessionBook, IncidentBook, Memory, CoverageState, Flow, FlowFact, ProcessFact, ListenFact, Peer,
    Session, Incident, Story, Sentence, Trace, Door, Service, Fact, TokenRef, LineRef, FaultRef, Observation,
    ControlFact, Commanded, LinkFact, Calls, ViewFact,
    Authorisation, Accepted, Use, Program, Files, DayOut, Sender,
    Windows, Visitors, Serving, OuterFlows, Ended, Processes, Flows, Listeners, Links, Looks,
)  # fmt: skip
_BY_NAME = {made.__name__: made for made in _CLASSES}
_PLAIN = (str, int, float, bool, type(None))


class UnknownMind(WachhundError):
    """A mind cannot be written or read: it holds what this table does not know."""


class HugeMind(UnknownMind):
    """A mind cannot be written: it is longer than what is read again."""


def _names(kind: type[Any]) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    named: Any = getattr(kind, "_fields", None) or getattr(kind, "HELD", ())
    return tuple(named)


VERSION = hashlib.sha256(
    json.dumps([MEANING, {kind.__name__: _names(kind) for kind in _CLASSES}], sort_keys=True).encode()
).hexdigest()[:16]


def write(state: RobotState, limit: int = MAX_BYTES) -> bytes:
    """A robot's state. Raises UnknownMind for a class that is not in the table, HugeMind beyond `limit` bytes."""
    # Objects in an order in which each comes after those it holds; what is held twice is written once. No recursion:
    # how deep a state goes is the robot's doing.
    places: dict[int, int] = {}
    begun: set[int] = set()
    made: list[Any] = []
    length = 0
    waiting: list[tuple[Any, bool]] = [(state, False)]
    while waiting:
        one, is_ready = waiting.pop()
        if isinstance(one, _PLAIN) or id(one) in places:
            continue
        tag, parts = _taken_apart(one)
        if not is_ready:
            if id(one) in begun:
                raise UnknownMind("mind: something holds itself")
            begun.add(id(one))
            waiting.append((one, True))
            waiting.extend((part, False) for part in parts)
            continue
        length += sum(len(part) for part in parts if type(part) is str)
        if length > limit:
            break
        made.append([tag, [part if isinstance(part, _PLAIN) else [places[id(part)]] for part in parts]])
        places[id(one)] = len(made) - 1
    text = json.dumps(made, separators=(",", ":")).encode("ascii") if length <= limit else b""
    if max(length, len(text)) >= limit:
        raise HugeMind(f"mind: longer than {limit} bytes")
    return zlib.compress(text, 1)


def _taken_apart(one: Any) -> tuple[Any, list[Any]]:
    kind = type(one)
    if kind.__name__ in _BY_NAME and _BY_NAME[kind.__name__] is kind:
        return kind.__name__, [getattr(one, name) for name in _names(kind)]
    if kind is dict:
        return "{", [part for pair in one.items() for part in pair]
    if kind is deque:
        return ["q", one.maxlen], list(one)
    if kind in (list, tuple, set):
        return "[" if kind is list else "(" if kind is tuple else "s", list(one)
    raise UnknownMind(f"mind: {kind.__name__} is not in the table of mind.py")


def read(body: bytes, limit: int = MAX_BYTES) -> RobotState:
    """The state that `write` wrote, of at most `limit` bytes unpacked. Raises UnknownMind for anything else."""
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(body, limit)
        if not unpacking.eof:
            raise UnknownMind("mind: cut off, or too large")
        made: list[Any] = []
        for tag, parts in json.loads(text):
            made.append(_put_together(tag, list(_resolved(parts, made))))
        state = made[-1]
    except (zlib.error, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise UnknownMind(f"mind: not as it was written: {type(error).__name__}") from None
    if not isinstance(state, RobotState):
        raise UnknownMind("mind: of something else")
    return state


def _resolved(parts: list[Any], made: list[Any]) -> Iterator[Any]:
    for part in parts:
        yield made[part[0]] if isinstance(part, list) else part


def _put_together(tag: Any, parts: list[Any]) -> Any:
    if tag == "{":
        return dict(zip(parts[::2], parts[1::2], strict=True))
    if tag in ("[", "(", "s"):
        return {"[": list, "(": tuple, "s": set}[tag](parts)
    if isinstance(tag, list):
        return deque(parts, tag[1])
    kind = _BY_NAME[tag]
    names = _names(kind)
    if len(names) != len(parts):
        raise UnknownMind(f"mind: {tag} has other fields")
    if issubclass(kind, tuple):
        return kind(*parts)
    one = object.__new__(kind)
    for name, part in zip(names, parts, strict=True):
        object.__setattr__(one, name, part)
    return one
