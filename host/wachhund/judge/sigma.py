"""Sigma rules: read, checked against what robots observe, and converted to SQL, which `matching` runs.

A rule of ours is plain Sigma with one more key, `wachhund`: what the match means and what to do about it.
A file that cannot be used is returned with its reason, never left out silently.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sigma.backends.sqlite.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from yaml import YAMLError

BUILT_IN = Path(__file__).parent / "rules"

# What a row of each Sigma category holds, by the names that SigmaHQ's Linux rules use (the taxonomy's, Sysmon's).
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "process_creation": (
        "Image", "CommandLine", "ParentImage", "ParentCommandLine", "User", "CurrentDirectory", "ProcessId",
        "ParentProcessId", "Hashes", "Unit", "LogonId",
    ),
    "network_connection": (
        "Image", "User", "ProcessId", "Protocol", "Initiated", "SourceIp", "SourcePort", "DestinationIp",
        "DestinationPort", "DestinationHostname",
    ),
    "file_event": ("TargetFilename", "Image", "User", "ProcessId"),
}  # fmt: skip

# Columns that exist so that rules load, and that no sensor fills yet: a rule that needs one is listed as such.
UNSEEN: Mapping[str, frozenset[str]] = {
    "process_creation": frozenset({"LogonId"}),
    "network_connection": frozenset({"DestinationHostname"}),
    "file_event": frozenset({"User", "ProcessId"}),
}

KINDS = frozenset(
    {"tunnel", "relay", "remote-control", "remote-viewing", "intrusion", "persistence", "posture", "monitor"}
)
LEVELS = ("informational", "low", "medium", "high", "critical")
_OWN_KEYS = frozenset({"kind", "label", "story", "surface", "advice"})


@dataclass(frozen=True)
class Rule:
    """A rule ready to run. `sql`: conditions on the category's table, one of them is enough.

    `kind`: of the incident. `label`: the product's name when the rule names one. `story`: rules with one story word
    add to one incident a robot. `surface`: what the match gives its author ("shell"). `unseen`: columns it reads that
    nothing fills yet.
    """

    id: str
    title: str
    level: str
    attack: tuple[str, ...]
    category: str
    sql: tuple[str, ...]
    kind: str
    label: str | None
    story: str | None
    surface: str | None
    explanation: str
    advice: tuple[str, ...]
    falsepositives: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """A rule that is not in use, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class RulePack:
    """Rules in the order of their ids, and what could not be used."""

    rules: tuple[Rule, ...]
    refused: tuple[Refused, ...]


def load_rules(folders: Iterable[Path] = (BUILT_IN,)) -> RulePack:
    """Read every *.yml below the folders. Raises nothing for a bad rule: it is in `refused`."""
    rules: dict[str, Rule] = {}
    refused: list[Refused] = []
    for folder in folders:
        files = sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]) if folder.is_dir() else []
        if not files:
            refused.append(Refused(str(folder), "no folder with rules (*.yml) is there"))
        for file in files:
            try:
                for rule in rules_in(file.read_text("utf-8")):
                    if rule.id in rules:
                        refused.append(Refused(str(file), f"the id {rule.id} is taken by another rule"))
                    else:
                        rules[rule.id] = rule
            except (OSError, UnicodeDecodeError, ValueError) as error:
                refused.append(Refused(str(file), " ".join(str(error).split())))
    return RulePack(tuple(rules[key] for key in sorted(rules)), tuple(refused))


def rules_in(text: str) -> list[Rule]:
    """The rules of one file's text. Raises ValueError with the reason."""
    try:
        collection = SigmaCollection.from_yaml(text)
        return [_converted(rule) for rule in collection.rules]
    except (SigmaError, YAMLError) as error:
        raise ValueError(f"not a Sigma rule: {error}") from None


def _converted(rule: object) -> Rule:
    if not isinstance(rule, SigmaRule):
        raise ValueError("correlations and filters are not run: a micro-batch is no time window")
    category = rule.logsource.category or ""
    columns = COLUMNS.get(category)
    if columns is None:
        raise ValueError(f"log source category {category or 'missing'!r}: robots observe {', '.join(COLUMNS)}")
    if rule.logsource.product not in (None, "linux"):
        raise ValueError(f"log source product {rule.logsource.product!r}: robots run linux")
    if rule.id is None:
        raise ValueError("a rule needs an id: matches are counted by it")
    # The columns are declared COLLATE NOCASE (matching.py): Sigma compares text without regard to case.
    backend: Any = sqliteBackend(table=category)  # type: ignore[no-untyped-call]  # pySigma's plug-ins have no types
    needed = set(backend.required_fields(rule))
    missing = sorted(needed - set(columns))
    if missing:
        raise ValueError(f"asks for {', '.join(missing)}, which no {category} observation has")
    prefix = f"SELECT * FROM {category} WHERE "  # noqa: S608  taken off, not sent
    queries = [str(query) for query in backend.convert_rule(rule)]
    if not queries or not all(query.startswith(prefix) for query in queries):
        raise ValueError("did not become a condition on one row")
    own = _own(rule.custom_attributes.get("wachhund"))
    return Rule(
        id=str(rule.id),
        title=rule.title,
        level=rule.level.name.lower() if rule.level else "medium",
        attack=tuple(tag.name.upper() for tag in rule.tags if tag.namespace == "attack" and _is_technique(tag.name)),
        category=category,
        sql=tuple(query.removeprefix(prefix) for query in queries),
        kind=own.get("kind", "intrusion"),
        label=own.get("label"),
        story=own.get("story"),
        surface=own.get("surface"),
        explanation=" ".join((rule.description or "").split()),
        advice=tuple(own.get("advice", ())),
        falsepositives=tuple(str(item) for item in rule.falsepositives),
        unseen=tuple(sorted(needed & UNSEEN[category])),
    )


def _is_technique(tag: str) -> bool:
    return tag[:1] in "tT" and tag[1:5].isdigit()


def _own(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not set(value) <= _OWN_KEYS:
        raise ValueError(f"wachhund: takes only {', '.join(sorted(_OWN_KEYS))}")
    if value.get("kind", "intrusion") not in KINDS:
        raise ValueError(f"wachhund.kind: one of {', '.join(sorted(KINDS))}")
    advice = value.get("advice", [])
    if not isinstance(advice, list) or not all(isinstance(step, str) for step in advice):
        raise ValueError("wachhund.advice: a list of steps")
    if not all(isinstance(value.get(key, ""), str) for key in ("label", "story", "surface")):
        raise ValueError("wachhund: label, story and surface are texts")
    return value
