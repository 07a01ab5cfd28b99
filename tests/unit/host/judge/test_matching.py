"""Conditions in SQL: what Sigma means by them, also where a field is missing, and that saving work changes nothing."""

import random
import time
from typing import Any

import pytest

from wachhund.judge import matching
from wachhund.judge.fields import CATEGORIES
from wachhund.judge.matching import MAX_REMEMBERED, RuleMatcher
from wachhund.judge.regular import compiled
from wachhund.judge.rule import Rule
from wachhund.judge.rule_loading import rules_in

HEAD = """
title: Rule {number}
id: 5b2a8a54-6f4c-4b8e-9d5d-{number:012d}
logsource: {{product: linux, category: {category}}}
detection: {detection}
"""


def rule(detection: str, category: str = "process_creation", number: int = 1) -> Rule:
    """A rule with this detection."""
    file = rules_in(HEAD.format(detection=detection, category=category, number=number))
    assert file.faults == ()
    return file.rules[0]


def matches(detection: str, category: str = "process_creation", **values: Any) -> bool:
    """Whether a rule matches a row with these columns."""
    row = tuple(values.get(column) for column in CATEGORIES[category].columns)
    return bool(RuleMatcher([rule(detection, category)]).match([(0, category, row)]))


@pytest.mark.parametrize(
    ("detection", "values", "matched"),
    [
        ("{a: {Image|endswith: /NC}, condition: a}", {"Image": "/usr/bin/nc"}, True),
        ("{a: {Image|endswith|cased: /NC}, condition: a}", {"Image": "/usr/bin/nc"}, False),
        ("{a: {Image: /usr/bin/NC}, condition: a}", {"Image": "/usr/bin/nc"}, True),
        ("{a: {Image: x}, f: {User: root}, condition: a and not f}", {"Image": "x"}, True),
        ("{a: {Image: x}, f: {User: root}, condition: a and not f}", {"Image": "x", "User": "root"}, False),
        ("{a: {User: null}, condition: a}", {"Image": "x"}, True),
        ("{a: {User|exists: false}, condition: a}", {"User": "x"}, False),
        ("{a: {CommandLine|contains: '100%'}, condition: a}", {"CommandLine": "x 100 y"}, False),
        ("{a: {CommandLine|contains: 'a_b'}, condition: a}", {"CommandLine": "axb"}, False),
        ('{a: {CommandLine|contains: "it\'s"}, condition: a}', {"CommandLine": "it's"}, True),
        ("{a: {CommandLine|contains: 'a\\b'}, condition: a}", {"CommandLine": r"a\b"}, True),
        ("{a: {CommandLine: 'a*b?d'}, condition: a}", {"CommandLine": "aXXbcd"}, True),
        (r"{a: {CommandLine|re: '\s-[a-z]*e\b'}, condition: a}", {"CommandLine": "nc -le x"}, True),
        (r"{a: {CommandLine|re|i: 'ABC'}, condition: a}", {"CommandLine": "xabcx"}, True),
        (r"{a: {CommandLine|re: 'ABC'}, condition: a}", {"CommandLine": "xabcx"}, False),
        ("{a: {ProcessId: '7'}, condition: a}", {"ProcessId": 7}, True),
        ("{a: {ProcessId|gte: 10}, condition: a}", {"ProcessId": 9}, False),
        ("{a: {ProcessId|gte: 9}, condition: a}", {"ProcessId": 10}, True),
        ("{a: {Deleted: true}, condition: a}", {"Deleted": "true"}, True),
        ("{a: {Deleted: 'true'}, condition: a}", {"Deleted": "false"}, False),
        ("{a: {CommandLine|base64offset|contains: 'bash -i'}, condition: a}", {"CommandLine": "YmFzaCAtaQ=="}, True),
        ("{a: {CommandLine|windash|contains: ' -x '}, condition: a}", {"CommandLine": "p /x y"}, True),
    ],
)
def test_a_condition_means_in_sql_what_it_means_in_sigma(detection: str, values: dict[str, Any], matched: bool) -> None:
    """A field that is missing is no match and no reason to leave the row out; case and wildcards are Sigma's."""
    assert matches(detection, **values) is matched


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("10.0.0.0/9", "10.127.0.1", True),
        ("10.0.0.0/9", "10.128.0.1", False),
        ("fc00::/7", "fd12:3456::1", True),
        ("fc00::/7", "fe80::1", False),
        ("fe80::/10", "FE80::1", True),
        ("::1/128", "0:0:0:0:0:0:0:1", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "10.hostile", False),
    ],
)
def test_networks_are_asked_by_number_and_not_by_spelling(network: str, address: str, inside: bool) -> None:
    """An address has many spellings; a pattern on its text knows one."""
    detection = f"{{a: {{DestinationIp|cidr: '{network}'}}, condition: a}}"
    assert matches(detection, "network_connection", DestinationIp=address) is inside


