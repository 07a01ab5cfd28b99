"""Real tunnel and remote-access programs, run on a robot beside a real outside: what the agent tells of each.

Behaviour only: no rule names them here. The robot and the outside are network namespaces of their own.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.system.judge.ssh_stage import OUTSIDE, ROBOT, SshStage

pytestmark = pytest.mark.needs_root("network namespaces, tun devices")
Fact = dict[str, Any]
REMOTE_SSHD = 2222


class Scene:
    """The stage with an agent that observes on the robot."""

    def __init__(self, stage: SshStage, folder: Path) -> None:
        self.stage, self.folder = stage, folder
        self._out = folder / "facts.jsonl"
        with self._out.open("wb") as target:
            stage.on_robot(AGENT_PYTHON, "-m", "wachhund_agent", "observe", stdout=target)
        stage.until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), "the senses are awake")

    def facts(self) -> list[Fact]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def tells(self, what: str, wanted: Callable[[Fact], object], seconds: float = 20.0) -> Fact:
        """The first fact that is wanted."""
        self.stage.until(lambda: any(wanted(fact) for fact in self.facts()), what, seconds)
        return next(fact for fact in self.facts() if wanted(fact))

    def started(self, program: str, *words: str) -> Fact:
        """The start of a program by the name of its file, with these words among its arguments."""
        return self.tells(
            f"{program} started",
            lambda fact: (
                fact["kind"] == "process.start"
                and any((fact.get(name) or "").endswith("/" + program) for name in ("exe", "script"))
                and all(word in (fact["argv"] or []) for word in words)
            ),
        )

    def flow(self, program: str, address: str, port: int) -> Fact:
        """A flow to the outside that this program holds."""
        return self.tells(
            f"{program} holds a flow to {address}:{port}",
            lambda fact: fact["kind"] in ("flow.open", "flow.update", "flow.close")
            and fact["remote"] == [address, port] and (fact["exe"] or "").endswith("/" + program),
        )  # fmt: skip

    def door(self, program: str, port: int) -> Fact:
        """A listener that this program offers."""
        return self.tells(
            f"{program} listens on {port}",
            lambda fact: fact["kind"] == "listen.open" and fact["local"][1] == port
            and (fact["exe"] or "").endswith("/" + program),
        )  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One robot and one agent for all: the tools run side by side, each on ports of its own."""
    folder = tmp_path_factory.mktemp("tools")
    with SshStage(folder) as stage:
        stage.sshd(stage.outside, OUTSIDE, REMOTE_SSHD)
        yield Scene(stage, folder)


def outside_echo(scene: Scene, port: int) -> None:
    scene.stage.outside("socat", f"TCP-LISTEN:{port},bind={OUTSIDE},reuseaddr,fork", "PIPE")
    scene.stage.wait_outside(port)


def ask(scene: Scene, port: int) -> None:
    """Somebody on the robot uses a port of the robot."""
    word = ["sh", "-c", f"echo hello | socat -t 3 - TCP:127.0.0.1:{port}"]
    scene.stage.on_robot(*word).wait(20)


def test_openssh_reverse_tunnel(scene: Scene) -> None:
    scene.stage.on_robot(*scene.stage.ssh("-N", "-R", "7000:127.0.0.1:22", "-p", str(REMOTE_SSHD), f"root@{OUTSIDE}"))
    assert scene.started("ssh", "-R")["user"] == "root"
    assert scene.flow("ssh", OUTSIDE, REMOTE_SSHD)["direction"] == "out"


def test_openssh_socks_and_local_forwarding_open_doors(scene: Scene) -> None:
    forwards = ("-D", "1080", "-L", "8022:127.0.0.1:22")
    scene.stage.on_robot(*scene.stage.ssh("-N", *forwards, "-p", str(REMOTE_SSHD), f"root@{OUTSIDE}"))
    for port in (1080, 8022):
        assert scene.door("ssh", port)["scope"] == "loopback"


def test_autossh_is_told_with_the_ssh_that_it_starts(scene: Scene) -> None:
    command = scene.stage.ssh("-N", "-R", "7001:127.0.0.1:22", "-p", str(REMOTE_SSHD), f"root@{OUTSIDE}")
    scene.stage.on_robot("autossh", "-M", "0", *command[1:])
    scene.started("autossh")
    started = scene.started("ssh", "7001:127.0.0.1:22")
    assert any(str(exe).endswith("/autossh") for _, exe in started["ancestry"])
    scene.flow("ssh", OUTSIDE, REMOTE_SSHD)


