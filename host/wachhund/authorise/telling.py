"""Authorisations and previews in lines for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from wachhund.authorise.preview import Preview
from wachhund.judge.wording import endpoint, moment, shown
from wachhund.ledger import Authorisation

_SHOWN = 20  # sessions of a preview


def line_of(one: Authorisation, names: Mapping[str, str], now: float, covers: int) -> str:
    """One authorisation."""
    robots = "all robots" if one.robots is None else ", ".join(names.get(robot, robot) for robot in one.robots)
    surfaces = "all surfaces" if one.surfaces is None else ", ".join(one.surfaces) or "no surface"
    sources = "anywhere" if one.sources is None else ", ".join(one.sources)
    carrier = "any straight way" if one.carrier is None else one.carrier
    end = f", withdrawn by {shown(one.ended_by)}: {shown(one.ended_why or '')}" if one.ended_by is not None else ""
    return (
        f"{one.id} ({one.state(now)}): {shown(one.who)}: {surfaces} of {robots}, from {sources}, by {carrier}, "
        f"{moment(one.from_t)} to {moment(one.until_t)}: {shown(one.why)} (made by {shown(one.author)} on "
        f"{moment(one.made_t)}{end}); covers {covers} open sessions"
    )


def lines_of(found: Preview, names: Mapping[str, str]) -> Iterator[str]:
    """A preview."""
    more = " (of the newest sessions only: there are too many)" if found.cut else ""
    yield f"covers {len(found.now)} sessions now, and {found.past} of the last 30 days{more}"
    for session in found.now[:_SHOWN]:
        yield f"  now: {_session(session, names)}"
    if len(found.now) > _SHOWN:
        yield f"  and {len(found.now) - _SHOWN} more"
    if not found.incidents:
        yield "judges no open incident anew"
    for one in found.incidents:
        way = {None: "", True: ", and its way in", False: ", not its way in"}[one.way]
        yield f"judges anew: incident {one.id}: {shown(one.title)} ({one.sessions} of its {one.of} sessions{way})"


def _session(session: Mapping[str, Any], names: Mapping[str, str]) -> str:
    outside = next((hop for hop in session["origin"] if hop.get("hop") == "address"), None)
    origin = endpoint(str(outside["address"]), outside.get("port")) if outside is not None else "an unknown origin"
    user = f" as {shown(session['user'])}" if session["user"] else ""
    by = session.get("tunnel") or session["carrier"]
    return (
        f"{names.get(session['robot'], session['robot'])}: {session['surface']}{user} from {origin} by {shown(by)}, "
        f"since {moment(session['first_t'])}"
    )


def json_of(found: Preview) -> dict[str, Any]:
    """A preview for programs."""
    return {
        "now": [dict(session) for session in found.now],
        "past": found.past,
        "cut": found.cut,
        "incidents": [vars(one) for one in found.incidents],
    }
