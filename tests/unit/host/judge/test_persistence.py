"""Files by which something starts by itself, or lets somebody in again."""

from typing import Any

import pytest

from tests.unit.host.judge.recording import PHONE, SSHD, Recording, Verdicts

NO_RULES: tuple[Any, ...] = ()


def changed(
    scene: Recording, place_class: str = "systemd", path: str = "/etc/systemd/system/x.service", **more: Any
) -> None:
    scene.tell("persistence.change", **{"path": path, "class": place_class, "change": "created", **more})


def robot() -> Recording:
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD, existing=True)
    return scene


def visitor(scene: Recording, address: str) -> str:
    scene.process(900, SSHD, line=(100,))
    flow = scene.accept(900, 22, address)
    scene.ssh_login(100, 900)
    return flow


@pytest.mark.parametrize(
    ("place_class", "level"),
    [
        ("systemd", "medium"), ("cron", "medium"), ("rc", "medium"), ("udev", "medium"), ("desktop-autostart", "low"),
        ("module", "medium"),
        ("authorized_keys", "medium"), ("preload", "high"), ("pam", "high"), ("sudoers", "high"),
        ("vendor-autostart", "medium"), ("python-path", "medium"), ("something new", "medium"),
    ],
)  # fmt: skip
def test_a_change_is_told_by_what_it_means(place_class: str, level: str) -> None:
    scene = robot()
    changed(scene, place_class, "/x")
    incident = Verdicts(scene.facts, rules=NO_RULES).only
    assert (incident["kind"], incident["level"]) == ("persistence", level)


def test_many_files_of_one_class_are_one_story() -> None:
    scene = robot()
    for number in range(30):
        changed(scene, path=f"/etc/systemd/system/{number}.service")
    changed(scene, path=None, change="many", count=900)  # type: ignore[arg-type]
    assert Verdicts(scene.facts, rules=NO_RULES).only["title"].startswith("Something that starts by itself")


@pytest.mark.parametrize("place_class", ["systemd", "cron", "udev", "rc", "module"])
def test_an_upgrade_of_the_system_is_none(place_class: str) -> None:
    scene = robot()
    scene.process(500, "/usr/bin/dpkg", ["dpkg", "--configure", "-a"])
    changed(scene, place_class)
    assert Verdicts(scene.facts, rules=NO_RULES).incidents == {}


@pytest.mark.parametrize("exe", ["/tmp/dpkg", "/home/pi/usr/bin/dpkg", "dpkg"])
def test_a_program_that_borrows_the_installers_name_excuses_nothing(exe: str) -> None:
    scene = robot()
    scene.process(500, exe, ["dpkg", "--configure", "-a"])
    changed(scene)
    assert len(Verdicts(scene.facts, rules=NO_RULES).incidents) == 1


@pytest.mark.parametrize("pause", [60.0, 86_400.0])
@pytest.mark.parametrize("user", ["pi", "root"])
def test_an_installer_that_is_over_or_somebody_elses_excuses_nothing(user: str, pause: float) -> None:
    """Anybody may ask dpkg for its version, and of a start of the agent no end of what ran before is told."""
    scene = robot()
    scene.process(500, "/usr/bin/dpkg", ["dpkg", "--version"], user=user)
    if pause < 86_400.0:
        scene.tell("process.exit", puid="500-9", pid=500)
    scene.wait(pause)
    changed(scene)
    assert Verdicts(scene.facts, rules=NO_RULES).only["kind"] == "persistence"


def test_what_pi_starts_of_an_installer_excuses_nothing_while_it_runs() -> None:
    """It can write no such file."""
    scene = robot()
    scene.process(500, "/usr/bin/apt", ["apt", "list"], user="pi")
    changed(scene)
    assert Verdicts(scene.facts, rules=NO_RULES).only["kind"] == "persistence"


@pytest.mark.parametrize(("pause", "incidents"), [(1.0, 0), (20 * 86_400.0, 1)])
def test_what_the_app_gives_the_robot_to_run_is_told_once_nobody_is_at_the_broker(pause: float, incidents: int) -> None:
    """A phone of three weeks ago wrote nothing today."""
    scene = robot()
    scene.process(300, "/usr/sbin/mosquitto")
    scene.listen(1883, 300, "/usr/sbin/mosquitto")
    visit = scene.accept(300, 1883, PHONE)
    scene.close(visit)
    scene.wait(pause)
    changed(scene, "vendor-autostart", "/home/pi/Unitree/autostart/programming/code.py", change="modified")
    assert len(Verdicts(scene.facts, rules=NO_RULES).incidents) == incidents


def test_an_installer_excuses_no_file_that_no_package_writes() -> None:
    scene = robot()
    scene.process(500, "/usr/bin/dpkg")
    changed(scene, "authorized_keys", "/home/pi/.ssh/authorized_keys")
    assert len(Verdicts(scene.facts, rules=NO_RULES).incidents) == 1


def test_what_a_visitor_from_the_internet_leaves_behind_stands_in_his_story() -> None:
    """One attack, one incident."""
    scene = robot()
    visitor(scene, "203.0.113.9")
    changed(scene, "authorized_keys", "/home/pi/.ssh/authorized_keys")
    incident = Verdicts(scene.facts, rules=NO_RULES).only
    assert incident["kind"] == "remote-control" and "T1098.004" in incident["attack"]
    assert any("authorized_keys" in line for line in incident["story"])


def test_a_colleague_at_the_bench_is_not_accused_but_the_change_is_told() -> None:
    scene = robot()
    visitor(scene, PHONE)
    changed(scene, "authorized_keys", "/home/pi/.ssh/authorized_keys")
    incident = Verdicts(scene.facts, rules=NO_RULES).only
    assert (incident["kind"], incident["sessions"]) == ("persistence", [])


def test_rights_alone_are_none() -> None:
    scene = robot()
    changed(scene, "authorized_keys", change="permissions")
    assert Verdicts(scene.facts, rules=NO_RULES).incidents == {}


@pytest.mark.parametrize("field", ["path", "class", "change", "while_down", "count"])
@pytest.mark.parametrize("value", [7.5, {"a": 1}, ["x"], "x" * 5000, "\x1b[2J\u202e", None])
def test_what_a_hostile_robot_says_of_files_breaks_nothing(field: str, value: Any) -> None:
    scene = robot()
    changed(scene, **{"path": "/x", field.replace("class", "place_class"): value})
    for incident in Verdicts(scene.facts).incidents.values():
        assert "\x1b" not in incident["title"] + "".join(incident["story"])


@pytest.mark.parametrize(("after_s", "incidents"), [(1, 1), (60, 2)])
def test_what_changes_when_a_visitor_has_just_left_is_part_of_their_story(after_s: float, incidents: int) -> None:
    """A program that was sent goes on without its sender; an hour later it may be anybody's."""
    scene = robot()
    scene.process(300, "/usr/sbin/mosquitto")
    scene.listen(1883, 300, "/usr/sbin/mosquitto", existing=True)
    scene.close(scene.accept(300, 1883, "203.0.113.7"))
    scene.wait(after_s)
    changed(scene, "authorized_keys", "/home/pi/.ssh/authorized_keys")
    found = Verdicts(scene.facts, rules=NO_RULES).incidents.values()

    assert len(found) == incidents
    assert any("T1098.004" in one["attack"] and one["sessions"] for one in found) is (incidents == 1)