def test_sshuttle_is_told_as_the_script_that_it_is(scene: Scene) -> None:
    ssh = " ".join(scene.stage.ssh("-p", str(REMOTE_SSHD)))
    scene.stage.on_robot("sshuttle", "--method", "nft", "-e", ssh, "-r", f"root@{OUTSIDE}", "10.99.0.0/24")
    scene.started("sshuttle")
    scene.flow("ssh", OUTSIDE, REMOTE_SSHD)


def test_stunnel_offers_a_door_and_dials_out(scene: Scene) -> None:
    outside_echo(scene, 4443)
    config = scene.folder / "stunnel.conf"
    config.write_text(
        f"foreground = yes\npid =\n[x]\nclient = yes\naccept = 127.0.0.1:9443\nconnect = {OUTSIDE}:4443\n"
    )
    scene.stage.on_robot("stunnel", str(config))
    scene.door("stunnel4", 9443)
    ask(scene, 9443)
    scene.flow("stunnel4", OUTSIDE, 4443)


def test_socat_relays_and_both_sides_are_its_own(scene: Scene) -> None:
    outside_echo(scene, 4444)
    scene.stage.on_robot("socat", "TCP-LISTEN:9444,bind=127.0.0.1,fork,reuseaddr", f"TCP:{OUTSIDE}:4444")
    scene.door("socat", 9444)
    ask(scene, 9444)
    assert scene.flow("socat", OUTSIDE, 4444)["puid"] is not None


def test_openvpn_over_tcp(scene: Scene) -> None:
    key = scene.folder / "static.key"
    subprocess.run(["openvpn", "--genkey", "secret", str(key)], check=True, capture_output=True)
    common = ["--dev-type", "tun", "--secret", str(key), "--cipher", "AES-256-CBC", "--verb", "1"]
    scene.stage.outside("openvpn", *common, "--dev", "tun7", "--ifconfig", "10.8.0.1", "10.8.0.2",
                        "--proto", "tcp-server", "--lport", "1194")  # fmt: skip
    scene.stage.wait_outside(1194)
    scene.stage.on_robot("openvpn", *common, "--dev", "tun8", "--ifconfig", "10.8.0.2", "10.8.0.1",
                         "--proto", "tcp-client", "--remote", OUTSIDE, "1194")  # fmt: skip
    scene.started("openvpn", "--remote")
    scene.flow("openvpn", OUTSIDE, 1194)


def test_tinc_listens_and_dials(scene: Scene) -> None:
    net = scene.folder / "tinc"
    (net / "hosts").mkdir(parents=True)
    (net / "tinc.conf").write_text("Name = robot\nDevice = /dev/net/tun\nInterface = tinc0\nConnectTo = away\n")
    (net / "hosts/away").write_text(f"Address = {OUTSIDE} 655\n")
    (net / "hosts/robot").write_text(f"Address = {ROBOT} 655\n")
    subprocess.run(["tincd", "-c", str(net), "-K", "2048"], input=b"\n\n", check=True, capture_output=True)
    outside_echo(scene, 655)
    scene.stage.on_robot("tincd", "-c", str(net), "-D", "--pidfile", str(net / "pid"))
    scene.started("tincd")
    scene.door("tincd", 655)
    scene.flow("tincd", OUTSIDE, 655)


def test_wireguard_in_user_space(scene: Scene) -> None:
    scene.stage.on_robot("wireguard-go", "-f", "wg9", env={"WG_PROCESS_FOREGROUND": "1", "PATH": "/usr/bin:/bin"})
    scene.started("wireguard-go", "wg9")


def test_tor_opens_its_door_though_it_reaches_nobody(scene: Scene) -> None:
    scene.stage.on_robot("tor", "--SocksPort", "9050", "--DataDirectory", str(scene.folder / "tor"), "--quiet")
    scene.started("tor", "--SocksPort")
    assert scene.door("tor", 9050)["scope"] == "loopback"


