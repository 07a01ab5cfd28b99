"""A catalogue of tunnels and remote-access tools (data) becomes Sigma rules: on programs, on names, on ports.

The names only name: a relay that no entry knows is found by what it does. A port alone is never enough; it is told
beside what is.
"""

import re
import shlex
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wachhund.judge.meaning import LEVELS

VERSION = 1
MAX_TOOLS = 1_000
_NAMESPACE = uuid.UUID("5f1f0b7e-6c0b-5d0e-9a53-0f1d3c6f2a11")  # made for this: ids follow from names
_INTERPRETERS = r"/(python|perl|node|ruby|php|bash|dash|sh|java|npx|uv)[0-9.]*$"
_LISTS = ("programs", "generic", "scripts", "units", "sha256", "domains", "seen", "unseen", "attack")
_NESTED = ("arguments", "telling")
_KEYS = frozenset({"name", "what", "level", "ports", *_LISTS, *_NESTED})
_ADVICE = (
    "Ask whoever looks after this robot whether this is wanted; if it is, say so in an authorisation with an end.",
    "If nobody knows it: stop it, and find what starts it: systemctl list-units, crontab -l, Unitree/autostart",
    "Look below at the sessions that came through it; keep the evidence before the disk is touched.",
)


def rules_of(catalogue: Any) -> list[dict[str, Any]]:
    """The catalogue's rules, as YAML would give them. Raises ValueError that names the entry and what is wrong."""
    if not isinstance(catalogue, dict) or catalogue.get("version") != VERSION:
        raise ValueError(f"catalogue.version: {VERSION} is the one that is read")
    whats, tools = catalogue.get("whats"), catalogue.get("tools")
    never = [_started(line) for line in _lines(catalogue, "never", "catalogue")]
    if not isinstance(whats, dict) or not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise ValueError(f"catalogue: takes whats, never and a list of at most {MAX_TOOLS} tools")
    made: list[dict[str, Any]] = []
    for number, tool in enumerate(tools, start=1):
        made += _rules(_checked(tool, whats, f"catalogue.tools, entry {number}"), whats[tool["what"]], never)
    return made


