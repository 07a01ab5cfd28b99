"""Who looks through the cameras, by which way, and what is made of it."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import OUTSIDE, PHONE, SSHD, Recording, Verdicts, hops

NGINX, NANO = "/usr/sbin/nginx", "192.168.123.13"


def robot() -> Recording:
    """A robot with its web server and sshd, all senses seeing."""
    scene = Recording()
    scene.coverage()
    for pid, exe, port in ((100, SSHD, 22), (200, NGINX, 80)):
        scene.process(pid, exe)
        scene.listen(port, pid, exe, existing=True)
    return scene


def looks(scene: Recording, kind: str, **more: Any) -> None:
    """The camera sense speaks."""
    fields = {"camera": "head cameras", "via": "proxy", "viewer": None, "puid": "200-9", "pid": 200, "exe": NGINX}
    scene.tell(f"camera.{kind}", **{**fields, "user": "www-data", **more})


def through_nginx(scene: Recording, address: str) -> tuple[str, str]:
    """Somebody's request, and nginx's own to the board that has the cameras."""
    client = scene.accept(200, 80, address)
    return client, scene.dial(200, (NANO, 80))


@pytest.mark.parametrize("sees_viewer", [True, False])
def test_a_view_through_the_web_server_is_its_viewers_session(sees_viewer: bool) -> None:
    """The page that the colleague opened became a look through the camera; a short one names him as the only one."""
    scene = robot()
    client, flow = through_nginx(scene, PHONE)
    port = scene.facts[-2].observation.fields["remote"][1]
    if sees_viewer:
        looks(scene, "open", flow=flow, client_flow=client, viewer=[PHONE, port])
    else:
        looks(scene, "open", flow=flow, client_flow=None, candidates=[[PHONE, port]], why="it ended too soon")
    scene.close(client)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert found.incidents == {}, "somebody of the local network: shown, not alerted"
    assert (session["surface"], session["carrier"], session["last_t"] is None) == ("camera", "lan", False)
    assert hops(session["origin"]) == [PHONE, f"proxy {NGINX}", "head cameras:80"]
    assert session["origin"][-1]["address"] == NANO


def test_a_view_from_the_internet_is_remote_viewing() -> None:
    """A port that the modem left open, and a camera behind it."""
    scene = robot()
    client, flow = through_nginx(scene, "203.0.113.9")
    looks(scene, "open", flow=flow, client_flow=client, viewer=["203.0.113.9", 40001])
    incident = Verdicts(scene.facts).only
    assert (incident["level"], incident["surface"]) == ("high", "camera")
    assert "head cameras from the internet (203.0.113.9)" in incident["title"]


def test_a_page_with_controls_and_a_camera_are_two_sessions() -> None:
    """The phone's app drives by one connection and looks by another."""
    scene = robot()
    page, other = scene.accept(200, 80, PHONE), scene.accept(200, 80, PHONE)
    flow = scene.dial(200, (NANO, 80))
    looks(scene, "open", flow=flow, client_flow=other, viewer=[PHONE, 40002])
    found = Verdicts(scene.facts)
    assert sorted(session["surface"] for session in found.sessions.values()) == ["camera", "web"]
    scene.close(other)
    ended = {one["surface"]: one["last_t"] is not None for one in Verdicts(scene.facts).sessions.values()}
    assert ended == {"camera": True, "web": False}
    assert page


def test_a_view_that_only_crosses_the_robot_begins_and_ends() -> None:
    """The Pi routes; the camera's board is asked directly."""
    scene = robot()
    source = [PHONE, 40001]
    scene.tell(
        "flow.open", flow="r1", proto="tcp", direction="through", local=None, remote=None, source=source,
        target=[NANO, 80], source_scope="lan", scope="lan", puid=None, exe=None,
    )  # fmt: skip
    for kind in ("open", "close"):
        looks(scene, kind, via="routed", viewer=source, puid=None, pid=None, exe=None, flow="r1")
        scene.wait(3)
    (session,) = Verdicts(scene.facts).sessions.values()
    assert (session["surface"], session["carrier"], session["last_t"] is None) == ("camera", "lan", False)
    assert hops(session["origin"])[0] == PHONE


