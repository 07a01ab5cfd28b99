"""What a rule says beside its detection: title, level, techniques, and its `wachhund` part (kind, advice, examples)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sigma.rule import SigmaRuleBase

KINDS = frozenset(
    {"tunnel", "relay", "remote-control", "remote-viewing", "intrusion", "persistence", "posture", "monitor"}
)
LEVELS = ("informational", "low", "medium", "high", "critical")
SURFACES = frozenset({"shell"})  # that a match can give its author
MAX_EXAMPLES = 100  # of a rule
MAX_EXAMPLE_OBSERVATIONS = 1_000  # in one example
_OWN_KEYS = frozenset({"kind", "label", "links", "story", "surface", "advice", "examples"})

Example = tuple[Mapping[str, Any], ...]  # observations in the order in which they are told


@dataclass(frozen=True)
class Meaning:
    """`kind`: of the incident. `label`: the product's name when the rule names one. `links`: it makes network
    interfaces. `story`: rules with one story word add to one incident a robot. `surface`: what the match gives its
    author ("shell").

    `matching`, `silent`: examples on which the rule must match, and must not.
    """

    title: str
    level: str
    attack: tuple[str, ...]
    kind: str
    label: str | None
    links: bool
    story: str | None
    surface: str | None
    explanation: str
    advice: tuple[str, ...]
    falsepositives: tuple[str, ...]
    matching: tuple[Example, ...]
    silent: tuple[Example, ...]


def meaning_of(rule: SigmaRuleBase) -> Meaning:
    """Of a rule as pySigma read it. Raises ValueError with the reason."""
    own = _own((rule.custom_attributes or {}).get("wachhund"))
    examples = own.get("examples", {})
    return Meaning(
        title=rule.title,
        level=rule.level.name.lower() if rule.level else "medium",
        attack=tuple(tag.name.upper() for tag in rule.tags if tag.namespace == "attack" and _is_technique(tag.name)),
        kind=own.get("kind", "intrusion"),
        label=own.get("label"),
        links=own.get("links", False),
        story=own.get("story"),
        surface=own.get("surface"),
        explanation=" ".join((rule.description or "").split()),
        advice=tuple(own.get("advice", ())),
        falsepositives=tuple(str(item) for item in rule.falsepositives or ()),
        matching=_examples(examples, "match"),
        silent=_examples(examples, "silent"),
    )


def _is_technique(tag: str) -> bool:
    return tag[:1] in "tT" and tag[1:5].isdigit()


def _own(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value) or not set(value) <= _OWN_KEYS:
        raise ValueError(f"wachhund: takes only {', '.join(sorted(_OWN_KEYS))}")
    for key, words in (("kind", KINDS), ("surface", SURFACES)):
        if key in value and not (isinstance(value[key], str) and value[key] in words):
            raise ValueError(f"wachhund.{key}: one of {', '.join(sorted(words))}")
    advice = value.get("advice", [])
    if not isinstance(advice, list) or not all(isinstance(step, str) for step in advice):
        raise ValueError("wachhund.advice: a list of steps")
    if not all(isinstance(value.get(key, ""), str) for key in ("label", "story")):
        raise ValueError("wachhund: label and story are texts")
    if not isinstance(value.get("links", False), bool):
        raise ValueError("wachhund.links: true or false")
    return value


def _examples(value: Any, name: str) -> tuple[Example, ...]:
    if not isinstance(value, dict) or not set(value) <= {"match", "silent"}:
        raise ValueError("wachhund.examples: takes only match and silent")
    given = value.get(name, [])
    if not isinstance(given, list) or len(given) > MAX_EXAMPLES:
        raise ValueError(f"wachhund.examples.{name}: a list of at most {MAX_EXAMPLES}")
    made: list[Example] = []
    for one in given:
        told = one if isinstance(one, list) else [one]
        if not told or len(told) > MAX_EXAMPLE_OBSERVATIONS or not all(isinstance(each, dict) for each in told):
            raise ValueError(f"wachhund.examples.{name}: each is an observation, or a list of them")
        made.append(tuple(told))
    return tuple(made)
