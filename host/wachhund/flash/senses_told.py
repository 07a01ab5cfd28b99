"""What the agent can see on the robot and what it can't: its own `doctor`, run there once, in lines for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from wachhund.flash import as_root
from wachhund.flash.logging_in import Password
from wachhund.flash.outcome import FAILED, FlashRefused
from wachhund.flash.ssh_channel import Channel
from wachhund.judge.wording import shown
from wachhund_evidence import RejectedEvidence, strict_json

_DOCTOR_S = 120.0  # each sense is woken once; a Raspberry Pi takes some seconds
_MAX_SENSES, _MAX_WAYS = 40, 20
_TEXT_CHARS = 300
# With the Python that the unit names, which the installer chose.
_SCRIPT = r"""
unit=/opt/wachhund/current/wachhund-agent.service
python=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$unit")
exec "$python" -I -S -B /opt/wachhund/current/agent.py doctor --json
"""
_WORDS = {"event": "hears each event", "poll": "looks now and then", "blind": "sees nothing"}


async def senses(channel: Channel, password: Password) -> list[str]:
    """A line each sense, what would help under it, and what can't be seen from there. Raises FlashRefused."""
    async with as_root.started(channel, password, _DOCTOR_S, _SCRIPT) as running:
        running.end_input()
        said = b"\n".join(await running.rest())
    try:
        return list(lines(strict_json.parse_object(said)))
    except RejectedEvidence:
        why = f"{channel.target.where}: the agent's doctor there said nothing that can be read"
        raise FlashRefused(FAILED, why) from None


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Of a doctor's report; whatever has another form is left out."""
    senses = found.get("sensors")
    for name, sense in list(senses.items())[:_MAX_SENSES] if isinstance(senses, dict) else ():
        if not isinstance(sense, dict):
            continue
        state = _WORDS.get(str(sense.get("state")), "says nothing")
        why = _text(sense.get("why"))
        yield f"{shown(name, 20):<14} {state}" + (f": {why}" if why else "")
        tips = sense.get("advice")
        for tip in tips[:_MAX_WAYS] if isinstance(tips, list) else ():
            yield f"{'':<14} > {_text(tip)}"
    ways = found.get("unseen")
    for way in ways[:_MAX_WAYS] if isinstance(ways, list) else ():
        yield f"not seen from this board: {_text(way)}"


def _text(value: object) -> str:
    return shown(value, _TEXT_CHARS) if isinstance(value, str) else ""
