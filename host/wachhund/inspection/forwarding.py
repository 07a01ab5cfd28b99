"""Is the robot a way into the network behind it?"""

from wachhund.inspection.finding import Answer
from wachhund.inspection.known_robot import KnownRobot
from wachhund.inspection.looking import Look
from wachhund.robot_tree.files import Files

PLACES = ("/etc/sysctl.conf", "/etc/sysctl.d", "/usr/lib/sysctl.d", "/etc/iptables", "/etc/nftables.conf")
_SETTINGS = ("/etc/sysctl.conf",)
_FOLDERS = ("/etc/sysctl.d", "/usr/lib/sysctl.d")
_FORWARDS = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding")
_RULES = ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/nftables.conf")
_NAT = ("masquerade", "dnat", "snat")


def forwarding(files: Files, robot: KnownRobot) -> Answer:
    """sysctl settings, saved firewall rules, and the maker's own scripts."""
    look = Look(files, "forwarding", "Is the robot a way into the network behind it?")
    settings = [*_SETTINGS, *(f"{folder}/{name}" for folder in _FOLDERS for name in look.names(folder))]
    proof = [
        f"{path}: {line.strip()}" for path in settings for line in look.lines(path) or ()
        if (words := line.replace("=", " ").split()) and words[0].lstrip("-") in _FORWARDS and words[-1] == "1"
    ]  # fmt: skip
    nat = [
        f"{path}: {line.strip()}" for path in [*_RULES, *_scripts(look, robot)] for line in look.lines(path) or ()
        if not line.lstrip().startswith("#") and any(word in line.lower() for word in _NAT)
    ]  # fmt: skip
    if nat:
        look.found(
            "nat-pivot", "medium", "The robot passes other machines' packets on, under its own address",
            [*nat, *proof],
            "Whoever is in its wireless network, or comes by a tunnel, reaches the boards and the lab behind it, and "
            "looks there like the robot.",
            ("Take the MASQUERADE rules out, or limit them to the boards that need them",),
            "sudo iptables -t nat -S; cat /proc/sys/net/ipv4/ip_forward", ("T1090.001", "T1599"),
        )  # fmt: skip
    elif proof:
        look.found(
            "forwarding", "low", "The robot passes other machines' packets on", proof,
            "It is a way between its networks, for whoever is in one of them.",
            ("sudo sysctl -w net.ipv4.ip_forward=0, and the same in /etc/sysctl.conf",),
            "cat /proc/sys/net/ipv4/ip_forward", ("T1599",),
        )  # fmt: skip
    return look.answer()


def _scripts(look: Look, robot: KnownRobot) -> list[str]:
    found = []
    for path in robot.forwards:
        place = look.place(path)
        if place is not None and place.is_folder:
            found += [inner for inner, one in look.below(path, 2) if one.is_file and inner.endswith(".sh")]
        elif place is not None:
            found.append(path)
    return found
