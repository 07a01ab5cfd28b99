"""Sigma correlations in the live judge: counted within their span, for each robot by itself, within bounds."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from tests.unit.host.judge.recording import Recording, Verdicts
from wachhund.judge import mind, rule_pack
from wachhund.judge.engine import Judge
from wachhund.judge.examples import try_examples
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.forgetting import Forgotten, forget
from wachhund.judge.rule import Rule, RulePack
from wachhund.judge.rule_loading import pack_of, rules_in
from wachhund.judge.windows import Correlator, Windows
from wachhund_evidence import Observation

BASE = """
title: Base {name}
id: 5b2a8a54-6f4c-4b8e-9d5d-00000000000{name}
name: base{name}
logsource: {{product: linux, category: {category}}}
detection: {{a: {{{field}: /bin/{name}}}, condition: a}}
level: {level}
"""
CORRELATION = """
title: Pattern
id: 5b2a8a54-6f4c-4b8e-9d5d-0000000000ff
name: pattern
level: high
correlation: {asked}
"""
PATTERN = "Pattern (5b2a8a54-6f4c-4b8e-9d5d-0000000000ff)"


def base(name: int, level: str = "low", category: str = "process_creation", field: str = "Image") -> str:
    """A rule that matches /bin/NAME."""
    return BASE.format(name=name, level=level, category=category, field=field)


def pack(asked: str, *bases: str) -> RulePack:
    """A correlation with the rules it refers to, in one file."""
    return pack_of([rules_in("---".join([*bases, CORRELATION.format(asked=asked)]), "file.yml")])


def rules(asked: str, *bases: str) -> tuple[Rule, ...]:
    """The same, which must be in use."""
    made = pack(asked, *bases)
    assert made.refused == ()
    return made.rules


def scene(*told: tuple[float, str], **more: Any) -> Recording:
    """Programs that start at these seconds."""
    made = Recording()
    for number, (t, exe) in enumerate(told):
        made.wait(t - made._now - 0.001)
        made.process(1_000 + number, exe, **more)
    return made


def patterns(facts: Sequence[Fact], asked: Sequence[Rule]) -> int:
    """How often the correlation was told, in incidents by that rule."""
    incidents = Verdicts(facts, rules=asked).incidents.values()
    return sum(PATTERN in incident["rules"] for incident in incidents)


COUNT = "{type: event_count, rules: base1, timespan: 10s, condition: {gte: 3}}"


def test_so_many_matches_within_the_span_are_one_incident_with_all_of_them_as_evidence() -> None:
    """The matches themselves are silent: one failed login is nothing, ten are."""
    facts = scene((1, "/bin/1"), (5, "/bin/1"), (8, "/bin/2"), (10.9, "/bin/1")).facts
    incident = Verdicts(facts, rules=rules(COUNT, base(1))).only
    assert incident["rules"] == [PATTERN]
    assert incident["level"] == "high"
    assert sorted(one["line"] for one in incident["evidence"]) == [1, 2, 4]
    assert any("3 matches within 10" in line for line in incident["story"])
    assert patterns(scene((1, "/bin/1"), (5, "/bin/1"), (11.1, "/bin/1")).facts, rules(COUNT, base(1))) == 0


def test_robots_are_counted_each_by_itself() -> None:
    """Three robots that do a thing once are no robot that does it thrice."""
    facts = []
    for robot in ("a", "b", "c"):
        made = scene((1, "/bin/1"))
        facts += [Fact(robot, one.t, None, one.ref, one.observation) for one in made.facts]
    assert patterns(facts, rules(COUNT, base(1))) == 0


def test_group_by_counts_each_value_by_itself() -> None:
    """Ten users who mistype once are no guesser."""
    asked = rules(COUNT.replace("timespan", "group-by: [User], timespan"), base(1))
    made = Recording()
    for number, user in enumerate(["pi", "root", "pi", "www", "root"]):
        made.process(1_000 + number, "/bin/1", user=user)
    assert patterns(made.facts, asked) == 0
    made.process(1_010, "/bin/1", user="pi")
    assert patterns(made.facts, asked) == 1


def test_values_are_counted_once_each() -> None:
    """A scan is many addresses, not many packets."""
    counted = "{type: value_count, rules: base1, timespan: 1m, condition: {field: DestinationPort, gt: 2}}"
    asked = rules(counted, base(1, category="network_connection"))
    made = Recording()
    made.process(5, "/bin/1")
    for port in (22, 22, 23, 22, 23):
        made.dial(5, ("203.0.113.7", port))
    assert patterns(made.facts, asked) == 0
    made.dial(5, ("203.0.113.7", 80))
    assert patterns(made.facts, asked) == 1


@pytest.mark.parametrize(
    ("kind", "order", "told"),
    [
        ("temporal", "12", 1), ("temporal", "21", 1), ("temporal", "11", 0),
        ("temporal_ordered", "12", 1), ("temporal_ordered", "21", 0), ("temporal_ordered", "212", 1),
        ("temporal_ordered", "11112", 1), ("temporal_ordered", "2111", 0),
    ],
)  # fmt: skip
def test_rules_that_match_within_a_span_in_order_or_not(kind: str, order: str, told: int) -> None:
    """A login, then a new autostart entry: a story in two parts."""
    asked = rules(f"{{type: {kind}, rules: [base1, base2], timespan: 10s}}", base(1), base(2))
    assert patterns(scene(*((float(at), f"/bin/{name}") for at, name in enumerate(order, 1))).facts, asked) == told
    apart = scene(*((at * 11.0, f"/bin/{name}") for at, name in enumerate(order, 1)))
    assert patterns(apart.facts, asked) == 0


def test_one_fact_is_one_link_of_an_order() -> None:
    """A program that fits two rules has not come twice."""
    twice = base(2).replace("/bin/2", "/bin/1")
    asked = rules("{type: temporal_ordered, rules: [base1, base2], timespan: 10s}", base(1), twice)
    assert patterns(scene((1, "/bin/1")).facts, asked) == 0
    assert patterns(scene((1, "/bin/1"), (2, "/bin/1")).facts, asked) == 1


def test_an_alias_joins_what_two_rules_call_by_different_names() -> None:
    """The program that was started is the one that dials out."""
    asked = rules(
        "{type: temporal, rules: [base1, base2], timespan: 10s, group-by: [who], "
        "aliases: {who: {base1: ParentImage, base2: Image}}}",
        base(1),
        base(2, category="network_connection"),
    )
    made = Recording()
    made.process(7, "/bin/2")
    made.process(8, "/bin/1", line=(7,))
    made.dial(7)
    assert patterns(made.facts, asked) == 1
    made = Recording()
    made.process(6, "/bin/3")
    made.process(7, "/bin/2")
    made.process(8, "/bin/1", line=(6,))
    made.dial(7)
    assert patterns(made.facts, asked) == 0


def test_a_correlation_may_be_made_of_correlations() -> None:
    """Sigma allows it: three bursts."""
    other = CORRELATION.replace("Pattern", "Bursts").replace("ff", "fe").replace("name: pattern", "name: bursts")
    text = "---".join([
        base(1), CORRELATION.format(asked="{type: event_count, rules: base1, timespan: 10s, condition: {gte: 2}}"),
        other.format(asked="{type: event_count, rules: pattern, timespan: 1h, condition: {gte: 3}}"),
    ])  # fmt: skip
    made = pack_of([rules_in(text)])
    assert made.refused == ()
    facts = scene(*((float(at), "/bin/1") for at in range(1, 7))).facts
    assert [one["rules"] for one in Verdicts(facts, rules=made.rules).incidents.values()] == [
        ["Bursts (5b2a8a54-6f4c-4b8e-9d5d-0000000000fe)"]
    ]
    assert Verdicts(facts[:5], rules=made.rules).incidents == {}


def test_a_rule_that_is_referred_to_tells_its_matches_where_generate_says_so() -> None:
    """Sigma's word for it."""
    facts = scene((1, "/bin/1")).facts
    assert Verdicts(facts, rules=rules(COUNT, base(1))).incidents == {}
    told = rules(COUNT.replace("{type", "{generate: true, type"), base(1))
    assert "Base 1" in Verdicts(facts, rules=told).only["title"]


