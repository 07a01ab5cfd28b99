"""Which surface a listening service is, and which programs are proxies that pass somebody else's request on."""

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """A listening service. `control`: whoever reaches it steers the robot or looks through it.

    `surface` is a word of detection.md's fixed list. `guessed`: neither port nor program is one we know; then the
    surface is "web", the list's widest word for a program's own port, and `name` is the program's (docs/decisions).
    """

    surface: str
    name: str
    control: bool
    guessed: bool = False


# ATT&CK of whoever uses a surface without being allowed to.
TECHNIQUES = {
    "ssh": "T1021.004",
    "desktop": "T1021.005",
    "mqtt": "T1071.005",
    "camera": "T1125",
    "microphone": "T1123",
}

_SSH = Service("ssh", "ssh", True)
_MQTT = Service("mqtt", "mqtt", True)
_WEB = Service("web", "web", True)
_DESKTOP = Service("desktop", "desktop", True)

# go1.md, "Control surfaces", and the ports that IANA gives the rest of the list.
_BY_PORT = {
    22: _SSH,
    23: Service("shell", "telnet", True),
    80: _WEB,
    443: _WEB,
    1883: _MQTT,
    3389: _DESKTOP,
    8080: _WEB,
    8765: Service("microphone", "audio", True),
    8883: _MQTT,
    9800: Service("web", "upload", True),
    9801: _MQTT,  # mosquitto's websockets, behind nginx at /mqtt
    11311: Service("ros", "ros", True),
    **dict.fromkeys(range(5900, 5911), _DESKTOP),
}

# go1.md, "Control surfaces"; over UDP every other port is somebody's look-up or answer, and nobody's session.
_BY_DATAGRAM_PORT = {
    8007: Service("udp", "udp low-level commands", True),
    8082: Service("udp", "udp high-level commands", True),
    7667: Service("udp", "udp LCM bus", True),
}

# The program says more than the port: sshd on 2222 is ssh. Base names serve here because a wrong word only mislabels.
_BY_PROGRAM = {
    "sshd": _SSH,
    "sshd-session": _SSH,
    "dropbear": _SSH,
    "mosquitto": _MQTT,
    "nginx": _WEB,
    "rosmaster": _BY_PORT[11311],
    "x11vnc": _DESKTOP,
    "Xvnc": _DESKTOP,
    "Xtigervnc": _DESKTOP,
    "Xtightvnc": _DESKTOP,
    "x0tigervncserver": _DESKTOP,
    "vncserver-x11": _DESKTOP,
    "xrdp": _DESKTOP,
    "in.telnetd": _BY_PORT[23],
}

# Names answered over TCP serve nobody's control; a session on them would be noise. By their full paths: a port is
# anybody's to choose.
_PLUMBING = frozenset({53, 67})
_PLUMBERS = frozenset(
    folder + name for folder in ("/usr/sbin/", "/usr/bin/") for name in ("dnsmasq", "named", "unbound")
) | {"/lib/systemd/systemd-resolved", "/usr/lib/systemd/systemd-resolved"}

# Full paths: a program elsewhere that calls itself nginx is not excused.
_PROXIES = frozenset(
    folder + name
    for folder in ("/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/")
    for name in ("nginx", "mosquitto", "sshd", "dnsmasq")
) | {"/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session"}

# A program that calls itself sshd would be taken for what a visitor's programs start under. What listens for ssh
# elsewhere is one by that, not by its path (`logins`).
_SSH_SERVERS = frozenset(
    folder + name
    for folder in ("/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/", "/sbin/", "/bin/")
    for name in ("sshd", "dropbear")
) | frozenset(
    folder + name
    for folder in ("/usr/lib/openssh/", "/usr/libexec/openssh/", "/usr/lib/ssh/", "/usr/libexec/")
    for name in ("sshd-session", "sshd-auth")
)


def program_name(exe: str) -> str:
    """The last part of a path, without the kernel's mark on a file that is gone."""
    return posixpath.basename(exe.removesuffix(" (deleted)")) or exe


def datagram_service_at(port: int) -> Service | None:
    """The control surface at a UDP port; None when it is none."""
    return _BY_DATAGRAM_PORT.get(port)


def service_at(port: int, exe: str | None) -> Service:
    """The service that listens on a port; `exe` is the listener's program, None when not known."""
    name = program_name(exe) if exe else None
    if name in _BY_PROGRAM:
        return _BY_PROGRAM[name]
    known = _BY_PORT.get(port)
    if known is not None:
        return known
    return Service("web", name or f"port {port}", False, guessed=True)


def is_known_port(port: int) -> bool:
    """Whether a control surface is commonly at a port."""
    return port in _BY_PORT


def is_plumbing(port: int, exe: str | None) -> bool:
    """Whether a port serves only name or address look-ups; `exe` is the listener's program, None when not known."""
    return port in _PLUMBING and (exe is None or exe in _PLUMBERS)


def is_proxy(exe: str | None) -> bool:
    """Whether a program is a known proxy, by its full path (detection.md, tracing rule)."""
    return exe in _PROXIES


def is_desktop(exe: str | None) -> bool:
    """Whether a program shares a desktop."""
    return exe is not None and _BY_PROGRAM.get(program_name(exe)) is _DESKTOP


def is_ssh_server(exe: str | None) -> bool:
    """Whether a program is, by its full path, a part of an ssh server: what it starts first is not yet the visitor's
    doing. After an upgrade the running one's file is gone.
    """
    return exe is not None and exe.removesuffix(" (deleted)") in _SSH_SERVERS
