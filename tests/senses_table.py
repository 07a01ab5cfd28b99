"""The table of docs/senses.md: what must be found, how it is seen, and the test that shows it with the real thing.

`python -m tests.senses_table` writes it; tests/unit/house/test_senses.py holds it against this list and the tests.
"""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "senses.md"
_TOOLS = "tests/system/tools/test_real_tools.py::"
_SENSING = "tests/system/sensing/"
_UNIT = "tests/unit/agent/sensors/"
_AWAY = _SENSING + "test_sources_taken_away.py::"
_GO1 = "tests/system/go1/test_agent.py::"
_KILLS = "tests/system/delivery/test_kills.py::"
_EVENTS = "tracefs, sock_diag; else /proc and sock_diag each second"


class Row(NamedTuple):
    """`tests`: ids of those that show it. `not_shown`: what of it nothing shows yet, and why; empty when all is."""

    group: str
    what: str
    sources: str
    tests: tuple[str, ...]
    not_shown: str = ""


_NO_PACKAGE = (
    "no package in Debian, and none in PyPI or npm by who makes them that holds the program (they fetch it, or are a "
    "library): seen as any unnamed program that relays"
)
ROWS = (
    Row(
        "1 Tunnels",
        "vendor CloudSail, NPS",
        _EVENTS + "; paths of the profile",
        (_UNIT + "test_posture.py::test_the_round_tells_each_state_once_and_again_when_it_changes",),
        "the vendor's programs may not be copied: a stand-in dials out on the test robot",
    ),
    Row(
        "1 Tunnels",
        "ssh -R, -L, -D, -w",
        _EVENTS + "; rtnetlink",
        (
            _TOOLS + "test_openssh_reverse_tunnel",
            _TOOLS + "test_openssh_socks_and_local_forwarding_open_doors",
            _TOOLS + "test_openssh_makes_a_network_of_its_own",
            _TOOLS + "test_a_network_that_somebody_brings_in_by_ssh_is_a_link_of_sshds",
        ),
    ),
    Row("1 Tunnels", "autossh", _EVENTS, (_TOOLS + "test_autossh_is_told_with_the_ssh_that_it_starts",)),
    Row("1 Tunnels", "sshuttle", _EVENTS, (_TOOLS + "test_sshuttle_is_told_as_the_script_that_it_is",)),
    Row("1 Tunnels", "stunnel", _EVENTS, (_TOOLS + "test_stunnel_offers_a_door_and_dials_out",)),
    Row("1 Tunnels", "socat", _EVENTS, (_TOOLS + "test_socat_relays_and_both_sides_are_its_own",)),
    Row("1 Tunnels", "OpenVPN", _EVENTS, (_TOOLS + "test_openvpn_over_tcp",)),
    Row(
        "1 Tunnels",
        "WireGuard in user space",
        _EVENTS,
        (_TOOLS + "test_wireguard_in_user_space",),
        "WireGuard in the kernel: the machines of these tests have no such module",
    ),
    Row("1 Tunnels", "tinc", _EVENTS, (_TOOLS + "test_tinc_listens_and_dials",)),
    Row("1 Tunnels", "httptunnel", _EVENTS, (_TOOLS + "test_httptunnel_carries_a_door_over_http",)),
    Row("1 Tunnels", "Tor", _EVENTS, (_TOOLS + "test_tor_opens_its_door_though_it_reaches_nobody",)),
    Row(
        "1 Tunnels",
        "tunnels over DNS (iodine)",
        "packet socket on port 53; /etc/hosts",
        (
            _TOOLS + "test_iodine_is_a_flow_to_port_53_a_link_and_loud_look_ups",
            _UNIT + "test_dns.py::test_the_shape_of_a_tunnel_is_told_at_once_and_then_once_a_minute",
        ),
        "what iodine sends raw on port 53 is a flow, not a look-up",
    ),
    Row(
        "1 Tunnels",
        "tunnels over ping (ptunnel)",
        "packet socket; raw sockets in /proc/net",
        (
            _TOOLS + "test_ptunnel_is_a_flow_of_echoes",
            _SENSING + "test_datagram.py::test_a_ping_is_a_flow_of_the_program_that_pings",
        ),
    ),
    Row("1 Tunnels", "n2n", _EVENTS + "; packet socket", (_TOOLS + "test_n2n_is_a_udp_flow_and_a_tap_link",)),
    Row(
        "1 Tunnels",
        "Nebula",
        _EVENTS + "; packet socket; rtnetlink",
        (_TOOLS + "test_nebula_is_a_udp_flow_and_a_tun_link",),
    ),
    Row(
        "1 Tunnels",
        "tmate",
        _EVENTS,
        (_TOOLS + "test_tmate_dials_out_though_nobody_answers_in_its_language",),
        "a session: its own server is in no package",
    ),
    Row(
        "1 Tunnels",
        "frp, ngrok, cloudflared, chisel, gost, bore, rathole, localtunnel, wstunnel, Tailscale, ZeroTier, RMM tools",
        _EVENTS,
        (),
        _NO_PACKAGE,
    ),
    Row(
        "1 Tunnels",
        "new tun, wg, vxlan, gre, ipip, sit, ppp, wwan links; default route; forwarding; NAT; rules leading a port on",
        "rtnetlink and nf_tables events; ip_tables each second; else a look at /proc/net",
        (
            _SENSING + "test_link.py::test_a_tunnel_interface_its_address_and_its_route_are_told",
            _SENSING + "test_link.py::test_a_tunnel_of_the_kernels_own_is_told_by_its_word",
            _SENSING + "test_link.py::test_a_robot_that_becomes_a_router_is_told",
            _SENSING + "test_link.py::test_a_rule_that_leads_a_port_on_is_told_beside_those_that_stood_before",
            "tests/unit/agent/kernel/test_nat_rules.py::test_a_rule_says_what_it_leads_on_and_where_to",
        ),
        "a real modem; WireGuard, gre, ipip and sit in the kernel: the machines of these tests have only vxlan",
    ),
    Row(
        "1 Tunnels",
        "the program that holds a tun or tap link",
        "each open file's word of it in /proc, when a link came or changed or its holder ended",
        (
            _SENSING + "test_link.py::test_the_program_behind_a_tunnel_is_told_also_when_it_forks_and_until_it_ends",
            _SENSING + "test_link.py::test_an_interface_that_stands_without_a_program_is_held_by_nobody",
        ),
    ),
    Row(
        "1 Tunnels",
        "flows that cross the robot without ending there",
        "packet socket while forwarding is on; conntrack, asked for each new connection",
        (
            _SENSING + "test_routed.py::test_the_labs_way_through_the_robot_to_a_nano_is_told_once",
            _SENSING + "test_routed.py::test_what_the_firewall_leads_on_is_told_with_who_began_it_and_where_it_ends",
            _UNIT + "test_routed.py::*",
        ),
        "who masquerades before the robot; conntrack's zones; rewriting without conntrack; what began before the agent",
    ),
    Row(
        "1 Tunnels",
        "any unnamed relay",
        _EVENTS + "; TCP_INFO of each pair",
        ("tests/system/test_relay_scenes.py::test_a_relay_that_no_rule_names_is_recognised",),
    ),
    Row(
        "2 Processes",
        "every exec, also of 10 ms; ancestry",
        "tracefs; else /proc each second",
        (
            _SENSING + "test_observe.py::test_no_process_and_no_connection_of_10_ms_is_missed",
            _SENSING + "test_observe.py::test_a_program_that_ends_at_once_is_still_told",
        ),
        "the arguments of a program that is gone within about 1 ms: no event of the kernel carries them, and a kprobe "
        "on execve was run nowhere (docs/decisions/0040)",
    ),
    Row(
        "2 Processes",
        "hash of programs and scripts",
        "the file as its process sees it, a slice at a time",
        (
            _UNIT + "test_image_hash.py::test_a_script_is_hashed_whole_and_once",
            _UNIT + "test_script.py::test_the_interpreters_run_what_we_say_they_run",
        ),
    ),
    Row(
        "2 Processes",
        "container, namespaces",
        "control group, /proc/PID/ns",
        ("tests/unit/agent/kernel/test_procfs.py::test_a_container_is_known_by_its_control_group",),
    ),
    Row("2 Processes", "reverse shells", _EVENTS, (_TOOLS + "test_a_shell_that_dials_out_is_a_flow_of_the_shell",)),
    Row(
        "3 Camera, microphone",
        "local devices: who, how long",
        "fanotify; inotify with a look at all open files; that look each 2 s",
        (_SENSING + "test_capture_device.py::*",),
    ),
    Row(
        "3 Camera, microphone",
        "views through a proxy (/camN), with the viewer",
        "flows, joined by time and bytes",
        (_SENSING + "test_camera_view.py::*", _GO1 + "test_a_view_of_a_nanos_camera_names_its_viewer"),
    ),
    Row(
        "3 Camera, microphone",
        "UDP streams, routed views",
        "packet socket",
        (
            _GO1 + "test_pictures_by_datagram_name_the_program_that_takes_them",
            _GO1 + "test_a_view_that_the_pi_only_routes_names_its_viewer",
        ),
        "of a routed view, not how much was seen; a Nano's own network is not crossed by it",
    ),
    Row(
        "4 Login, control",
        "ssh, also through a tunnel",
        "auth.log, else systemd's journal; wtmp, utmp; the titles of sshd's processes",
        (
            _SENSING + "test_login.py::test_a_login_from_outside_is_joined_with_its_connection_and_ends_with_it",
            _SENSING + "test_login.py::test_a_login_from_loopback_leads_to_the_tunnel_that_carries_it",
            _GO1 + "test_somebody_who_comes_through_the_vendors_tunnel_is_joined_with_it",
        ),
    ),
    Row(
        "4 Login, control",
        "failed logins, by source",
        "auth.log, else systemd's journal; btmp. The first try is told at once; then at most 10 s late, ten or more of "
        "one source 2 s; and always before a login from there and before the agent ends (each with a look of 0.5 s)",
        (
            _UNIT + "test_auth_log.py::test_a_line_says_who",
            _UNIT + "test_login.py::*",
            _SENSING + "test_journal.py::test_logins_are_read_from_the_journal_where_no_file_tells_of_them",
        ),
    ),
    Row(
        "4 Login, control",
        "shared desktops (VNC, RDP)",
        "flows to programs that share a desktop",
        (_SENSING + "test_desktop.py::test_who_connects_to_a_shared_desktop_is_told_from_beginning_to_end",),
        "shown with TigerVNC; whether a password was right is not seen",
    ),
    Row(
        "4 Login, control",
        "MQTT control and code topics",
        "a subscriber on the robot's own broker",
        (_SENSING + "test_control_mqtt.py::*",),
    ),
    Row(
        "4 Login, control",
        "who it is behind nginx",
        "flows of the proxy",
        (
            _SENSING + "test_control_through_nginx.py::test_control_is_attributed_to_the_phone_and_not_to_the_proxy",
            _GO1 + "test_the_phones_control_is_attributed_to_the_phone",
        ),
    ),
    Row(
        "4 Login, control",
        "UDP SDK peers, uploads",
        "flows to the profile's doors",
        (
            _UNIT + "test_control_port.py::test_a_client_is_told_at_once_and_then_counted_while_it_goes_on",
            _SENSING + "test_datagram.py::test_both_ends_of_a_udp_exchange_have_their_process",
            _GO1 + "test_sdk_commands_and_uploads_name_who_sent_them",
        ),
    ),
    Row(
        "4 Login, control",
        "ROS 1 nodes, here and of other machines",
        "the master on this robot, asked each 10 s; flows to its port",
        (
            _SENSING
            + "test_ros.py::test_nodes_of_the_robots_own_master_are_told_and_those_of_another_machine_are_control",
            _UNIT + "test_ros_master.py::*",
        ),
        "a node that comes and goes between two questions; a master on another board",
    ),
    Row(
        "4 Login, control",
        "ROS 2 and DDS participants",
        "packet socket: announcements by multicast",
        (
            _SENSING + "test_ros.py::test_participants_of_dds_are_told_and_those_of_another_machine_are_control",
            _UNIT + "test_dds.py::*",
        ),
        "discovery by unicast, servers or shared memory, IPv6; a network card may keep multicast back; shown with "
        "Cyclone DDS",
    ),
    Row(
        "4 Login, control",
        "talkers on the LCM bus",
        "packet socket",
        (_GO1 + "test_who_talks_on_the_lcm_bus_is_told",),
        "a network card may keep multicast back that no program here has joined",
    ),
    Row(
        "4 Login, control",
        "stations on the access point",
        "dnsmasq's leases; nl80211 events",
        (
            _UNIT + "test_station.py::test_joining_and_leaving_are_told_once",
            _UNIT + "test_radio_station.py::*",
            "tests/unit/agent/kernel/test_nl80211.py::*",
        ),
        "no radio was there: nl80211 was written and read after its header only; hostapd is not asked",
    ),
    Row(
        "4 Login, control",
        "Bluetooth: connections, pairings, writes, network set-up",
        "the kernel's monitor channel; bluetoothd's folder",
        (
            _UNIT + "test_bluetooth.py::*",
            _UNIT + "test_provisioning.py::test_the_known_attack_is_read_step_by_step",
            "tests/unit/agent/kernel/test_hci_monitor.py::*",
            _SENSING + "test_bluetooth.py::test_bluezs_own_reader_finds_in_our_frames_what_we_say_is_in_them",
        ),
        "no radio was there: nothing was seen in the air; a controller that a program drives past the kernel; of "
        "a set-up's message more than 13 bytes; bluetoothd's log (it says nothing of connections)",
    ),
    Row(
        "5 Persistence",
        "autostart, systemd, cron, rc, authorized_keys, preload, PAM, udev, sudoers, modules",
        "inotify and a sweep; a sweep each 30 s; what was remembered",
        (
            _UNIT + "test_persistence.py::test_the_first_run_tells_a_baseline_and_then_each_change",
            _UNIT + "test_folder_watches.py::*",
            _UNIT + "test_persistence.py::test_what_changed_while_the_agent_was_down_is_told_at_its_start",
        ),
    ),
    Row(
        "6 Posture",
        "default password, exposed ports, idle tunnels, packages",
        "files, each 10 min when they changed",
        (
            _UNIT + "test_posture.py::test_a_default_password_is_found_by_its_hash",
            _UNIT + "test_posture.py::test_the_round_tells_each_state_once_and_again_when_it_changes",
        ),
    ),
    Row(
        "7 The monitor itself",
        "paused, starved, traced, clock moved",
        "own gaps, /proc/self/schedstat and status",
        (_AWAY + "test_an_agent_that_is_stopped_for_a_while_says_so_afterwards",),
    ),
    Row(
        "7 The monitor itself",
        "its sources switched off, unmounted, refused",
        "switches looked at each 5 s; own events",
        (
            _AWAY + "test_events_that_somebody_switches_off_are_told_and_switched_on_again",
            _AWAY + "test_a_filter_that_refuses_netlink_makes_tcp_blind_and_leaves_the_rest",
        ),
    ),
    Row(
        "7 The monitor itself",
        "its own code, configuration and key changed",
        "as persistence",
        (
            "tests/system/delivery/test_own_files.py::*",
            _UNIT + "test_persistence.py::test_of_a_secret_file_it_is_told_that_it_changed_and_no_hash",
        ),
        "what Python compiled (`__pycache__`), the interpreter and libraries of others; who changed it",
    ),
    Row(
        "7 The monitor itself",
        "its network cut",
        "the connection to the broker",
        (
            "tests/system/delivery/test_cut_network.py::test_a_cut_network_is_told_when_it_is_over_and_a_short_one_is_not",
        ),
        "a wire that is cut without a word is noticed up to 60 s late",
    ),
    Row(
        "7 The monitor itself",
        "killed, its journal removed",
        "the host: silence, gaps, chains",
        (_KILLS + "test_everything_synced_is_in_the_ledger_once_after_kills_of_agent_broker_and_host",),
    ),
)


def missing_tests() -> list[str]:
    """Ids in the table for which there is no test. `*` stands for all tests of a file."""
    missing = []
    for row in ROWS:
        for test in row.tests:
            path, _, name = test.partition("::")
            file = ROOT / path
            wanted = "def test_" if name == "*" else f"def {name}("
            if not file.exists() or wanted not in file.read_text(encoding="utf-8"):
                missing.append(test)
    return missing


def rendered() -> str:
    """The whole document."""
    lines = [
        "# What the agent sees, and how",
        "",
        "Made by `python -m tests.senses_table` from the list of what must be found; a test fails when it is stale or",
        "names a test that does not exist. The first source of each ladder is used where it answers; what that is on a",
        "machine `wachhund-agent doctor` says. What no test shows yet is said in the last column.",
        "",
        "| group | what | how it is seen | shown by | not shown |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        tests = ", ".join(f"`{test}`" for test in row.tests)
        lines.append(f"| {row.group} | {row.what} | {row.sources} | {tests} | {row.not_shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(), encoding="utf-8")