def test_a_rule_of_another_file_is_not_silenced_by_being_referred_to() -> None:
    """Else who may add a rule could take one of ours away."""
    made = pack_of([rules_in(base(1)), rules_in(CORRELATION.format(asked=COUNT))])
    assert made.refused == ()
    assert "Base 1" in Verdicts(scene((1, "/bin/1")).facts, rules=made.rules).only["title"]


@pytest.mark.parametrize(
    "asked",
    [
        "{type: temporal, rules: [base1, base9], timespan: 1m}",
        "{type: event_count, rules: base1, group-by: Hue, timespan: 1m, condition: {gte: 3}}",
        "{type: temporal, rules: [base1, base2], timespan: 1m}",
    ],
)
def test_a_rule_is_heard_again_where_the_correlation_that_it_feeds_is_not_in_use(asked: str) -> None:
    """Else a misspelt name would silence the rule and run nothing in its place."""
    made = pack(asked, base(1), base(2).replace("Image: /bin/2", "LogonId: 0"))
    assert "Base 1" in Verdicts(scene((1, "/bin/1")).facts, rules=made.rules).only["title"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("{type: event_count, rules: base9, timespan: 1m, condition: {gte: 1}}", "base9: no such rule"),
        ("{type: event_count, rules: pattern, timespan: 1m, condition: {gte: 1}}", "refers back"),
        ("{type: event_count, rules: base1, timespan: 1m, condition: {lt: 3}}", "only gte and gt"),
        ("{type: event_count, rules: base1, timespan: 1m, condition: {gte: 100000}}", "from 1 to 256"),
        ("{type: event_count, rules: base1, timespan: 1m, condition: {gte: 1.5}}", "whole number"),
        ("{type: event_count, rules: base1, timespan: 2y, condition: {gte: 1}}", "at most 31d"),
        ("{type: event_count, rules: base1, timespan: soon, condition: {gte: 1}}", "Timespan"),
        ("{type: value_avg, rules: base1, timespan: 1m, condition: {field: User, gte: 1}}", "value_avg"),
        ("{type: value_count, rules: base1, timespan: 1m, condition: {gte: 1}}", "field"),
        ("{type: event_count, rules: base1, group-by: Hue, timespan: 1m, condition: {gte: 1}}", "Hue: Base 1 has no"),
        ("{type: event_count, rules: base1, group-by: LogonId, timespan: 1m, condition: {gte: 1}}", "no such field"),
        ("{type: temporal, rules: [base1], timespan: 1m, condition: {gte: 2}}", "can never match"),
        ("{type: temporal, rules: [base1], timespan: 1m, condition: base1 and not base1}", "in words"),
        ("{type: temporal_ordered, rules: [base1], timespan: 1m, condition: {gte: 3}}", "leave out the condition"),
        ("{type: event_count, rules: [{a: b}], timespan: 1m, condition: {gte: 1}}", ""),
        ("[1]", "must be a dict"),
    ],
)  # fmt: skip
def test_a_correlation_that_is_not_run_says_why(asked: str, reason: str) -> None:
    """In one line, and the rest of what stands there goes on."""
    made = pack(asked, base(1))
    assert PATTERN.split(" ")[0] not in [one.title for one in made.rules]
    assert any(reason in one.reason for one in made.refused), made.refused
    assert all("\n" not in one.reason for one in made.refused)


