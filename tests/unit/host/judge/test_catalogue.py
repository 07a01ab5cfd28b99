"""The catalogue of tunnels and remote-access tools: data that becomes rules, and names what behaviour finds."""

import pytest
import yaml

from tests.unit.host.judge.recording import BUILT_IN, SSHD, Recording, Verdicts
from wachhund.judge.rule_loading import BUILT_IN as FOLDER
from wachhund.judge.rule_loading import rules_in

# detection.md, group 1, and the usual RMM tools.
WANTED = [
    "frp", "ngrok", "Cloudflare", "chisel", "gost", "bore", "rathole", "localtunnel", "wstunnel", "stunnel", "socat",
    "OpenVPN", "WireGuard", "Tailscale", "ZeroTier", "Nebula", "n2n", "tinc", "iodine", "ptunnel", "httptunnel",
    "Tor", "autossh", "sshuttle", "NPS", "AnyDesk", "RustDesk", "TeamViewer", "MeshCentral", "VNC", "xrdp", "tmate",
    "NoMachine", "Shadowsocks", "ScreenConnect", "Splashtop", "Sunlogin", "ToDesk",
]  # fmt: skip


def tools() -> list[dict[str, object]]:
    """The entries."""
    text = (FOLDER / "remote_access_tools.yml").read_text("utf-8")
    return list(yaml.safe_load(text)["catalogue"]["tools"])


def scene_of(exe: str, *argv: str) -> Recording:
    """A program starts."""
    scene = Recording()
    scene.process(51, exe, argv or [exe])
    return scene


def test_every_tool_that_must_be_found_has_an_entry_with_a_command_line_that_was_seen() -> None:
    """A list in a document is no detection."""
    named = {str(tool["name"]): tool for tool in tools()}
    assert [one for one in WANTED if not any(one in name for name in named)] == []
    assert len(named) == len(tools())
    assert [name for name, tool in named.items() if not tool.get("seen")] == []
    assert len(named) >= 120


def test_the_rules_of_an_entry_keep_their_ids() -> None:
    """Matches are counted, and silenced, by id: it must not change when an entry is moved or mended."""
    ids = {rule.title: rule.id for rule in BUILT_IN.rules}
    assert ids["Reverse tunnel: frp"] == "47ec60b0-3c12-5c1d-a392-5db105d7f776"
    assert ids["A connection to the service of ngrok"] == "bf69e5b0-1923-5d7c-8fd5-3e8d25dd7666"


def test_a_tool_and_the_service_it_dials_are_one_incident_with_its_name() -> None:
    """Program and name are two signs of one door."""
    scene = scene_of("/usr/local/bin/ngrok", "ngrok", "tcp", "22")
    scene.dial(51, ("198.51.100.7", 443), remote_name="tunnel.eu.ngrok.com")
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "high")
    assert "ngrok" in incident["title"]
    assert len(incident["rules"]) == 2
    assert "T1572" in incident["attack"]


def test_a_renamed_tool_is_named_by_the_service_it_dials() -> None:
    """Names of files are easily changed."""
    scene = scene_of("/opt/innocent")
    scene.dial(51, ("198.51.100.7", 443), remote_name="x.ngrok-agent.com")
    assert Verdicts(scene.facts).only["title"].startswith("A connection to the service of ngrok")


def test_a_port_alone_raises_nothing_and_beside_a_tunnel_it_is_told() -> None:
    """7000 is frp's port, and that of much else."""
    scene = scene_of("/opt/innocent")
    scene.dial(51, ("203.0.113.5", 7000))
    assert Verdicts(scene.facts).incidents == {}
    scene = scene_of("/opt/frp/frpc", "frpc", "-c", "frpc.toml")
    scene.dial(51, ("203.0.113.5", 7000))
    incident = Verdicts(scene.facts).only
    assert incident["title"].startswith("Reverse tunnel: frp")
    assert any("A port that frp uses by default" in line for line in incident["story"])