def test_mosquitto_clients_at_a_broker_outside(scene: Scene) -> None:
    config = scene.folder / "broker.conf"
    config.write_text(f"listener 1883 {OUTSIDE}\nallow_anonymous true\n")
    scene.stage.outside("mosquitto", "-c", str(config))
    scene.stage.wait_outside(1883)
    scene.stage.on_robot("mosquitto_sub", "-h", OUTSIDE, "-t", "x")
    scene.flow("mosquitto_sub", OUTSIDE, 1883)
    # Told again and again, for as long as the stage stands: of a program that is gone no command line can be read.
    command = ["mosquitto_pub", "-h", OUTSIDE, "-t", "x", "-m", "y", "-P", "planted-Zq9w", "-u", "a"]
    scene.stage.on_robot(*command, "--repeat", "1000", "--repeat-delay", "0.2")
    assert scene.started("mosquitto_pub")["redacted"] == 1
    scene.flow("mosquitto_pub", OUTSIDE, 1883)


def test_httptunnel_carries_a_door_over_http(scene: Scene) -> None:
    scene.stage.outside("hts", "-w", "-F", "127.0.0.1:22", "8888")
    scene.stage.wait_outside(8888)
    scene.stage.on_robot("htc", "-w", "-F", "9022", f"{OUTSIDE}:8888")
    scene.door("htc", 9022)
    ask(scene, 9022)
    scene.flow("htc", OUTSIDE, 8888)


def test_iodine_is_a_flow_to_port_53_a_link_and_loud_look_ups(scene: Scene) -> None:
    scene.stage.outside("iodined", "-f", "-c", "-P", "planted-Zq9w", "-l", OUTSIDE, "10.77.0.1", "t.example.org")
    command = ("iodine", "-f", "-r", "-P", "planted-Zq9w", OUTSIDE, "t.example.org")
    scene.stage.on_robot(*command)
    # iodine wipes its password from its own arguments at once: read before that it has the mark, after it nothing.
    assert "planted-Zq9w" not in str(scene.started("iodine"))
    scene.tells(
        "look-ups below one domain",
        lambda fact: fact["kind"] == "dns.summary" and fact["domain"] == "example.org" and fact["longest_label"] > 20,
    )
    scene.tells(
        "its link",
        lambda fact: fact["kind"] == "link.change" and fact["ifname"].startswith("dns") and fact["link_kind"] == "tun",
    )
    assert scene.flow("iodine", OUTSIDE, 53)["proto"] == "udp"


def test_ptunnel_is_a_flow_of_echoes(scene: Scene) -> None:
    scene.stage.outside("ptunnel")
    scene.stage.on_robot("ptunnel", "-p", OUTSIDE, "-lp", "9008", "-da", OUTSIDE, "-dp", str(REMOTE_SSHD))
    scene.door("ptunnel", 9008)
    ask(scene, 9008)
    found = scene.tells(
        "echoes to the outside",
        lambda fact: fact["kind"] == "flow.open" and fact["proto"] == "icmp" and fact["remote"][0] == OUTSIDE,
    )
    assert found["exe"].endswith("/ptunnel")


def test_n2n_is_a_udp_flow_and_a_tap_link(scene: Scene) -> None:
    scene.stage.outside("supernode", "-f", "-l", "7654")
    scene.stage.on_robot("edge", "-d", "n2n7", "-a", "10.9.9.2", "-c", "net", "-k", "planted-Zq9w", "-l",
                         f"{OUTSIDE}:7654", "-f")  # fmt: skip
    # edge wipes its own arguments at once: what was read before has the mark, what was read after has stars.
    assert "planted-Zq9w" not in str(scene.started("edge"))
    scene.tells(
        "its link",
        lambda fact: fact["kind"] == "link.change" and fact["ifname"] == "n2n7" and fact["link_kind"] == "tap",
    )
    assert scene.flow("edge", OUTSIDE, 7654)["proto"] == "udp"


def test_openssh_makes_a_network_of_its_own(scene: Scene) -> None:
    """ssh -w: whatever crosses the new link looks local to the robot."""
    command = scene.stage.ssh("-N", "-w", "17:18", "-p", str(REMOTE_SSHD), f"root@{OUTSIDE}")
    scene.stage.on_robot(*command)
    assert scene.started("ssh", "-w", "17:18")["user"] == "root"
    scene.tells(
        "its link",
        lambda fact: fact["kind"] == "link.change" and fact["ifname"] == "tun17" and fact["link_kind"] == "tun",
    )
    assert scene.flow("ssh", OUTSIDE, REMOTE_SSHD)["direction"] == "out"