def test_a_rule_may_stand_twice_in_an_order() -> None:
    """Tried, tried again, and in."""
    asked = rules("{type: temporal_ordered, rules: [base1, base1, base2], timespan: 10s}", base(1), base(2))
    assert asked[-1].blind is None
    assert patterns(scene((1, "/bin/1"), (2, "/bin/2")).facts, asked) == 0
    assert patterns(scene((1, "/bin/1"), (2, "/bin/1"), (3, "/bin/2")).facts, asked) == 1


def test_a_correlation_of_a_rule_that_can_never_match_cannot_either() -> None:
    """Its list must say so too."""
    blind = base(1).replace("Image: /bin/1", "LogonId: 0")
    (_, correlation) = rules(COUNT, blind)
    assert "LogonId" in (correlation.blind or "")


def fact(t: float, number: int) -> Fact:
    """A fact at a time."""
    return Fact("a", t, None, LineRef(number), Observation("x", t, t, "test", {}))


def brute(kind: str, span: float, wanted: int, told: Sequence[tuple[float, str]]) -> list[int]:
    """Where a correlation is met, by looking at all that came since it was met before. For facts in their order."""
    met, since = [], 0
    for place, (t, _) in enumerate(told):
        within = [what for at, what in told[since : place + 1] if t - at <= span]
        if kind == "event_count":
            is_met = len(within) >= wanted
        elif kind == "temporal_ordered":
            rest = iter(within)
            is_met = told[place][1] == str(wanted - 1) and all(str(step) in rest for step in range(wanted))
        else:
            is_met = len(set(within)) >= wanted
        if is_met:
            met.append(place)
            since = place + 1
    return met


@pytest.mark.parametrize("kind", ["event_count", "value_count", "temporal", "temporal_ordered"])
def test_following_fact_by_fact_finds_what_looking_at_all_of_them_finds(kind: str) -> None:
    """What is kept is a summary; held against the definition on random times."""
    draw = random.Random(4)
    for wanted in (1, 2, 3, 5):
        count = (
            ""
            if kind == "temporal_ordered"
            else f", condition: {{gte: {wanted}{', field: User' * (kind == 'value_count')}}}"
        )
        bases = [base(number) for number in range(1 if kind == "event_count" else wanted)]
        names = [f"base{number}" for number in range(len(bases))]
        if kind == "value_count":
            bases, names = bases[:1], names[:1]
        asked = rules(f"{{type: {kind}, rules: [{', '.join(names)}], timespan: 10s{count}}}", *bases)
        by_name = {one.name: one for one in asked}
        told, t = [], 0.0
        for _ in range(400):
            t += draw.choice([0.0, 0.5, 2.0, 6.0, 11.0])
            told.append((t, str(draw.randrange(max(1, wanted)))))
        kept, correlator, met = Windows(), Correlator(asked), []
        for place, (at, what) in enumerate(told):
            matched = by_name["base0" if kind in ("event_count", "value_count") else f"base{what}"]
            alerts = correlator.alerts(kept, fact(at, place), [matched], {"User": what})
            if any(one.correlation for one in alerts):
                met.append(place)
            assert kept.kept == sum(len(seen) for group in kept.groups.values() for seen in group.values())
        assert met == brute(kind, 10.0, wanted, told)
        assert met


