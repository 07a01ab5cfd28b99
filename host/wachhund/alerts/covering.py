"""Whether a silence covers an incident. Pure.

It must cover the whole of it: an attacker who comes by a silenced address and by another one rings, as does an incident
for which a rule matched that nobody silenced.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from wachhund.alerts.looks import LEVELS, parts
from wachhund.judge.authorisations import parsed_address, parsed_network
from wachhund.ledger.silence_records import Silence

CRITICAL = "critical"


def covers(one: Silence, incident: Mapping[str, Any]) -> bool:
    """Whether it lies within all that the silence names, whenever that is."""
    told: dict[str, set[str]] = {"robot": set(), "kind": set(), "surface": set(), "origin": set()}
    for what, which in parts(incident):
        told[what].add(which)
    level = incident.get("level")
    return (
        (one.critical or (level in LEVELS and level != CRITICAL))
        and _within(told["robot"], one.robots)
        and _within(told["kind"], one.kinds)
        and _within(told["surface"], one.surfaces)
        and _within({str(rule) for rule in incident.get("rules") or ()}, one.rules)
        and _from(told["origin"], one.sources)
    )


def covering(silences: Sequence[Silence], incident: Mapping[str, Any]) -> Silence | None:
    """Of these, the one that covers it and ends last."""
    return max((one for one in silences if covers(one, incident)), key=lambda one: one.until_t, default=None)


def _within(found: set[str], named: Sequence[str] | None) -> bool:
    """What names something covers only what has such a thing at all."""
    return named is None or (bool(found) and found <= set(named))


def _from(origins: set[str], sources: Sequence[str] | None) -> bool:
    if sources is None:
        return True
    addresses = [parsed_address(origin) for origin in origins]
    networks = [parsed_network(source) for source in sources]
    return bool(addresses) and all(
        address is not None and any(address in network for network in networks) for address in addresses
    )