def test_a_session_through_a_named_tool_carries_its_name() -> None:
    """Behaviour decides that somebody came through; the catalogue says by what."""
    scene = Recording()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(51, "/opt/frp/frpc", ["frpc", "-c", "frpc.toml"])
    outer = scene.dial(51, ("203.0.113.5", 443))
    scene.wait(60)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(51, 900, 22)
    scene.relay(outer, inner, 51)
    scene.ssh_login(100, 900)
    scene.relay(outer, inner, 51, "relay")
    incident = Verdicts(scene.facts).only
    assert incident["title"] == "Remote control not allowed: ssh as pi through frp"
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")


@pytest.mark.parametrize(
    ("argv", "title"),
    [
        (["ssh", "-N", "-R", "2222:localhost:22", "x@203.0.113.5"], "Reverse tunnel: ssh -R"),
        (["ssh", "-fND", "1080", "x@203.0.113.5"], "Proxy: ssh forwards connections"),
        (["ssh", "-w", "0:0", "root@203.0.113.5"], "Network through ssh: ssh -w"),
    ],
)
def test_ways_that_ssh_opens_are_told(argv: list[str], title: str) -> None:
    """A tunnel that every robot has on board."""
    assert Verdicts(scene_of("/usr/bin/ssh", *argv).facts).only["title"].startswith(title)


def test_look_ups_that_carry_data_are_an_incident_though_nobody_knows_which_program_asks() -> None:
    """iodine passes where only the name server is reachable."""
    scene = Recording()
    told = {"domain": "example.org", "queries": 300, "distinct_names": 256, "longest_label": 60, "entropy": 4.4}
    for _ in range(3):
        scene.tell("dns.summary", **told, bytes_out=30_000, bytes_in=60_000)
        scene.wait(60)
    incident = Verdicts(scene.facts).only
    assert (incident["kind"], incident["level"]) == ("tunnel", "high")
    assert incident["title"].startswith("Hidden channel: look-ups that carry data")


OWN = """
catalogue:
  version: 1
  whats: {{ours: {{words: Our tunnel, level: high, means: It is ours.}}}}
  never: [/bin/ls]
  tools:
    - {tool}
"""


def test_an_operators_own_catalogue_is_read_as_ours_is() -> None:
    """Who has a tool of his own adds a line, not a rule."""
    file = rules_in(OWN.format(tool="{name: Burrow, what: ours, programs: [burrow], domains: [burrow.example]}"))
    assert [rule.title for rule in file.rules] == ["Our tunnel: Burrow", "A connection to the service of Burrow"]
    assert "Burrow" in Verdicts(scene_of("/opt/burrow").facts, rules=file.rules).only["title"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OWN.format(tool="{name: x, what: other}"), "entry 1 (x): what: one of ours"),
        (OWN.format(tool="{name: x, what: [ours]}"), "what: one of ours"),
        (OWN.format(tool="{what: ours}"), "entry 1: takes name"),
        (OWN.format(tool="{name: x, what: ours, colour: red}"), "entry 1: takes name"),
        (OWN.format(tool="{name: x, what: ours, programs: y}"), "programs: a list of texts"),
        (OWN.format(tool="{name: x, what: ours, programs: [5]}"), "programs: a list of texts"),
        (OWN.format(tool="{name: x, what: ours, generic: [y]}"), "needs arguments"),
        (OWN.format(tool="{name: x, what: ours, telling: [y]}"), "telling: a list of lists"),
        (OWN.format(tool="{name: x, what: ours, ports: [80]}"), "ports: [tcp or udp, number]"),
        (OWN.format(tool="{name: x, what: ours, level: odd}"), "level: one of"),
        (OWN.format(tool="5"), "entry 1: takes name"),
        ("catalogue: {version: 2}", "catalogue.version"),
        ("catalogue: [1]", "catalogue.version"),
        ("catalogue: {version: 1, tools: 5}", "catalogue: takes whats"),
        ("catalogue: {version: 1}\ntitle: x", "of its own"),
        (OWN.format(tool='{name: x, what: ours, programs: [y], seen: ["it\'s"]}'), "seen: it's: No closing"),
    ],
)
def test_a_catalogue_that_cannot_be_read_names_the_entry(text: str, reason: str) -> None:
    """In one line, as with any rule file."""
    file = rules_in(text)
    assert file.rules == ()
    assert any(reason in fault for fault in file.faults), file.faults
    assert all("\n" not in fault for fault in file.faults)
