"""Rules carry examples; they are run as observations are."""

import pytest

from tests.unit.host.judge.recording import BUILT_IN
from wachhund.judge.examples import try_examples
from wachhund.judge.rule_loading import rules_in

RULE = """
title: A rule
id: 5b2a8a54-6f4c-4b8e-9d5d-111111111111
logsource: {{product: linux, category: process_creation}}
detection: {{a: {{Image: /bin/x, ParentCommandLine: sh -c y}}, condition: a}}
wachhund:
  examples:
    {examples}
"""
PARENT = "{kind: process.start, pid: 1, exe: /bin/sh, argv: [sh, -c, 'y']}"
CHILD = "{kind: process.start, pid: 2, ppid: 1, exe: /bin/x}"


def wrongs(examples: str) -> list[str | None]:
    """What is wrong with each example."""
    file = rules_in(RULE.format(examples=examples))
    assert file.faults == ()
    return [one.wrong for one in try_examples(file.rules)]


def test_all_examples_of_our_rules_are_as_they_should_be() -> None:
    """Each rule of ours has some that must match and some that must not, or it was never tried."""
    tried = list(try_examples(BUILT_IN.rules))
    assert [(one.rule.title, one.number, one.wrong) for one in tried if one.wrong is not None] == []
    for rule in BUILT_IN.rules:
        if not rule.feeds_only:
            assert rule.matching, rule.title
            assert rule.silent, rule.title


def test_an_example_may_be_several_observations_in_their_order() -> None:
    """What a rule sees of a process may come from its parent's start."""
    assert wrongs(f"match: [[{PARENT}, {CHILD}]]") == [None]
    assert wrongs(f"match: [{CHILD}]") == ["does not match"]


def test_an_example_that_must_not_match_and_does_is_told() -> None:
    """Silence is a promise too."""
    assert wrongs(f"silent: [[{PARENT}, {CHILD}]]") == ["matches"]


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        ("{pid: 2}", "lacks kind"),
        ("{kind: process.start, pid: two}", "wrong type"),
        ("{kind: process.start, t: .nan}", "not an observation"),
        ("{kind: process.start, when: 2026-01-01}", "not an observation"),
        ("{kind: 5}", "not an observation"),
    ],
)
def test_an_example_that_is_no_observation_is_told(example: str, reason: str) -> None:
    """An example that is silently no example would prove nothing."""
    (wrong,) = wrongs(f"silent: [{example}]")
    assert reason in (wrong or "")
