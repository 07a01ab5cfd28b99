"""What was accepted as usual on a robot, ready to be held against what is told: pure comparisons.

A program is one only with its path and, where the baseline has them, the hashes of its files.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from wachhund.judge.listeners import WILDCARDS
from wachhund.judge.programs import NOT_TOLD, Hashes, Program, are_among
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.reading_use import ViewFact
from wachhund.judge.surfaces import is_proxy, service_at
from wachhund.judge.wording import moment, shown
from wachhund.ledger import Baseline

# What may go out before it is too much: so many times the day with most, and never less than that much (bytes).
TIMES = 3
AT_LEAST_BYTES = 64 * 1024 * 1024
# From here on the kernel gives ports to whoever asks for any (ip_local_port_range): nobody chose them.
GIVEN_PORTS = range(32_768, 61_000)
REACHABLE = frozenset({"any", "lan", "internet"})  # scopes of listeners that other machines reach

DESTINATION, CONTACT, LISTENER, VIEW, VOLUME, TOO_MANY = (
    "destination", "contact", "listener", "view", "volume", "too many",
)  # fmt: skip
KNOWN, NOT_LISTED, OTHER_FILE, UNHASHED = "known", "not listed", "other file", "unhashed"

NEW_DOOR = "behaviour: new port for all networks"
# Behaviours that a baseline keeps quiet: those of programs that call what they always call, and those that say only
# that something is not in it.
OF_CONTACTS = frozenset(
    {
        "behaviour: regular calls (beacon score)",
        "behaviour: very long connection",
        "behaviour: much data out",
    }
)
OF_BASELINES = frozenset(
    {
        "behaviour: destination that is not on the list",
        "behaviour: unusual listener",
        NEW_DOOR,
        "behaviour: unusual program at a camera or microphone",
        "behaviour: unusual volume out",
    }
)
MAX_USES = 64  # that one incident is about; with more it is never taken for usual

# What packages bring; programs that were put there by hand lie elsewhere, or anybody could tell.
_OF_THE_SYSTEM = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/libexec/", "/bin/", "/sbin/", "/lib/", "/opt/ros/")

_Key = tuple[str | None, str | None]


class Use(NamedTuple):
    """What a program does, as a baseline may hold it. `place`: an address, or a camera. `sent`: bytes within a day."""

    what: str
    program: Program
    place: str | None = None
    name: str | None = None
    proto: str = "tcp"
    port: int | None = None
    sent: int = 0


@dataclass(slots=True)
class Accepted:
    """A baseline as the judge holds it. Destinations: (exe, script, proto, port) -> name or address -> bytes a day."""

    id: str
    author: str
    made_t: float
    limited: bool
    largest_out: int
    programs: dict[_Key, tuple[Hashes, Hashes]] = field(default_factory=dict)
    destinations: dict[tuple[str | None, str | None, str, int], dict[str, int]] = field(default_factory=dict)
    of_any: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict)  # whoever calls them
    listeners: dict[tuple[str | None, str | None, str], list[int | None]] = field(default_factory=dict)
    views: dict[_Key, list[str]] = field(default_factory=dict)

    def told(self) -> str:
        """In a sentence: which, whose, since when."""
        return f"baseline {self.id}, accepted by {shown(self.author)} on {moment(self.made_t)}"


def is_destination(told: FlowFact) -> bool:
    """Whether a program calls somebody on the internet."""
    return told.direction == "out" and told.scope == "internet" and told.remote is not None and not told.own


def is_door(listener: ListenFact) -> bool:
    """Whether other machines may come in there. By a datagram port that the kernel gave, answers come."""
    return listener.scope in REACHABLE and not (listener.proto == "udp" and listener.local[1] in GIVEN_PORTS)


def is_new_door(listener: ListenFact, program: Program) -> bool:
    """Whether, without a baseline, a port is one that should not have come: opened since the agent looked, to every
    network, by a program that is no part of the system, and for none of the services that a robot is known to have.
    ROS nodes have such ports in plenty, which the kernel gave them.
    """
    port = listener.local[1]
    is_open = listener.scope == "any" and listener.local[0] in WILDCARDS
    # A raw socket takes a protocol and has no port.
    if listener.existing or not is_open or listener.proto in ("udp", "raw") or port in GIVEN_PORTS:
        return False
    file = program.script or program.exe
    is_systems = file is None or file.startswith(_OF_THE_SYSTEM)
    return not is_systems and service_at(port, program.exe).guessed


def is_own_view(view: ViewFact) -> bool:
    """Whether a program of the robot looks itself, and does not only pass on what somebody else looks at."""
    passes = view.via == "proxy" and bool(view.client_flow or view.viewer or view.candidates or is_proxy(view.exe))
    return view.via != "routed" and not passes


def accepted_of(one: Baseline) -> Accepted:
    """A baseline made ready."""
    held = one.usual
    made = Accepted(one.id, one.author, one.made_t, one.limited, held.largest_out)
    for program in held.programs:
        made.programs[(program.exe, program.script)] = (program.exe_hashes, program.script_hashes)
    for there in held.destinations:
        own = made.destinations.setdefault((there.exe, there.script, there.proto, there.port), {})
        for place in (there.place, *there.addresses):
            for places in (own, made.of_any.setdefault((there.proto, there.port), {})):
                places[place.lower()] = max(there.out_a_day, places.get(place.lower(), 0))
    for door in held.listeners:
        if door.scope in REACHABLE:
            made.listeners.setdefault((door.exe, door.script, door.proto), []).append(door.port)
    for view in held.views:
        made.views.setdefault((view.exe, view.script), []).append(view.camera)
    return made


def ceiling(usual_bytes: int) -> int:
    """How many bytes a day are still usual, by the day with most."""
    return max(TIMES * usual_bytes, AT_LEAST_BYTES)


def weigh(accepted: Accepted, use: Use) -> str:
    """Whether a baseline holds a use: KNOWN, NOT_LISTED, or in whose place somebody may have come: OTHER_FILE, or
    UNHASHED while nobody has told what the program's file holds."""
    if use.what == VOLUME:
        return KNOWN if use.sent <= ceiling(accepted.largest_out) else NOT_LISTED
    if not _is_listed(accepted, use):
        return NOT_LISTED
    if use.program.exe is None:
        return KNOWN  # nobody saw who it was: then what is done decides
    of_exe, of_script = accepted.programs.get(use.program.key, ((), ()))
    parts = [(use.program.exe_hashes, of_exe)]
    parts += [(use.program.script_hashes, of_script)] if use.program.script is not None else []
    if all(are_among(hashes, known) for hashes, known in parts):
        return KNOWN
    others = [sha256 for hashes, known in parts if known for sha256 in hashes if sha256 not in (*known, NOT_TOLD)]
    return OTHER_FILE if others else UNHASHED


