"""An incident as an OCSF Detection Finding (class 2004).

Source: Open Cybersecurity Schema Framework 1.6.0, classes/detection_finding; no profile.
"""

from collections.abc import Mapping
from typing import Any

from wachhund.exports.parts import (
    address_of,
    first_hop,
    hops_of,
    port_of,
    rules_of,
    seconds_of,
    techniques_of,
    text_of,
)
from wachhund.judge.surfaces import program_name

VERSION = "1.6.0"
CLASS, CATEGORY = 2004, 2
# Characters of a robot's texts; the evidence has them whole.
USERNAME_CHARS, PROCESS_CHARS, FILE_CHARS, PATH_CHARS = 125, 64, 255, 4_096

_SEVERITY = {"informational": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"),
             "critical": (5, "Critical")}  # fmt: skip
_ACTIVITY = {"open": (1, "Create"), "acknowledged": (2, "Update"), "closed": (3, "Close")}
_STATUS = {"open": (1, "New"), "acknowledged": (2, "In Progress"), "closed": (4, "Resolved")}
_NO_HARM = frozenset({"allowed", "false-alarm", "test", "explained"})
_SUPPRESSED = (3, "Suppressed")  # reviewed, and benign
_RULE, _BEHAVIOUR = (1, "Rule"), (2, "Behavioral")
_INBOUND = 1
_IP, _USER_NAME, _PROCESS_NAME = 2, 4, 9  # of observables
_UNKNOWN, _OTHER = 0, 99
_AFFECTED = 3


def detection_finding(incident: Mapping[str, Any], robot: str, version: str) -> dict[str, Any]:
    """The event. `robot`: what people call it. `version`: of this program."""
    activity, activity_name = _ACTIVITY.get(str(incident["state"]), (_UNKNOWN, "Unknown"))
    if activity == 1 and incident.get("came_back"):
        activity, activity_name = 2, "Update"
    severity, severity_name = _SEVERITY.get(str(incident["level"]), (_UNKNOWN, "Unknown"))
    status, status_name = _STATUS.get(str(incident["state"]), (_UNKNOWN, "Unknown"))
    if incident.get("close_reason") in _NO_HARM:
        status, status_name = _SUPPRESSED
    sessions = [one for one in incident.get("sessions") or [] if isinstance(one, Mapping)]
    evidences = [_evidence(session) for session in sessions]
    made: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": f"Detection Finding: {activity_name}",
        "time": _ms(incident["last_t"]),
        "start_time": _ms(incident["first_t"]),
        "end_time": _ms(incident["last_t"]),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "is_alert": incident["state"] != "closed",
        "message": str(incident["title"]),
        "metadata": {
            "version": VERSION,
            "product": {"name": "Wachhund", "vendor_name": "Wachhund", "version": version},
            "uid": str(incident["id"]),
        },
        "finding_info": _finding(incident),
        "device": {"uid": str(incident["robot"]), "name": robot, "type_id": _OTHER, "type": "Robot"},
        "resources": [{"uid": str(incident["robot"]), "name": robot, "type": "Robot", "role_id": _AFFECTED}],
        "evidences": evidences,
        "observables": _observables(evidences),
        "unmapped": {name: incident.get(name) for name in ("kind", "tunnel", "came_back", "close_reason", "unknown")},
    }
    if incident.get("close_reason"):
        made["status_detail"] = str(incident["close_reason"])
    if incident.get("advice"):
        made["remediation"] = {"desc": "\n".join(map(str, incident["advice"]))}
    return {name: value for name, value in made.items() if value != []}


def _finding(incident: Mapping[str, Any]) -> dict[str, Any]:
    analytics = [_analytic(name, uid) for name, uid in rules_of(incident)]
    places = [_place(one) for one in incident.get("evidence") or [] if isinstance(one, Mapping)]
    made: dict[str, Any] = {
        "uid": str(incident["id"]),
        "title": str(incident["title"]),
        "desc": "\n".join(map(str, incident.get("story") or [])),
        "types": [str(incident["kind"])],
        "created_time": _ms(incident["first_t"]),
        "first_seen_time": _ms(incident["first_t"]),
        "last_seen_time": _ms(incident["last_t"]),
        "attacks": [_attack(technique) for technique in techniques_of(incident)],
        "analytic": analytics[0] if analytics else None,
        "related_analytics": analytics[1:],
        "related_events": [{"uid": place, "type": "Wachhund evidence token"} for place in places],
        "related_events_count": len(places),
    }
    return {name: value for name, value in made.items() if value not in ([], None, "")}


def _analytic(name: str, uid: str | None) -> dict[str, Any]:
    kind, word = _BEHAVIOUR if uid is None else _RULE
    return {"name": name, "type_id": kind, "type": word} | ({} if uid is None else {"uid": uid})


def _attack(technique: str) -> dict[str, Any]:
    parent, _, under = technique.partition(".")
    return {"technique": {"uid": parent}} | ({"sub_technique": {"uid": technique}} if under else {})


def _place(one: Mapping[str, Any]) -> str:
    """Where a piece of evidence stands: line, or chain and number of the token."""
    return f"line {one['line']}" if "line" in one else f"{one.get('chain')}/{one.get('seq')}"


def _evidence(session: Mapping[str, Any]) -> dict[str, Any]:
    outside, service = first_hop(session, "address"), first_hop(session, "service")
    address, port = address_of(outside), port_of(outside)
    last_t = session.get("last_t")
    told = {name: session.get(name) for name in ("surface", "carrier", "tunnel", "authorisation", "origin")}
    made: dict[str, Any] = {
        "name": f"session {session.get('id')}",
        "data": {**told, "start_time": _ms(session.get("first_t")), "end_time": last_t and _ms(last_t)},
        "connection_info": {"direction_id": _INBOUND, "direction": "Inbound"},
    }
    if address is not None:
        made["src_endpoint"] = {"ip": address} | ({} if port is None else {"port": port})
    reached = {"svc_name": text_of(service.get("name"), FILE_CHARS) if service else None, "port": port_of(service)}
    if reached["svc_name"] is not None:
        made["dst_endpoint"] = {name: value for name, value in reached.items() if value is not None}
    process = next((_process(hop) for hop in hops_of(session, "process") if type(hop.get("pid")) is int), None)
    if process is not None:
        made["process"] = process
    user = text_of(session.get("user"), USERNAME_CHARS)
    if user is not None:
        made["user"] = {"name": user}
    return made


def _process(hop: Mapping[str, Any]) -> dict[str, Any]:
    """A program on the way: the relay, commonly."""
    made: dict[str, Any] = {"pid": hop["pid"]}
    path = text_of(hop.get("exe"), PATH_CHARS)
    if path is not None:
        made["name"] = program_name(path)[:PROCESS_CHARS]
        made["file"] = {"name": program_name(path)[:FILE_CHARS], "path": path, "type_id": 1, "type": "Regular File"}
    user = text_of(hop.get("user"), USERNAME_CHARS)
    return made | ({} if user is None else {"user": {"name": user}})


def _observables(evidences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made = []
    for at, one in enumerate(evidences):
        for path, kind, word in (
            ("src_endpoint.ip", _IP, "IP Address"),
            ("user.name", _USER_NAME, "User Name"),
            ("process.name", _PROCESS_NAME, "Process Name"),
        ):
            outer, inner = path.split(".")
            value = one.get(outer, {}).get(inner)
            if value is not None:
                made.append({"name": f"evidences[{at}].{path}", "type_id": kind, "type": word, "value": value})
    return made


def _ms(t: Any) -> int:
    return round(seconds_of(t) * 1_000)
