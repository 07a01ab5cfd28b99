"""10,000 observations that a hostile robot altered: judged or refused by name, and no other robot's story moves."""

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.host.judge import test_commands, test_contacts, test_interfaces, test_views
from tests.unit.host.judge.recording import BUILT_IN, OUTSIDE
from tests.unit.host.judge.test_sessions_through_relays import login_through_agentd
from tests.unit.host.judge.test_unusual import LIMITED, accepted
from wachhund.judge import mind, taking
from wachhund.judge.engine import Judge
from wachhund.judge.fact import Fact, Told
from wachhund_evidence import Observation

MUTANTS = 10_000
# What the strict reader of evidence lets through (numbers up to 2^53-1, no NaN, no lone surrogates).
HOSTILE = (
    None, True, -1, 0, 2**53 - 1, 1 - 2**53, 1e308, -1e308, "", "x" * 20_000, "\x00\x1b[2J\u202e", "' OR 1=1 --",
    "<script>alert(1)</script>", "../../etc/passwd", [], {}, [[[[[]]]]], {"a": {"b": {"c": None}}}, ["127.0.0.1", 22],
    ["127.0.0.1", None], ["::", 70_000], [None, None], ["203.0.113.7", -1], list(range(5000)),
)  # fmt: skip


def everything() -> list[Fact]:
    """Scenes of all kinds of observations that the judge reads."""
    views = test_views.robot()
    client, flow = test_views.through_nginx(views, "203.0.113.9")
    test_views.looks(views, "open", flow=flow, client_flow=client, viewer=["203.0.113.9", 40001])
    driven = test_commands.robot()
    test_commands.published(driven)
    test_commands.sdk(driven, test_commands.LAB)
    network = test_interfaces.robot()
    test_interfaces.link(network, "wg0", "wireguard", ["10.8.0.2/24"], peers=[{"peer": "a", "endpoint": list(OUTSIDE)}])
    test_interfaces.link(network, "tun0", "tun", ["10.9.0.2/24"], holders=[test_interfaces.HOLDER])
    network.accept(900, 22, "10.8.0.1")
    for kind, fields in (
        (
            "dns.summary",
            {"domain": "t.example", "queries": 900, "distinct_names": 200, "longest_label": 60, "entropy": 4.5},
        ),
        ("login.failed", {"service": "sshd", "from": ["203.0.113.9", None], "count": 40, "unknown_users": 3}),
        ("persistence.change", {"path": "/etc/x", "class": "pam", "change": "created"}),
        ("clock.step", {"by_s": -90.0}),
        ("agent.pause", {"duration_s": 60.0, "starved_s": 40.0, "reason": "starved"}),
        ("agent.drill", {"number": 3, "every_s": 86_400.0}),
        ("agent.stop", {"version": "1", "reason": "asked to stop"}),
        ("agent.start", {"version": "1", "reason": "start", "clean": False}),
        ("config.state", {"name": "agent-traced", "value": True, "exe": "/usr/bin/gdb"}),
        ("config.state", {"name": "login-records", "value": "log-deleted", "what": "/var/log/auth.log"}),
        ("coverage", {"sensors": {"process": {"state": "blind", "why": "x", "dropped": 0}}}),
        ("process.repeat", {"exe": "/bin/x", "argv": ["x"], "parent_exe": None, "user": "pi", "count": 4}),
        (
            "login.start",
            {"user": "pi", "method": "password", "service": "sshd", "from": ["203.0.113.9", 1], "flow": "f-1"},
        ),
        ("process.image", {"puid": "100-9", "exe": "/usr/sbin/sshd", "exe_sha256": "a" * 64}),
        ("camera.open", {"camera": "/dev/video0", "via": "v4l2", "viewer": None, "puid": "400-9", "exe": "/opt/x"}),
        ("listen.open", {"proto": "tcp", "local": ["0.0.0.0", 4444], "scope": "any", "puid": "400-9", "exe": "/opt/x"}),
    ):
        network.tell(kind, **fields)
    calls = test_contacts.calls([200.0] * 30, [512] * 30)
    return [fact for scene in (login_through_agentd(), views, driven, network, calls) for fact in scene.facts]


def mutated(fact: Fact, chance: random.Random, kinds: list[str]) -> Fact:
    """The same with up to three fields missing, of another type, huge or hostile; sometimes of another kind."""
    fields = copy.deepcopy(dict(fact.observation.fields))
    for _ in range(chance.randint(1, 3)):
        name = chance.choice([*fields, "flow", "puid", "peer", "words"])
        if chance.random() < 0.3:
            fields.pop(name, None)
        elif isinstance(fields.get(name), dict) and fields[name] and chance.random() < 0.5:
            fields[name][chance.choice(list(fields[name]))] = chance.choice(HOSTILE)
        else:
            fields[name] = copy.deepcopy(chance.choice(HOSTILE))
    told = fact.observation
    kind = chance.choice(kinds) if chance.random() < 0.1 else told.kind
    mono = told.mono if chance.random() < 0.9 else chance.choice([0.0, 1e9, -5.0])
    return Fact("bad", fact.t, "boot", fact.ref, Observation(kind, told.t, mono, told.sensor, fields))


def good_robot() -> list[Fact]:
    return [Fact("good", one.t, "boot", one.ref, one.observation) for one in login_through_agentd().facts]


def judged(facts: Sequence[Told], batch: int) -> tuple[Judge, dict[str, dict[str, Any]], int]:
    judge, incidents, refused = Judge(BUILT_IN.rules), dict[str, dict[str, Any]](), 0
    steps: list[Callable[[], Any]] = [
        lambda start=start: judge.feed(facts[start : start + batch])  # type: ignore[misc]
        for start in range(0, len(facts), batch)
    ]
    for step in (*steps, judge.finish):
        said = step()
        incidents.update((one["id"], one) for one in said.incidents)
        refused += len(said.unreadable)
    return judge, incidents, refused


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2])
def test_altered_observations_are_judged_or_refused_and_widen_no_other_robots_story(seed: int) -> None:
    chance = random.Random(seed)
    base = everything()
    kinds = sorted({fact.observation.kind for fact in base})
    good = good_robot()
    _, alone, none_refused = judged(good, 7)
    assert none_refused == 0 and len(alone) == 1
    mixed, place = list[Fact](), 0
    for number in range(MUTANTS):
        mixed.append(mutated(base[number % len(base)], chance, kinds))
        if number % (MUTANTS // len(good)) == 0 and place < len(good):
            mixed.append(good[place])
            place += 1
    mixed += good[place:]
    judge, incidents, refused = judged([accepted(replace(LIMITED, robot="bad")), *mixed], 97)
    assert 100 < refused < MUTANTS, "some are refused by name, most are taken as they are"
    of_good = {name: one for name, one in incidents.items() if one["robot"] == "good"}
    assert of_good == alone
    for one in incidents.values():
        for text in (one["title"], *one["story"], *one["advice"], *one["unknown"]):
            assert not any(sign in text for sign in "\x00\x1b\u202e") and len(text) < 4_000
    for body in judge.minds(["bad", "good"]).values():
        assert mind.read(body)


def test_every_kind_that_the_judge_reads_is_among_them() -> None:
    told = {fact.observation.kind for fact in everything()}
    assert set(taking.KINDS) - told <= {"flow.update", "camera.close", "listen.close", "process.exit"}, (
        "read as others of theirs"
    )