def test_what_came_late_counts_in_its_own_time() -> None:
    """A backlog is told after what is new."""
    asked = rules(COUNT, base(1))
    kept, correlator = Windows(), Correlator(asked)
    times = [5_000.0, 100.0, 104.0, 5_100.0, 109.0]
    alerts = [correlator.alerts(kept, fact(t, place), asked[:1], {}) for place, t in enumerate(times)]
    assert [len(one) for one in alerts] == [0, 0, 0, 0, 1]


def test_memory_is_bounded_whatever_a_robot_tells() -> None:
    """Group by something that the robot chooses, and never meet the correlation."""
    asked = rules(COUNT.replace("timespan", "group-by: [CommandLine], timespan"), base(1))
    kept, correlator = Windows(), Correlator(asked, max_kept=500)
    for number in range(5_000):
        correlator.alerts(kept, fact(float(number), number), asked[:1], {"CommandLine": "x" * 9_000 + str(number)})
    assert kept.kept <= 500
    assert sum(map(len, kept.groups)) < 500 * 200


def test_what_was_erased_counts_no_more_and_a_mind_holds_the_rest() -> None:
    """Windows are part of what is remembered of a robot, and of what is forgotten."""
    asked = rules(COUNT, base(1))
    judge = Judge(asked)
    made = scene((1, "/bin/1"), (2, "/bin/1"))
    judge.feed([Fact("a", one.t, None, one.ref, one.observation) for one in made.facts])
    state = mind.read(judge.minds(["a"])["a"])
    assert state.windows == judge._robots["a"].windows
    assert state.windows.kept == 2
    first = made.facts[0].t
    forget(state, Forgotten("a", first - 1, first, whole=False))
    assert state.windows.kept == 1
    forget(state, Forgotten("a", first - 1, first + 10, whole=True))
    assert state.windows == Windows()


def test_examples_of_a_correlation_run_with_the_rules_that_it_refers_to() -> None:
    """It carries examples as any rule does."""
    one = "{kind: process.start, exe: /bin/1, t: %d}"
    examples = f"examples: {{match: [[{one % 1}, {one % 2}, {one % 3}]], silent: [[{one % 1}, {one % 2}]]}}"
    text = f"{CORRELATION.format(asked=COUNT)}wachhund: {{{examples}}}"
    made = pack_of([rules_in(base(1) + "---" + text)])
    assert made.refused == ()
    assert [tried.wrong for tried in try_examples(made.rules)] == [None, None]


def test_a_long_row_of_correlations_is_looked_at_once_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of some thousand that refer to each other stopped the judge for a minute."""
    row = [base(1)]
    for number in range(300, 0, -1):
        before = "base1" if number == 1 else f"row{number - 1}"
        row.append(
            f"---\ntitle: Row\nid: 5b2a8a54-6f4c-4b8e-9d5d-{number + 1_000:012d}\nname: row{number}\ncorrelation: "
            f"{{type: event_count, rules: {before}, timespan: 1h, condition: {{gte: 2}}}}\n"
        )
    back = "---\ntitle: Back\nid: 5b2a8a54-6f4c-4b8e-9d5d-0000000000ee\nname: back\ncorrelation: "
    row.append(back + "{type: event_count, rules: back, timespan: 1h, condition: {gte: 2}}\n")
    resolved: list[str] = []
    resolve = rule_pack._resolved

    def noted(one: Rule, names: dict[str, str]) -> Rule:
        resolved.append(str(one.name))
        return resolve(one, names)

    monkeypatch.setattr(rule_pack, "_resolved", noted)
    made = pack_of([rules_in(row[0], "a.yml"), rules_in("".join(row[1:]), "b.yml")])
    assert resolved == [f"row{number}" for number in range(1, 301)]
    assert [one.name for one in made.rules] == ["base1", *resolved]
    assert [one.reason for one in made.refused] == ["refers to back: no such rule is in use (or it refers back)"]
