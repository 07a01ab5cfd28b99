"""What a SIEM reads: an incident as a record of RFC 5424 (syslog), or as a document of the Elastic Common Schema.

One incident is one record, however many a message holds: grouping is for people.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

ECS_VERSION = "8.11.0"
_FACILITY = 13  # "log audit", RFC 5424 6.2.1
_SEVERITY = {"critical": 2, "high": 3, "medium": 4, "low": 5, "informational": 6}
# ECS event.severity is the product's own scale; these are the bands that Elastic's own rules use.
_ECS_SEVERITY = {"critical": 99, "high": 73, "medium": 47, "low": 21, "informational": 1}
_PRINTABLE = dict.fromkeys([*range(33), *range(127, 160)], "?")
_MAX_MSG_CHARS = 7_000  # receivers must take 2,048 bytes and should take 8,192 (RFC 5425 4.3.1)


def records(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What of a message is a record of its own: its incidents, or the message itself."""
    event = message["event"]
    data = event["data"]
    common = {"type": event["type"], "message": message["id"], "t": data["t"]}
    if not data["incidents"]:
        return [{**common, "id": message["id"], "level": data["level"], "title": data["title"], "link": data["link"]}]
    return [{**common, **one} for one in data["incidents"]]


def syslog(record: Mapping[str, Any], host: str, version: str) -> bytes:
    """A syslog message (RFC 5424), framed by its length as TCP and TLS ask for it (RFC 6587 3.4.1, RFC 5425 4.3)."""
    priority = _FACILITY * 8 + _SEVERITY[record["level"]]
    names = ("robot", "kind", "state", "level", "why", "id", "message", "link")
    told = {name: json.dumps(str(record[name]), ensure_ascii=False) for name in names if record.get(name)}
    facts = " ".join(f"{name}={value}" for name, value in told.items())
    text = f"{record['title']} | {facts}"[:_MAX_MSG_CHARS].translate(dict.fromkeys(range(32), " "))
    kind = record["type"].translate(_PRINTABLE)[:32]
    head = (
        f"<{priority}>1 {_moment(record['t'])} {host.translate(_PRINTABLE)[:255] or '-'} wachhund - {kind} "
        f'[origin software="wachhund" swVersion="{version}"] '
    )
    body = head.encode("ascii", "replace") + b"\xef\xbb\xbf" + text.encode("utf-8", "backslashreplace")
    return f"{len(body)} ".encode("ascii") + body


def ecs(record: Mapping[str, Any], version: str) -> bytes:
    """A document on one line."""
    document: dict[str, Any] = {
        "@timestamp": _moment(record["t"]),
        "ecs": {"version": ECS_VERSION},
        "message": record["title"],
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection"],
            "type": ["info"],
            "module": "wachhund",
            "dataset": "wachhund.incident",
            "id": f"{record['message']}/{record['id']}",
            "severity": _ECS_SEVERITY[record["level"]],
            "action": record["type"],
            "reason": record.get("why"),
            "url": record.get("link"),
        },
        "observer": {"vendor": "Wachhund", "product": "Wachhund", "type": "ids", "version": version},
        "labels": {
            "incident": record["id"], "kind": record.get("kind") or "host", "level": record["level"],
            "state": record.get("state") or "open",
        },
    }  # fmt: skip
    if record.get("robot"):
        document["host"] = {"name": record["robot"]}
    if record.get("from"):
        document["source"] = {"ip": record["from"], "address": record["from"]}
    if record.get("rules"):
        document["rule"] = {"name": record["rules"][0]}
    if record.get("attack"):
        document["threat"] = {"framework": "MITRE ATT&CK", "technique": {"id": record["attack"]}}
    document["event"] = {name: value for name, value in document["event"].items() if value is not None}
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _moment(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