def _checked(tool: Any, whats: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or not set(map(str, tool)) <= _KEYS:
        raise ValueError(f"{where}: takes name, what and {', '.join(sorted(_KEYS - {'name', 'what'}))}")
    where = f"{where} ({tool['name'][:60]})"
    what = tool.get("what")
    kind = whats.get(what) if isinstance(what, str) else None
    if not isinstance(kind, dict) or not all(isinstance(kind.get(one), str) for one in ("words", "level", "means")):
        raise ValueError(f"{where}: what: one of {', '.join(map(str, whats))}, with words, level and means")
    if tool.get("level", kind["level"]) not in LEVELS:
        raise ValueError(f"{where}: level: one of {', '.join(LEVELS)}")
    _texts(kind, "attack", f"catalogue.whats.{what}")
    if not isinstance(kind.get("links", False), bool):
        raise ValueError(f"catalogue.whats.{what}: links: true or false")
    for name in _LISTS:
        _texts(tool, name, where)
    for name in ("seen", "unseen"):
        _lines(tool, name, where)
    for name in _NESTED:
        lists = tool.get(name, [])
        if not isinstance(lists, list) or not all(isinstance(one, list) and one for one in lists):
            raise ValueError(f"{where}: {name}: a list of lists of texts")
        for one in lists:
            _texts({name: one}, name, where)
    for port in tool.get("ports", []):
        if not (isinstance(port, list) and len(port) == 2 and port[0] in ("tcp", "udp") and type(port[1]) is int):
            raise ValueError(f"{where}: ports: [tcp or udp, number] each")
    if tool.get("generic") and not tool.get("arguments"):
        raise ValueError(f"{where}: generic: needs arguments, for many programs have such a name")
    return tool


def _texts(holder: Mapping[str, Any], name: str, where: str) -> Sequence[str]:
    given = holder.get(name, [])
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise ValueError(f"{where}: {name}: a list of texts")
    return given


def _lines(holder: Mapping[str, Any], name: str, where: str) -> Sequence[str]:
    """Command lines, which must be such."""
    given = _texts(holder, name, where)
    for line in given:
        try:
            shlex.split(line)
        except ValueError as error:
            raise ValueError(f"{where}: {name}: {line[:60]}: {error}") from None
    return given


def _rules(tool: Mapping[str, Any], kind: Mapping[str, Any], never: Sequence[Any]) -> Iterator[dict[str, Any]]:
    level = str(tool.get("level", kind["level"]))
    detection = _programs(tool)
    if detection:
        seen = [_started(line) for line in tool.get("seen", [])]
        seen += [{**_started("/opt/x"), "unit": unit.replace("*", "1")} for unit in tool.get("units", [])]
        silent = [*never, *(_started(line) for line in tool.get("unseen", []))]
        yield {
            **_head(tool, kind, "program", f"{kind['words']}: {tool['name']}", level),
            "description": f"{tool['name']} runs. {kind['means']}",
            "logsource": {"product": "linux", "category": "process_creation"},
            "detection": detection,
            "falsepositives": ["Whoever looks after this robot installed it and uses it."],
            "wachhund": _named(tool, kind, seen, silent),
        }
    domains = tool.get("domains", [])
    if domains:
        seen = [_dialled(f"x.{domain}", "tcp", 443) for domain in domains]
        silent = [_dialled(f"not{domain}", "tcp", 443) for domain in domains]
        yield {
            **_head(tool, kind, "name", f"A connection to the service of {tool['name']}", _lower(level)),
            "description": f"A program is connected to the service behind {tool['name']}. {kind['means']}",
            "logsource": {"product": "linux", "category": "network_connection"},
            "detection": {
                "outgoing": {"Initiated": "true"},
                "below": {"DestinationHostname|endswith": [f".{domain}" for domain in domains]},
                "itself": {"DestinationHostname": list(domains)},
                "condition": "outgoing and (below or itself)",
            },
            "falsepositives": [
                "Somebody reads the maker's pages, or downloads the program.",
                "The address has several names, and another was meant.",
            ],
            "wachhund": _named(tool, kind, seen, silent),
        }
    for protocol in ("tcp", "udp"):
        ports = [port for one, port in tool.get("ports", []) if one == protocol]
        if ports:
            seen = [_dialled(None, protocol, port) for port in ports]
            silent = [_dialled(None, protocol, 443)]
            outgoing = {"Initiated": "true", "Scope": "internet", "Protocol": protocol, "DestinationPort": ports}
            yield {
                **_head(tool, kind, protocol, f"A port that {tool['name']} uses by default ({protocol})", LEVELS[0]),
                "description": "Told beside what else is known of a program, and never enough by itself.",
                "logsource": {"product": "linux", "category": "network_connection"},
                "detection": {"outgoing": outgoing, "condition": "outgoing"},
                "falsepositives": ["Something else uses this port."],
                "wachhund": {"kind": "posture", "advice": list(_ADVICE), "examples": {"match": seen, "silent": silent}},
            }


def _head(tool: Mapping[str, Any], kind: Mapping[str, Any], part: str, title: str, level: str) -> dict[str, Any]:
    techniques = tool.get("attack") or kind.get("attack", [])
    return {
        "title": title,
        "id": str(uuid.uuid5(_NAMESPACE, f"{tool['name']}: {part}")),
        "status": "experimental",
        "author": "Wachhund",
        "tags": ["attack.command-and-control", *(f"attack.{one}" for one in techniques)],
        "level": level,
    }


def _named(tool: Mapping[str, Any], kind: Mapping[str, Any], seen: list[Any], silent: list[Any]) -> dict[str, Any]:
    story = re.sub("[^a-z0-9]+", "-", tool["name"].lower()).strip("-")
    examples = {"match": seen, "silent": silent}
    named = {"kind": "tunnel", "label": tool["name"], "links": kind.get("links", False), "story": story}
    return {**named, "advice": list(_ADVICE), "examples": examples}


def _programs(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The detection of the programs; empty when the entry names none."""
    made: dict[str, Any] = {}
    ways: list[str] = []
    if tool.get("programs"):
        made["program"] = _files(tool["programs"])
        ways.append("program")
    if tool.get("generic"):
        made["generic"] = _files(tool["generic"])
        made["arguments"] = [{"CommandLine|contains|all": texts} for texts in tool["arguments"]]
        ways.append("(generic and arguments)")
    if tool.get("telling"):
        made["telling"] = [{"CommandLine|contains|all": texts} for texts in tool["telling"]]
        ways.append("telling")
    if tool.get("scripts"):
        made["script"] = [{"Script|endswith": tool["scripts"]}]
        made["interpreter"] = {"Image|re": _INTERPRETERS}
        made["runs"] = [
            {"CommandLine|contains": one} if one.endswith("/") else way
            for one in tool["scripts"]
            for way in ({"CommandLine|contains": f"{one} "}, {"CommandLine|endswith": one})
        ]
        ways += ["script", "(interpreter and runs)"]
    if tool.get("units"):
        made["unit"] = {"Unit": tool["units"]}
        ways.append("unit")
    if tool.get("sha256"):
        made["known_file"] = {"sha256": tool["sha256"]}
        ways.append("known_file")
    return {**made, "condition": " or ".join(ways)} if ways else {}


def _files(names: Sequence[str]) -> list[dict[str, Any]]:
    exact = [f"/{name}" for name in names if "*" not in name and "?" not in name]
    patterns = [f"*/{name}" for name in names if "*" in name or "?" in name]
    return [*([{"Image|endswith": exact}] if exact else []), *([{"Image": patterns}] if patterns else [])]


def _lower(level: str) -> str:
    """One level below: a name that is connected to is a weaker sign than the program."""
    return LEVELS[max(1, LEVELS.index(level) - 1)]


def _started(line: str) -> dict[str, Any]:
    exe, *arguments = shlex.split(line)
    return {"kind": "process.start", "pid": 9, "exe": exe, "argv": [exe.rpartition("/")[2], *arguments]}


def _dialled(name: str | None, protocol: str, port: int) -> dict[str, Any]:
    return {
        "kind": "flow.open", "flow": "a", "proto": protocol, "direction": "out", "scope": "internet", "exe": "/opt/x",
        "pid": 9, "local": ["10.1.1.2", 40_000], "remote": ["198.51.100.4", port], "remote_name": name,
    }  # fmt: skip
