"""A program that carries one short visit after another: none is long enough for its bytes to be weighed."""

from tests.unit.host.judge.recording import OUTSIDE, Recording, Verdicts

NGINX, AGENTD = "/usr/sbin/nginx", "/opt/x/agentd"


def robot() -> Recording:
    scene = Recording()
    scene.coverage()
    scene.process(120, NGINX)
    scene.listen(80, 120, NGINX, existing=True)
    scene.process(700, AGENTD)
    return scene


def visits(
    scene: Recording, times: int, *, suspected: bool = True, ends_together: bool = True, came: int = 900
) -> None:
    """The program dials, asks the page for whoever is there, and ends both."""
    for turn in range(times):
        outer = scene.dial(700, OUTSIDE)
        scene.wait(0.3)
        inner, accepted = scene.within(700, 120, 80)
        if suspected and turn == 0:
            scene.relay(outer, inner, 700)
        scene.close(inner, 155, 81)
        scene.close(accepted, 81, 155)
        scene.wait(0.1 if ends_together else 3)
        scene.close(outer, came, 700)
        scene.wait(0.5)
    scene.wait(5)
    scene.process(990, "/bin/true")


def test_visits_to_the_page_that_a_program_carries_in_turn_are_somebodys() -> None:
    """Somebody reads the robot's page through a program that nobody knows."""
    scene = robot()
    visits(scene, 5)
    for batch in (1, 1_000):
        incident = Verdicts(scene.facts, batch).only
        assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "medium", "web")
        title = "Remote control not allowed: web through an unnamed relay (agentd), its bytes not weighed yet"
        assert incident["title"] == title
        assert incident["origin"][0]["address"] == OUTSIDE[0]
        assert len(incident["sessions"]) == 1


def is_only_suspected(scene: Recording) -> bool:
    incident = Verdicts(scene.facts).only
    return incident["kind"] == "relay" and incident["sessions"] == []


def test_three_visits_are_too_few() -> None:
    """An uploader that begins again."""
    scene = robot()
    visits(scene, 3)
    assert is_only_suspected(scene)


def test_a_connection_that_goes_on_without_its_inner_one_carried_nobody() -> None:
    """A messenger that also reads the page."""
    scene = robot()
    visits(scene, 5, ends_together=False)
    assert is_only_suspected(scene)


def test_less_from_outside_than_was_asked_inside_came_from_nobody() -> None:
    """Telemetry: it asks by itself, and only sends."""
    scene = robot()
    visits(scene, 5, came=60)
    assert is_only_suspected(scene)


def test_so_they_are_where_the_sensor_had_no_time_to_suspect_anybody() -> None:
    """A visit of some milliseconds is over before anybody looks at both connections."""
    scene = robot()
    visits(scene, 3, suspected=False)
    assert Verdicts(scene.facts).incidents == {}
    visits(scene, 2, suspected=False)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "medium", "web")
