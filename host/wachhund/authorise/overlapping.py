"""Authorisations beside each other: which already allows all that another one would, and which a part of it. Pure."""

from collections.abc import Iterable

from wachhund.judge.authorisations import parsed_network
from wachhund.ledger import Authorisation
from wachhund.ledger.authorisation_records import MAY_BE_ENDED


def standing(known: Iterable[Authorisation], now: float) -> list[Authorisation]:
    """Those that are valid or planned."""
    return [one for one in known if one.state(now) in MAY_BE_ENDED]


def allows_all_of(other: Authorisation, one: Authorisation) -> bool:
    """Whether `other` allows everything that `one` would, for as long."""
    return (
        other.from_t <= one.from_t
        and other.until_t >= one.until_t
        and _holds(other.robots, one.robots)
        and _holds(other.surfaces, one.surfaces)
        and _same_carrier(other, one)
        and _holds_sources(other.sources, one.sources)
    )


def allows_some_of(other: Authorisation, one: Authorisation) -> bool:
    """Whether there may be a session that both allow."""
    return (
        other.from_t <= one.until_t
        and other.until_t >= one.from_t
        and _meet(other.robots, one.robots)
        and _meet(other.surfaces, one.surfaces)
        and _same_carrier(other, one)
    )


def already_allowed_by(one: Authorisation, known: Iterable[Authorisation], now: float) -> Authorisation | None:
    """One of those that make it needless; None when it would allow something new."""
    return next((other for other in standing(known, now) if allows_all_of(other, one)), None)


def beside(one: Authorisation, known: Iterable[Authorisation], now: float) -> list[Authorisation]:
    """Those that allow some of the same at the same time."""
    return [other for other in standing(known, now) if other.id != one.id and allows_some_of(other, one)]


def _holds(outer: tuple[str, ...] | None, inner: tuple[str, ...] | None) -> bool:
    return outer is None or (inner is not None and set(inner) <= set(outer))


def _meet(left: tuple[str, ...] | None, right: tuple[str, ...] | None) -> bool:
    return left is None or right is None or bool(set(left) & set(right)) or left == right


def _same_carrier(left: Authorisation, right: Authorisation) -> bool:
    names = [None if one.carrier is None else one.carrier.lower() for one in (left, right)]
    return names[0] == names[1]


def _holds_sources(outer: tuple[str, ...] | None, inner: tuple[str, ...] | None) -> bool:
    if outer is None or inner is None:
        return outer is None
    return all(any(_within(network, wider) for wider in outer) for network in inner)


def _within(narrow: str, wide: str) -> bool:
    inner, outer = parsed_network(narrow), parsed_network(wide)
    return inner.version == outer.version and inner.prefixlen >= outer.prefixlen and inner.network_address in outer
