"""From what a person types, or from a session of an incident, to an authorisation. Everything is checked here.

Texts of a robot are taken only where they are what they should be: an address, a surface of the list. Where they are
not, nothing is allowed more widely instead: the person has to say it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wachhund.judge.authorisations import SURFACES, parsed_address, parsed_network
from wachhund.keeping.moments import parse_moment
from wachhund.ledger import Authorisation, Robot
from wachhund.ledger.authorisation_records import DAY_S, LONGEST_S, MAX_NAMED
from wachhund_evidence import MisuseError

USUAL_S = 2 * 3_600.0  # how long, when nobody says
MAX_WHO_CHARS = 100
ALL, ANY, NONE = "all", "any", "none"
_CARRIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_LENGTH = re.compile(r"([0-9]{1,6})(m|h|d)")
_UNITS_S = {"m": 60.0, "h": 3_600.0, "d": DAY_S}


def robots_of(names: Sequence[str], find: Callable[[str], Robot]) -> tuple[str, ...] | None:
    """--robot: ids of those robots, None for all. Raises MisuseError."""
    if _alone(names, ALL, "--robot"):
        return None
    return tuple(sorted({find(name).id for name in names}))


def surfaces_of(names: Sequence[str]) -> tuple[str, ...] | None:
    """--surface: of the fixed list, None for all, empty for none. Raises MisuseError."""
    if _alone(names, ALL, "--surface"):
        return None
    if _alone(names, NONE, "--surface"):
        return ()
    for name in names:
        if name not in SURFACES:
            raise MisuseError(f"--surface: {name!r}: one of {', '.join(SURFACES)}, {ALL}, or {NONE}")
    return tuple(sorted(set(names), key=SURFACES.index))


def sources_of(texts: Sequence[str]) -> tuple[str, ...] | None:
    """--from: addresses and networks in canonical text, None for any. Raises MisuseError."""
    if _alone(texts, ANY, "--from"):
        return None
    made = []
    for text in texts:
        try:
            made.append(str(parsed_network(text)))
        except ValueError as error:
            raise MisuseError(
                f"--from: {text!r}: {error}: give an address, a network such as 192.168.12.0/24, or {ANY}"
            ) from None
    return tuple(dict.fromkeys(made))


def carrier_of(text: str) -> str | None:
    """--carrier: lan, internet, relay, a tunnel's name; None for any that leads straight here. Raises MisuseError."""
    if text == ANY:
        return None
    if not _CARRIER.fullmatch(text):
        known = f"lan, internet, relay, a tunnel's name such as CloudSail, or {ANY}"
        raise MisuseError(f"--carrier: {text!r}: give {known}")
    return text


def who_of(text: str) -> str:
    """--who. Raises MisuseError."""
    who = text.strip()
    if not who or not who.isprintable() or len(who) > MAX_WHO_CHARS:
        raise MisuseError(f"--who: give a name in 1 to {MAX_WHO_CHARS} printable characters")
    return who


def end_of(text: str | None, begin_t: float) -> float:
    """--until: a length such as 30m, 2h, 7d from its beginning on, or a moment. Raises MisuseError."""
    if text is None:
        return begin_t + USUAL_S
    length = _LENGTH.fullmatch(text)
    if length is not None:
        return begin_t + int(length[1]) * _UNITS_S[length[2]]
    try:
        return parse_moment(text, "--until")
    except MisuseError as error:
        raise MisuseError(f"{error}; or a length: 30m, 2h, 7d") from None


def wide_in(one: Authorisation) -> list[str]:
    """In what it is wider than somebody may have meant."""
    return [
        words
        for is_wide, words in (
            (one.robots is None, "it is for all robots"),
            (one.surfaces is None, "it is for all surfaces"),
            (one.sources is None, "it is from any address"),
            (one.sources is not None and any(_is_everything(one) for one in one.sources), "it is from every address"),
        )
        if is_wide
    ]


def from_session(
    session: Mapping[str, Any], incident: Mapping[str, Any], sources: Sequence[str], carrier: str | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None, str | None]:
    """Surfaces, sources and carrier of a session of an incident, but for what the person says. Raises MisuseError."""
    surface = session["surface"]
    if surface not in SURFACES:
        raise MisuseError(f"incident {incident['id']}: its session is on no surface that can be allowed")
    by = _carrier(session.get("tunnel"), session["carrier"], carrier)
    return (surface,), _sources(session["origin"], sources), by


def from_way(
    incident: Mapping[str, Any], sources: Sequence[str], carrier: str | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None, str | None]:
    """The same of an incident into which nobody came yet: only that its relay or tunnel is there."""
    return (), _sources(incident["origin"], sources), _carrier(incident.get("tunnel"), "relay", carrier)


def begin_of(first_t: float, until_t: float) -> float:
    """An authorisation of what has begun already begins with it, as far as it may last so long."""
    return max(first_t, until_t - LONGEST_S)


def _sources(origin: Sequence[Mapping[str, Any]], said: Sequence[str]) -> tuple[str, ...] | None:
    if said:
        return sources_of(said)
    outside = next((hop for hop in origin if hop.get("hop") == "address"), None)
    address = parsed_address(str(outside["address"])) if outside is not None else None
    if address is None:
        raise MisuseError(f"its origin is not a known address: say --from ADDRESS, or --from {ANY} if you mean it")
    return (str(parsed_network(str(address))),)


def _carrier(tunnel: str | None, told: str, said: str | None) -> str | None:
    if said is not None:
        return carrier_of(said)
    if tunnel is None and told == "unknown":
        raise MisuseError(f"it is not known by what it came: say --carrier NAME, or --carrier {ANY} if you mean it")
    if not _CARRIER.fullmatch(tunnel or told):
        raise MisuseError(f"what it came by has a name that nobody can type: say --carrier {told} if you mean any")
    return carrier_of(tunnel or told)


def _alone(words: Sequence[str], word: str, option: str) -> bool:
    if len(words) > MAX_NAMED:
        raise MisuseError(f"{option}: at most {MAX_NAMED} of them: make two authorisations")
    if word in words and len(words) > 1:
        raise MisuseError(f"{option}: {word} stands alone: leave out the others")
    return list(words) == [word]


def _is_everything(source: str) -> bool:
    return parsed_network(source).prefixlen == 0
