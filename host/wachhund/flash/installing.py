"""The installer's verbs on a robot: the bundle goes there, is compared, run, and taken away again, in one command.

It lies in a folder of root's in /run, which nobody else can change and no power cut outlives. What the installer says
comes as lines of `--json`; a token goes to it only when the bundle has arrived.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from wachhund.flash import as_root, robots_words
from wachhund.flash.bundles import AgentBundle
from wachhund.flash.logging_in import Password
from wachhund.flash.outcome import BUSY, FAILED, STRANGE, FlashRefused
from wachhund.flash.robots_words import Step
from wachhund.flash.ssh_channel import Channel
from wachhund.flash.telling import Telling

_BUSY_S, _BUSY_AGAIN_S = 30.0, 3.0  # beside the time for which the other one may wait for a receipt
_NO_SPACE = 15  # as the installer says
_ALL_S = 1200.0  # beside the time for a receipt: 7 MB over a bad radio, 19 MB onto a slow card
# $1 name, $2 bytes, $3 SHA-256, then the installer's words. What an earlier one left is taken away after an hour.
_SCRIPT = r"""
set -eu
umask 077
LC_ALL=C; export LC_ALL
find /run -maxdepth 1 -name 'wachhund-flash.*' -mmin +60 -exec rm -rf {} + 2>/dev/null || :
folder=$(mktemp -d /run/wachhund-flash.XXXXXXXX)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM PIPE
file=$folder/$1
head -c "$2" > "$file"
sum=$(sha256sum < "$file")
[ "${sum%% *}" = "$3" ] || { echo 'the bundle arrived damaged, or the connection was lost' >&2; exit 1; }
shift 3
printf 'wachhund-flash: received\n'
sh "$file" "$@"
"""
_RECEIVED = b"wachhund-flash: received"


async def run(
    channel: Channel,
    password: Password,
    bundle: AgentBundle,
    words: Sequence[str],
    within_s: float,
    on_step: Callable[[Step], None],
    token: Callable[[], str] | None = None,
) -> Step:
    """Send the bundle and run it with `words` (fixed ones and numbers). Returns the installer's last line.

    `token`: made when the bundle is there, and given to the installer alone. Raises FlashRefused, also for a status
    that is not 0; and whatever `on_step` and `token` raise.
    """
    told = [bundle.name, str(len(bundle.data)), bundle.sha256, *words, "--json"]
    async with as_root.started(channel, password, _ALL_S + within_s, _SCRIPT, *told) as running:
        on_step(Step("copy", "begun", f"{bundle.name}, {len(bundle.data) / 1e6:.1f} MB", None))
        sending = asyncio.create_task(running.send(bundle.data))
        try:
            line = await running.line()
            if line != _RECEIVED:
                raise _early_end(channel, running.errors)
            await sending
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.exception()  # what the robot said about it counts more
        on_step(Step("copy", "done", f"{bundle.name}, {len(bundle.data) / 1e6:.1f} MB", None))
        if token is not None:
            await running.send(token().encode("ascii") + b"\n")
        running.end_input()
        last = None
        while (line := await running.line()) is not None:
            found = robots_words.step(line)
            if found is None:
                continue  # of no use to anybody; the last line decides
            last = found
            if found.step != "end":
                on_step(found)
    if last is None or last.status is None:
        said = robots_words.last_line(running.errors) or "no word"
        why = f"its installer ended in the middle ({said}): say the same again"
        raise FlashRefused(STRANGE, f"{channel.target.where}: {why}")
    if last.status:
        raise FlashRefused(last.status, f"{channel.target.where}: {last.text}")
    return last


async def run_in_turn(
    channel: Channel,
    password: Password,
    bundle: AgentBundle,
    words: Sequence[str],
    within_s: float,
    telling: Telling,
    on_step: Callable[[Step], None],
    token: Callable[[], str] | None = None,
) -> Step:
    """As `run`, when no other installer runs there any more; for that it waits a little longer than a receipt takes."""
    until = time.monotonic() + within_s + _BUSY_S
    while True:
        try:
            return await run(channel, password, bundle, words, within_s, on_step, token)
        except FlashRefused as error:
            if error.status != BUSY or time.monotonic() > until:
                raise
        telling.line("wait", "another installer runs there: that of a connection that was lost ends soon")
        await asyncio.sleep(_BUSY_AGAIN_S)


def _early_end(channel: Channel, errors: bytes) -> FlashRefused:
    status = _NO_SPACE if b"No space left" in errors else FAILED
    said = robots_words.last_line(errors) or "no word"
    return FlashRefused(status, f"{channel.target.where}: the bundle could not be put into /run there: {said}")