def _is_listed(accepted: Accepted, use: Use) -> bool:
    exe, script = use.program.key
    if use.what in (DESTINATION, CONTACT):
        places = accepted.of_any.get((use.proto, use.port or 0), {})
        if exe is not None:
            places = accepted.destinations.get((exe, script, use.proto, use.port or 0), {})
        found = [places[place.lower()] for place in (use.name, use.place) if place and place.lower() in places]
        return bool(found) and (use.what == DESTINATION or use.sent <= ceiling(max(found)))
    if use.what == LISTENER:
        ports = accepted.listeners.get((exe, script, use.proto), [])
        return use.port in ports or (use.port in GIVEN_PORTS and None in ports)
    return use.what == VIEW and use.place in accepted.views.get((exe, script), [])


def is_elsewhere(accepted: Accepted, use: Use) -> bool:
    """Whether a destination is on the list for another program."""
    places = accepted.of_any.get((use.proto, use.port or 0), {})
    return any(place is not None and place.lower() in places for place in (use.name, use.place))


def are_usual(accepted: Accepted | None, rules: Iterable[str], uses: Iterable[Use], is_closed: bool) -> bool:
    """Whether all that an incident is about is usual: what it goes by is of that kind, and the baseline holds it.

    Without a baseline nothing is usual; but what only a baseline made an incident does not come back when it ends.
    """
    named = set(rules)
    if not named or not named <= OF_CONTACTS | OF_BASELINES:
        return False
    if accepted is None:
        return is_closed and not named & OF_CONTACTS
    return all(
        weigh(accepted, use) == KNOWN or (use.what == DESTINATION and not accepted.limited) for use in uses
    )  # fmt: skip