def test_a_network_that_somebody_brings_in_by_ssh_is_a_link_of_sshds(scene: Scene) -> None:
    """The other way round: who logs in asks the robot's own sshd for one."""
    scene.stage.sshd(scene.stage.on_robot, ROBOT, 2022)
    scene.stage.outside(*scene.stage.ssh("-N", "-w", "27:28", "-p", "2022", f"root@{ROBOT}"))
    scene.tells(
        "the link",
        lambda fact: fact["kind"] == "link.change" and fact["ifname"] == "tun28" and fact["link_kind"] == "tun",
    )
    came = scene.tells(
        "the login's connection",
        lambda fact: fact["kind"] == "flow.open" and fact["local"] == [ROBOT, 2022] and fact["direction"] == "in",
    )
    assert came["remote"][0] == OUTSIDE and came["exe"].endswith("/sshd")


def test_nebula_is_a_udp_flow_and_a_tun_link(scene: Scene) -> None:
    net = scene.folder / "nebula"
    net.mkdir()
    sign = ["nebula-cert", "sign", "-name"]
    for command in (
        ["nebula-cert", "ca", "-name", "test"],
        [*sign, "away", "-ip", "10.66.0.1/24"],
        [*sign, "robot", "-ip", "10.66.0.2/24"],
    ):
        subprocess.run(command, cwd=net, check=True, capture_output=True, timeout=20)
    for name, device, light in (("away", "nebula0", "am_lighthouse: true"), ("robot", "nebula1", "hosts: [10.66.0.1]")):
        (net / f"{name}.yml").write_text(
            f"pki: {{ca: {net}/ca.crt, cert: {net}/{name}.crt, key: {net}/{name}.key}}\n"
            f'static_host_map: {{"10.66.0.1": ["{OUTSIDE}:4242"]}}\n'
            f"lighthouse: {{{light}}}\nlisten: {{host: 0.0.0.0, port: 4242}}\ntun: {{dev: {device}}}\n"
            "firewall: {outbound: [{port: any, proto: any, host: any}]}\n"
        )
    scene.stage.outside("nebula", "-config", str(net / "away.yml"))
    scene.stage.on_robot("nebula", "-config", str(net / "robot.yml"))
    scene.started("nebula")
    scene.tells(
        "its link",
        lambda fact: fact["kind"] == "link.change" and fact["ifname"] == "nebula1" and fact["link_kind"] == "tun",
    )
    assert scene.flow("nebula", OUTSIDE, 4242)["proto"] == "udp"


def test_tmate_dials_out_though_nobody_answers_in_its_language(scene: Scene) -> None:
    """A terminal that is shared with whoever has a link; its server here is a plain sshd."""
    settings = scene.folder / "tmate.conf"
    settings.write_text(f"set -g tmate-server-host {OUTSIDE}\nset -g tmate-server-port {REMOTE_SSHD}\n")
    home = {"HOME": str(scene.folder), "TERM": "xterm", "PATH": "/usr/bin:/bin"}
    scene.stage.on_robot("tmate", "-S", str(scene.folder / "tmate.sock"), "-F", "-f", str(settings), env=home)
    scene.started("tmate")
    assert scene.flow("tmate", OUTSIDE, REMOTE_SSHD)["direction"] == "out"


def test_the_tunnels_of_openvpn_and_wireguard_are_links(scene: Scene) -> None:
    """Started by the tests before."""
    for name in ("tun8", "wg9"):
        scene.tells(
            f"the link {name}",
            lambda fact, name=name: (
                fact["kind"] == "link.change" and fact["ifname"] == name and fact["link_kind"] == "tun"
            ),
        )


def test_a_shell_that_dials_out_is_a_flow_of_the_shell(scene: Scene) -> None:
    outside_echo(scene, 4445)
    scene.stage.on_robot("bash", "-c", f"exec 3<>/dev/tcp/{OUTSIDE}/4445; echo hi >&3; sleep 20; :")
    scene.flow("bash", OUTSIDE, 4445)


def test_the_tools_of_this_table_are_installed() -> None:
    """A tool that is missing would make its test fail with a riddle; this says which."""
    wanted = ("ssh", "autossh", "sshuttle", "stunnel", "socat", "openvpn", "tincd", "wireguard-go", "tor",
              "mosquitto", "mosquitto_pub", "htc", "iodine", "ptunnel", "edge", "nebula", "nebula-cert",
              "tmate")  # fmt: skip
    assert [
        tool for tool in wanted if shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin") is None
    ] == []