def test_a_visitor_who_came_through_a_relay_and_looks_is_one_story() -> None:
    """He sits in a shell and asks the robot's own web server: origin and incident are those of his login."""
    scene = robot()
    scene.process(812, "/opt/x/agentd", ["agentd"])
    outer = scene.dial(812)
    scene.wait(30)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.ssh_login(100, 900)
    scene.process(950, "/usr/bin/curl", ["curl", "http://127.0.0.1/cam1"], user="pi", line=(903, 901, 900, 100))
    _, accepted = scene.within(950, 200, 80)
    flow = scene.dial(200, (NANO, 80))
    looks(scene, "open", flow=flow, client_flow=accepted, viewer=["127.0.0.1", 40004])
    found = Verdicts(scene.facts)
    incident = found.only
    camera = next(one for one in found.sessions.values() if one["surface"] == "camera")
    assert (incident["kind"], camera["incident"], camera["carrier"]) == ("remote-control", incident["id"], "relay")
    way = [OUTSIDE[0], "suspected relay /opt/x/agentd", "loopback", "ssh:22", "pi", "program /usr/bin/curl"]
    assert hops(camera["origin"]) == [*way, "loopback", f"proxy {NGINX}", "head cameras:80"]
    assert "ssh as pi" in incident["title"], "a shell says more than a look"


@pytest.mark.parametrize("dials", [None, PHONE, OUTSIDE[0]])
def test_a_program_that_opens_a_camera_is_told_and_is_a_view_when_it_speaks_to_the_internet(dials: str | None) -> None:
    """What stands on the robot may look; whoever holds the other end of its connection looks too."""
    scene = robot()
    scene.process(500, "/opt/view/streamer")
    if dials is not None:
        scene.dial(500, (dials, 443))
    for kind in ("open", "close"):
        looks(scene, kind, camera="/dev/video0", via="v4l2", puid="500-9", pid=500, exe="/opt/view/streamer")
        scene.wait(5)
    found = Verdicts(scene.facts)
    (session,) = found.sessions.values()
    assert session["last_t"] is not None
    if dials != OUTSIDE[0]:
        assert found.incidents == {} and session["carrier"] == "local"
        assert hops(session["origin"]) == ["program /opt/view/streamer", "/dev/video0:0"]
        return
    assert (found.only["kind"], found.only["level"], session["carrier"]) == ("remote-viewing", "high", "relay")
    assert hops(session["origin"]) == [OUTSIDE[0], "suspected relay /opt/view/streamer", "/dev/video0:0"]
    assert {"T1125", "T1041"} <= set(found.only["attack"])


def test_a_microphone_is_its_own_surface() -> None:
    scene = robot()
    scene.process(500, "/usr/bin/arecord")
    looks(scene, "open", camera="/dev/snd/pcmC0D0c", via="alsa", puid="500-9", pid=500, exe="/usr/bin/arecord")
    (session,) = Verdicts(scene.facts).sessions.values()
    assert session["surface"] == "microphone"


@pytest.mark.parametrize("field", ["camera", "via", "viewer", "flow", "client_flow", "puid", "pid", "candidates"])
@pytest.mark.parametrize("value", [7.5, {"a": 1}, ["x", "y", "z"], "x" * 5000, "\x1b[2J", True])
def test_what_a_hostile_robot_says_of_views_is_refused_or_taken(field: str, value: Any) -> None:
    """By name, and nothing breaks."""
    scene = robot()
    client, flow = through_nginx(scene, PHONE)
    looks(scene, "open", **{"flow": flow, "client_flow": client, field: value})
    found = Verdicts(scene.facts)
    assert len(found.unreadable) <= 1 and all(field in reason for reason in found.unreadable)


@pytest.mark.parametrize("first", ["link", "view"])
def test_a_view_that_the_robot_routes_out_of_a_tunnel_came_through_the_tunnel(first: str) -> None:
    """The viewer's address is one of the tunnel's network: a neighbour's by its look, and nobody's by right."""
    scene = robot()
    source, target = ["10.81.56.1", 43_336], ["192.168.123.15", 80]
    link = {"ifname": "x0", "link_kind": "tun", "up": True, "addresses": ["10.81.56.2/24"], "default_route": False}

    def view() -> None:
        ends = {"source": source, "target": target, "source_scope": "lan", "scope": "lan", "puid": None, "exe": None}
        scene.tell("flow.open", flow="r1", proto="tcp", direction="through", local=None, remote=None, **ends)
        nobody = {"puid": None, "pid": None, "exe": None, "user": None}
        scene.tell("camera.open", camera="belly cameras", via="routed", viewer=source, flow="r1", **nobody)

    if first == "view":
        view()
    scene.tell("link.change", master=None, forwarding=True, **link)
    if first == "link":
        view()
    incident = Verdicts(scene.facts).only

    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-viewing", "high", "camera")
    assert [hop.get("address") or hop.get("name") for hop in incident["origin"]] == [source[0], "x0", "belly cameras"]
