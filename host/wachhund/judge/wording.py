"""Text that came from a robot, made fit for people; numbers and times as people read them."""

import math
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

MAX_SHOWN_CHARS = 160  # of one piece inside a sentence; the evidence holds the whole
_CODED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: str, limit: int = MAX_SHOWN_CHARS) -> str:
    r"""Control, bidirectional, invisible and unassigned characters as codes (\x1b, \u202e); long text is cut."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_code(char) if unicodedata.category(char) in _CODED else char for char in cut)


def _code(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def command_line(argv: Sequence[str]) -> str:
    """The arguments as one line, as Sigma's CommandLine has them."""
    return " ".join(argv)


def moment(t: float) -> str:
    """A time as it stands before a sentence of the story: UTC, whole seconds."""
    try:
        return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return f"at {t:g} s"


def seconds(value: float) -> str:
    """A length of time in few words."""
    if not math.isfinite(value):
        return "an unknown time"
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.0f} min"


def endpoint(address: str, port: int | None) -> str:
    """An address and its port; 0 and None: there is none."""
    if not port:
        return shown(address)
    return f"[{shown(address)}]:{port}" if ":" in address else f"{shown(address)}:{port}"
