"""An incident as a STIX 2.1 bundle: the incident, the robot, what was observed, and the techniques.

Source: STIX 2.1 (OASIS), sections 2.9 (deterministic identifiers of cyber-observables), 4.1, 4.6, 4.8, 4.14, 5 and 6.
The same incident gives the same identifiers: those of observables are UUIDv5 in the standard's own namespace, of their
contributing properties in canonical JSON (RFC 8785); all others are UUIDv5 in a namespace of ours.
"""

import json
import posixpath
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from wachhund.exports.parts import (
    address_of,
    first_hop,
    hops_of,
    port_of,
    seconds_of,
    techniques_of,
    text_of,
)
from wachhund.judge.surfaces import program_name

OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # section 2.9
OURS = uuid.UUID("b048f15d-c1f5-4d85-8e34-045e59e382bd")  # drawn once for this program
BORN = "2020-01-01T00:00:00.000Z"  # of what has no beginning of its own: one id, one time
NAME_CHARS = 255

Object = dict[str, Any]


def bundle(incident: Mapping[str, Any], robot: str) -> Object:
    """The bundle. `robot`: what people call it."""
    first = stamp(incident["first_t"])
    last = max(first, stamp(incident["last_t"]))  # nothing may be modified before it was created
    author = _ours("identity", "wachhund", BORN, BORN, name="Wachhund", identity_class="system")
    by = author["id"]
    told = {"description": "\n".join(map(str, incident.get("story") or [])) or None}
    core = _ours(
        "incident", str(incident["id"]), first, last, created_by_ref=by, name=str(incident["title"]),
        labels=[str(incident["kind"]), str(incident["level"]), str(incident["state"])], **told,
    )  # fmt: skip
    on = _ours(
        "identity", f"robot {incident['robot']}", BORN, BORN, created_by_ref=by, name=robot, identity_class="system",
        labels=["robot"],
    )  # fmt: skip
    techniques = [_technique(one, by) for one in techniques_of(incident)]
    observables = _observables(incident)
    data = []
    if observables:
        data = [
            _ours(
                "observed-data", str(incident["id"]), first, last, created_by_ref=by, first_observed=first,
                last_observed=last, number_observed=max(1, len(incident.get("evidence") or [])),
                object_refs=list(observables),
            )
        ]  # fmt: skip
    links = [_link(core, other, by) for other in (on, *techniques, *data)]
    objects = [author, on, core, *techniques, *data, *observables.values(), *links]
    name = json.dumps(objects, sort_keys=True)
    return {"type": "bundle", "id": f"bundle--{uuid.uuid5(OURS, name)}", "objects": objects}


def stamp(t: Any) -> str:
    """A time as STIX writes it: UTC, milliseconds."""
    moment = datetime.fromtimestamp(round(seconds_of(t), 3), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1_000:03d}Z"


def _ours(kind: str, what: str, created: str, modified: str, **more: Any) -> Object:
    """An object of a domain, or a relationship."""
    made = {
        "type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid5(OURS, f'{kind} {what}')}", "created": created,
        "modified": modified, **more,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def _link(core: Object, other: Object, by: str) -> Object:
    return _ours(
        "relationship", f"{core['id']} {other['id']}", core["created"], core["modified"], created_by_ref=by,
        relationship_type="related-to", source_ref=core["id"], target_ref=other["id"],
    )  # fmt: skip


def _technique(technique: str, by: str) -> Object:
    where = {"source_name": "mitre-attack", "external_id": technique}
    return _ours(
        "attack-pattern", technique, BORN, BORN, created_by_ref=by, name=technique, external_references=[where]
    )


def observable(kind: str, contributing: Mapping[str, Any], **more: Any) -> Object:
    """A cyber-observable. `contributing`: the properties from which its id is made (section 2.9)."""
    canonical = json.dumps(contributing, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    name = uuid.uuid5(OBSERVABLES, canonical)
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{name}", **contributing, **more}


def _observables(incident: Mapping[str, Any]) -> dict[str, Object]:
    """What was observed, by id: addresses, connections, programs with their folders, accounts."""
    made: dict[str, Object] = {}
    for session in incident.get("sessions") or [{"origin": incident.get("origin")}]:
        outside, service = first_hop(session, "address"), first_hop(session, "service")
        address = address_of(outside)
        if address is not None:
            kind = "ipv6-addr" if ":" in address else "ipv4-addr"
            source = observable(kind, {"value": address})
            made[source["id"]] = source
            if service is not None:
                flow = _traffic(session, source["id"], port_of(outside), port_of(service))
                made[flow["id"]] = flow
        for hop in hops_of(session, "process"):
            made |= {one["id"]: one for one in _program(text_of(hop.get("exe"), NAME_CHARS * 8))}
        login = text_of(session.get("user"), NAME_CHARS)
        if login is not None:
            account = observable("user-account", {"account_login": login, "account_type": "unix"})
            made[account["id"]] = account
    return made


def _traffic(session: Mapping[str, Any], source: str, source_port: int | None, port: int | None) -> Object:
    """The connection that carries a session: towards the robot."""
    told = {"start": stamp(session.get("first_t")), "src_ref": source, "src_port": source_port, "dst_port": port}
    contributing = {name: value for name, value in told.items() if value is not None}
    return observable("network-traffic", {**contributing, "protocols": [_protocol(session, source)]})


def _protocol(session: Mapping[str, Any], source: str) -> str:
    """What carries it, as far as its surface says: pictures come by either, so that only the lower protocol is sure."""
    surface = session.get("surface")
    if surface in ("camera", "microphone"):
        return source.partition("-")[0]
    return "udp" if surface == "udp" else "tcp"


def _program(path: str | None) -> list[Object]:
    """A program's file and its folder."""
    if path is None:
        return []
    folder = posixpath.dirname(path)
    name = program_name(path)[:NAME_CHARS]
    if not folder:
        return [observable("file", {"name": name})]
    where = observable("directory", {"path": folder})
    return [where, observable("file", {"name": name, "parent_directory_ref": where["id"]})]
