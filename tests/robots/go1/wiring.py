"""Cables, addresses, routes and the stock firewall between the robot's boards and the people around it."""

import shutil

from tests.robots.go1.addresses import (
    CLOUD,
    LAB,
    MOTORS,
    NAME_SERVER,
    NANO_BELLY,
    NANO_BODY,
    NANO_HEAD,
    OPERATOR,
    PHONE,
    PHONE_MAC,
    PI_LAN,
    PI_PPP,
    PI_WLAN,
    PPP_PEER,
)
from tests.robots.go1.namespace import Namespace

# What the stock start script leaves: it routes between the access point and the robot's network.
_FIREWALL = """
table ip nat {
    chain postrouting {
        type nat hook postrouting priority 100;
        oifname "wlan1" masquerade
        oifname "eth0" masquerade
    }
}
table ip filter {
    chain forward {
        type filter hook forward priority 0; policy accept;
        iifname "wlan1" oifname "eth0" accept
        iifname "eth0" oifname "wlan1" accept
    }
}
"""


def lay(pi: Namespace, nanos: Namespace, lab: Namespace, phone: Namespace, internet: Namespace) -> None:
    """Join the five. The switch of the robot's network is a bridge among the Nanos."""
    for each in (nanos, lab, phone, internet):
        each.ip("link set lo up")
    pi.ip(
        "link set lo up",
        f"link add eth0 type veth peer name pi netns {nanos.name}",
        f"link add wlan1 type veth peer name wlan0 address {PHONE_MAC} netns {phone.name}",
        f"link add ppp0 type veth peer name pi netns {internet.name}",
        *(f"link set {name} up" for name in ("eth0", "wlan1", "ppp0")),
        f"addr add {PI_LAN}/24 dev eth0",
        f"addr add {PI_WLAN}/24 dev wlan1",
        f"addr add {PI_PPP} peer {PPP_PEER} dev ppp0",
        f"route add default via {PPP_PEER} dev ppp0",
    )
    lab.ip(
        f"link add eth0 type veth peer name lab netns {nanos.name}",
        "link set eth0 up",
        f"addr add {LAB}/24 dev eth0",
        f"route add default via {PI_LAN}",
    )
    nanos.ip(
        "link add switch type bridge",
        *(f"link set {name} master switch up" for name in ("pi", "lab")),
        "link set switch up",
        *(f"addr add {address}/24 dev switch" for address in (MOTORS, NANO_HEAD, NANO_BODY, NANO_BELLY)),
    )
    phone.ip("link set wlan0 up", f"addr add {PHONE}/24 dev wlan0", f"route add default via {PI_WLAN}")
    internet.ip(
        "link set pi up",
        f"addr add {PPP_PEER}/32 dev pi",
        *(f"addr add {address}/32 dev lo" for address in (OPERATOR, NAME_SERVER, CLOUD)),
        f"route add {PI_PPP} dev pi src {OPERATOR}",
    )
    pi.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
    if shutil.which("nft"):
        pi.run(["nft", "-f", "-"], input=_FIREWALL)
