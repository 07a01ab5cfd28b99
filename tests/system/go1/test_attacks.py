"""A scene of the attack corpus, acted out: what the agent tells of it, and that it is judged the same twice."""

import json

import pytest

from tests.robots.attacks import stage
from tests.robots.attacks.catalogue import named
from tests.robots.attacks.draw import Draw
from tests.robots.attacks.judging import differences
from tests.robots.go1 import leftovers

pytestmark = [
    pytest.mark.needs_root("network namespaces with a robot's addresses"),
    pytest.mark.thorough,
]
SEED = 7  # none of the recordings'


def test_an_acted_scene_is_told_by_the_agent_and_judged_alike_live_and_from_its_lines() -> None:
    """The corpus is worth something only if its scenes happen; names, addresses and ports are those of the seed."""
    (scene,) = named(["internet-ssh"])
    outcome = stage.play(scene, SEED)
    facts = [json.loads(line) for line in outcome.lines.splitlines()]
    assert any(fact["kind"] == "login.start" and fact["user"] == "pi" for fact in facts)
    assert any(fact["kind"] == "flow.open" and fact["scope"] == "internet" and fact["local"][1] == 22 for fact in facts)
    assert differences(outcome.live, outcome.again) == ()
    own = leftovers.new_tag().rpartition("-")[0]
    assert not [name for name in leftovers.names() if name.startswith(own)], "nothing of it is left"


def test_a_relay_of_the_corpus_lies_where_the_seed_says() -> None:
    (scene,) = named(["relay-tcp-ssh"])
    draw = Draw(SEED, scene.name)
    facts = [json.loads(line) for line in stage.play(scene, SEED).lines.splitlines()]
    relays = [fact for fact in facts if fact["kind"] == "relay"]
    assert relays
    assert {(fact["exe"], fact["outer_remote"][0]) for fact in relays} == {
        (draw.path("relay"), draw.address("outside"))
    }
