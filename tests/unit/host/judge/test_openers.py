"""A connection is its opener's, whatever program the process became: exec keeps what is open."""

from dataclasses import replace

import pytest

from tests.unit.host.judge.recording import OUTSIDE, Recording, Verdicts

HIDDEN = "/home/pi/x/macoqn"


def handed_over(opener: str, name: str = "ntpd", hidden: str = HIDDEN) -> Recording:
    """A program dials, and another takes its place a moment later: the agent names the one that is there then."""
    scene = Recording()
    scene.process(700, opener, [opener, "/home/pi/x/conf"])
    began = scene.facts[-1].observation.mono + 0.1
    scene.wait(0.2)
    scene.process(700, hidden, [name, "-i"])
    scene.dial(700)
    opened = scene.facts.pop()
    scene.facts.append(replace(opened, observation=replace(opened.observation, mono=began)))
    return scene


@pytest.mark.parametrize("batch", [1, 1_000])
def test_a_shells_connection_is_a_reverse_shell_also_under_another_name(batch: int) -> None:
    """Nothing of a copy's path or arguments tells; that a shell dialled for it does."""
    incident = Verdicts(handed_over("/usr/bin/bash").facts, batch).only

    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "critical", "shell")
    assert incident["origin"][0]["address"] == OUTSIDE[0]
    assert incident["origin"][1]["exe"] == HIDDEN


def test_a_shell_that_calls_itself_something_else_is_said_to_hide() -> None:
    """Who reads a list of processes sees ntpd."""
    incident = Verdicts(handed_over("/usr/bin/bash").facts).only

    assert "T1036" in incident["attack"]
    assert any(f"It calls itself ntpd; its file is {HIDDEN}." in line for line in incident["story"])


@pytest.mark.parametrize(("name", "file"), [("sh", "/usr/bin/dash"), ("python3", "/usr/bin/python3.11")])
def test_links_and_versions_hide_nothing(name: str, file: str) -> None:
    """A stock system calls its shell sh and its Python python3."""
    assert "T1036" not in Verdicts(handed_over("/usr/bin/bash", name, file).facts).only["attack"]


def test_a_connection_that_was_opened_after_the_shell_was_gone_is_the_programs_own() -> None:
    """Half of all programs are started by a script that ends in exec."""
    scene = Recording()
    scene.process(700, "/usr/bin/bash", ["bash", "/home/pi/start.sh"])
    scene.process(700, "/home/pi/updates", ["updates"])
    scene.dial(700)

    assert not Verdicts(scene.facts).incidents


def test_a_start_that_is_told_late_makes_nobody_a_shell() -> None:
    """Where the exec was not told yet, whoever holds the connection is all that is known."""
    scene = Recording()
    scene.process(700, "/usr/bin/bash", ["bash", "/home/pi/start.sh"])
    scene.dial(700, exe="/home/pi/updates")
    scene.process(700, "/home/pi/updates", ["updates"])

    assert not Verdicts(scene.facts).incidents


@pytest.mark.parametrize(("name", "is_shell"), [("kthreadd", True), ("macoqn", False)])
def test_the_same_holds_when_the_opener_was_gone_before_anybody_looked(name: str, is_shell: bool) -> None:
    """Both starts are told with the program that came last; that it hides its name tells it from one begun anew."""
    incidents = Verdicts(handed_over(HIDDEN, name).facts).incidents

    assert [one["surface"] for one in incidents.values()] == (["shell"] if is_shell else [])


@pytest.mark.parametrize(("kept_s", "is_shell"), [(3.0, True), (0.5, False)])
def test_a_connection_told_by_an_older_name_that_goes_on_after_the_exec_was_kept(kept_s: float, is_shell: bool) -> None:
    """Three programs in ten milliseconds: the agent tells the connection by the first, and of the second nothing."""
    scene = handed_over(HIDDEN)
    opened = scene.facts[-1]
    fields = {**opened.observation.fields, "exe": "/usr/bin/nsenter"}
    scene.facts[-1] = replace(opened, observation=replace(opened.observation, fields=fields))
    scene.wait(kept_s)
    scene.close(fields["flow"])
    incidents = list(Verdicts(scene.facts).incidents.values())

    assert [(one["surface"], one["origin"][1]["exe"]) for one in incidents] == ([("shell", HIDDEN)] if is_shell else [])


def test_a_start_that_is_told_twice_is_one_start() -> None:
    """An agent that begins again tells of what runs already."""
    scene = Recording()
    scene.process(700, HIDDEN, ["ntpd"])
    opened = scene.dial(700)
    scene.process(700, HIDDEN, ["ntpd"], existing=True)
    scene.flow("open", opened, "out", ("10.1.1.2", 40_001), OUTSIDE, 700)

    assert not Verdicts(scene.facts).incidents


@pytest.mark.parametrize(("puid", "incidents"), [("700~9", 0), ("700-9", 1)])
def test_a_shell_that_was_gone_before_anybody_could_look_gave_nobody_control(puid: str, incidents: int) -> None:
    """curl in a script lives 30 ms, and is still taken for the shell that forked it."""
    scene = Recording()
    scene.dial(700, exe="/usr/bin/dash", user="pi", puid=puid)

    assert len(Verdicts(scene.facts).incidents) == incidents
