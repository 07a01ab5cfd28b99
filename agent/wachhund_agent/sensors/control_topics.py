"""Which topics steer, program or name a robot, and of what kind a payload is. Payloads themselves go nowhere. Pure."""

import json
import math
import re
import struct
from typing import NamedTuple, Optional, Tuple

HEAD_BYTES = 4 * 1024
_WORD_BYTES = 64
_STICK = struct.Struct("<4f")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINES, _LINE_CHARS = 64, 256  # looked at: a payload may be made to keep a matcher busy
_CALL = re.compile(r"(?:print|[A-Za-z_]\w*(?:\.\w+)+)\(")
_BLOCKS = frozenset({"async", "class", "def", "for", "if", "try:", "while", "with"})
_COMMANDS = frozenset((
    "apt", "apt-get", "bash", "cat", "cd", "chmod", "chown", "cp", "crontab", "curl", "dpkg", "echo", "export",
    "ifconfig", "ip", "iptables", "kill", "killall", "ls", "mkdir", "mount", "mv", "nc", "nohup", "passwd", "pip",
    "pip3", "pkill", "poweroff", "ps", "python", "python3", "reboot", "rm", "scp", "service", "sh", "shutdown",
    "ssh", "sudo", "systemctl", "tar", "touch", "useradd", "wget",
))  # fmt: skip
_SHELL_SIGNS = ("&&", "||", "$(", "`", " | ", "; ", " > ", " >> ", "2>")


class Topic(NamedTuple):
    """An MQTT topic filter. `surface`: mqtt or update. `meaning`: control, code, state or identity.

    `words`: payloads that are no secret and may be told, such as a gait's name.
    """

    filter: str
    surface: str
    meaning: str
    words: Tuple[str, ...] = ()


def has_wildcard(wanted: str) -> bool:
    return "+" in wanted or "#" in wanted


def matches(wanted: str, topic: str) -> bool:
    """Does a topic fall under a filter? MQTT 3.1.1, 4.7."""
    levels, parts = wanted.split("/"), topic.split("/")
    if topic.startswith("$") and levels[0] in ("+", "#"):
        return False
    for number, level in enumerate(levels):
        if level == "#":
            return True
        if number >= len(parts) or level not in ("+", parts[number]):
            return False
    return len(levels) == len(parts)


def word_of(topic: Topic, head: bytes, size: int) -> Optional[str]:
    """The listed word that a payload is, plain or as a JSON text; None for every other payload."""
    if not topic.words or size > _WORD_BYTES or len(head) != size:
        return None
    said = head.decode("utf-8", "replace").strip().strip('"')
    return said if said in topic.words else None


def kind_of(head: bytes, size: int) -> str:
    """Of what kind a payload is by its first bytes: empty, json, python, shell, float32x4, text or binary."""
    if size <= 0:
        return "empty"
    head = head[:HEAD_BYTES]
    cut = size > len(head)
    readable = _readable(head, cut)
    if readable is None:
        return "float32x4" if size == _STICK.size and not cut and _four_numbers(head) else "binary"
    if _is_json(readable, cut):
        return "json"
    lines = [line[:_LINE_CHARS].strip() for line in readable.split("\n", _LINES)[:_LINES]]
    if any(map(_is_python, lines)):
        return "python"
    return "shell" if any(map(_is_shell, lines)) else "text"


def _is_python(line: str) -> bool:
    words = line.split()
    if not words:
        return False
    if words[0] == "import" or (words[0] == "from" and "import" in words):
        return len(words) > 1
    if line.startswith("#!"):
        return "python" in line
    return (words[0] in _BLOCKS and line.endswith(":")) or (line.endswith(")") and _CALL.match(line) is not None)


def _is_shell(line: str) -> bool:
    words = line.split()
    if not words:
        return False
    path = words[0].startswith(("/", "./", "~/")) and len(words[0]) > 2
    return path or words[0] in _COMMANDS or line.startswith("#!") or any(sign in line for sign in _SHELL_SIGNS)


def _readable(head: bytes, cut: bool) -> Optional[str]:
    try:
        said = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if not cut or error.start < len(head) - 3:
            return None
        said = head[: error.start].decode("utf-8")
    return None if _UNPRINTABLE.search(said) else said


def _four_numbers(head: bytes) -> bool:
    """A stick sends four values about -1 to 1; other 16 bytes seldom are four small finite numbers."""
    return all(math.isfinite(value) and (value == 0 or 1e-9 < abs(value) < 1e6) for value in _STICK.unpack(head))


def _is_json(said: str, cut: bool) -> bool:
    start = said.lstrip()[:1]
    if start not in ("{", "["):
        return False
    if cut:
        return True
    try:
        json.loads(said)
    except (ValueError, RecursionError):
        return False
    return True