def test_a_regular_expression_takes_linear_time_on_hostile_text() -> None:
    """The text is the attacker's: a pattern that backtracks would let him stop the judge with 30 characters."""
    started = time.process_time()
    assert not matches("{a: {CommandLine|re: '^(a+)+$'}, condition: a}", CommandLine="a" * 5_000 + "!")
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        (r"{a: {CommandLine|re: '(?=a)b'}, condition: a}", "invalid perl operator"),
        ("{a: {CommandLine|gte: 5}, condition: a}", "compares CommandLine as a number"),
        ("{a: {CommandLine|hour: 5}, condition: a}", "takes CommandLine for a time"),
        (f"{{a: {{CommandLine|contains: {'x' * 60_000}}}, condition: a}}", "more than 8192 characters"),
        ("{keywords: [x], condition: keywords}", "name the field"),
    ],
)
def test_what_sql_would_take_for_something_else_is_refused(detection: str, reason: str) -> None:
    """Better a rule that is listed as not in use than one that means something else."""
    (fault,) = rules_in(HEAD.format(detection=detection, category="process_creation", number=1)).faults
    assert reason in fault


def test_rows_that_repeat_themselves_are_told_as_often_as_they_come() -> None:
    """What was judged a moment ago is remembered, and a process number is no part of it."""
    matcher = RuleMatcher([rule("{a: {Image: /bin/x}, condition: a}")])
    columns = list(CATEGORIES["process_creation"].columns)

    def row(image: str, pid: int) -> tuple[object, ...]:
        return tuple({"Image": image, "ProcessId": pid}.get(column) for column in columns)

    batch = [(place, "process_creation", row("/bin/x" if place % 2 else "/bin/y", place)) for place in range(6)]
    for _ in range(3):
        assert sorted(matcher.match(batch)) == [1, 3, 5]
    for place in range(MAX_REMEMBERED * 2):
        matcher.match([(0, "process_creation", row(f"/bin/{place}", 1))])
    assert len(matcher._tables["process_creation"]._remembered) <= MAX_REMEMBERED


def test_a_rule_that_reads_the_process_number_is_asked_for_each() -> None:
    """Only columns that no rule reads may be left out of what is remembered."""
    matcher = RuleMatcher([rule("{a: {ProcessId: 7}, condition: a}")])
    columns = list(CATEGORIES["process_creation"].columns)
    batch = [(pid, "process_creation", tuple(pid if one == "ProcessId" else None for one in columns)) for pid in (6, 7)]
    assert list(matcher.match(batch)) == [7]


def test_asking_only_some_rules_finds_what_asking_all_finds() -> None:
    """Looking for a rule's texts first saves work and must lose nothing."""
    words = ["/bin/nc", "-e", "x", "BASH", "/tmp/", "curl", "é", "%", "_", "'", "\\", "10"]
    draw = random.Random(7)
    rules = []
    for number in range(60):
        texts = [draw.choice(words) + draw.choice(words) for _ in range(3)]
        how = draw.choice(["contains", "startswith", "endswith", "contains|all"])
        condition = draw.choice(["a", "a and b", "a or b", "a and not b", "not a", "1 of them", "not (a or b)"])
        detection = {
            "a": {f"CommandLine|{how}": texts},
            "b": {"Image|endswith": texts[0]},
            "condition": condition,
        }
        rules.append(rule(str(detection), number=number))
    columns = list(CATEGORIES["process_creation"].columns)
    batch = []
    for place in range(400):
        command = "".join(draw.choice(words) for _ in range(draw.randint(0, 5)))
        values = {"Image": draw.choice(words) + draw.choice(words), "CommandLine": command}
        batch.append((place, "process_creation", tuple(values.get(column) for column in columns)))
    found = RuleMatcher(rules).match(batch)
    for one in rules:
        bare = Rule(**{**vars(one), "literals": None})
        alone = set(RuleMatcher([bare]).match(batch))
        assert alone == {place for place, hits in found.items() if one in hits}, one.sql


def test_each_expression_of_a_rule_is_compiled_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule of some thousand expressions took seconds for each program that a robot started."""
    compilations: list[str] = []
    monkeypatch.setattr(matching, "compiled", lambda pattern: compilations.append(pattern) or compiled(pattern))
    expressions = ", ".join(f"'(a|b){number}x'" for number in range(1_100))
    matcher = RuleMatcher([rule(f"{{a: {{Image|re: [{expressions}]}}, condition: a}}")])
    columns = CATEGORIES["process_creation"].columns
    for number in range(3):
        row = tuple(f"/bin/{number}" if column == "Image" else None for column in columns)
        assert matcher.match([(number, "process_creation", row)]) == {}
    assert len(compilations) == 1_100
