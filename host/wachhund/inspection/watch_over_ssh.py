"""The agent on a running robot for some minutes, by SSH: it lies in memory there, and goes with the connection.

Its bundle, the one that `wachhund flash` installs, is unpacked into a tmpfs in a mount namespace of its own, which no
other program sees and which ends with its last process, however that ended. What it sees comes as lines; nothing goes
back but the end of its input, at which it stops.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from wachhund.flash import as_root, robots_words
from wachhund.flash.bundles import AgentBundle
from wachhund.flash.logging_in import Password
from wachhund.flash.outcome import FAILED, FlashRefused
from wachhund.flash.ssh_channel import Channel, Running

MAX_BYTES = 64 << 20  # of what it may say: a busy robot says some 100 KB a minute
_ARRIVE_S = 600.0  # 7 MB over a weak radio, unpacked by a slow board
_END_S = 30.0  # to say what is left
_READY = b"wachhund-audit: watching"
# $1 bytes, $2 SHA-256, $3 seconds. /mnt: where the hierarchy standard lets whoever looks after a machine mount
# something; what is mounted there for others stays there for them.
_SCRIPT = r"""
set -eu
umask 077
export LC_ALL=C
exec unshare --mount --propagation private -- sh -euc '
  mount -t tmpfs -o size=128m,mode=0700,nosuid,nodev wachhund-audit /mnt
  cd /mnt
  head -c "$1" > bundle
  sum=$(sha256sum < bundle)
  [ "${sum%% *}" = "$2" ] || { echo "the bundle arrived damaged, or the connection was lost" >&2; exit 1; }
  python=
  for one in python3 python3.11 python3.10 python3.9 python3.8 python3.7; do
    "$one" -I -c "import sys; sys.exit(sys.version_info < (3, 7))" 2>/dev/null || continue
    python=$one; break
  done
  [ -n "$python" ] || { echo "needs Python 3.7 or newer" >&2; exit 1; }
  "$python" -I -S -B -c "$4" bundle lib
  rm bundle
  echo "wachhund-audit: watching"
  exec 3<&0  # a shell gives what it starts beside itself an input of nothing
  "$python" -I -B -c "$5" observe --seconds "$3" < /dev/null 3<&- &
  agent=$!
  { cat <&3 > /dev/null; kill "$agent"; } 2> /dev/null &
  listens=$!
  set +e
  wait "$agent"
  status=$?
  kill "$listens" 2> /dev/null
  exit "$status"
' wachhund-audit "$@"
"""
# The libraries that this Python takes, as the installer chooses them.
_UNPACK = """
import os, sys, zipfile
sys.path.insert(0, sys.argv[1])
from wachhund_install.bundle import Bundle
with zipfile.ZipFile(sys.argv[1]) as archive:
    bundle = Bundle(archive, "", None)
    for wheel in bundle.wheels():
        for name, data in bundle.files(wheel):
            path = os.path.join(sys.argv[2], name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
"""
_WATCH = """
import sys
sys.path.insert(0, "/mnt/lib")
from wachhund_agent.cli import main
sys.exit(main())
"""


@dataclass(frozen=True)
class Watched:
    """What the agent said: `lines` of observations, for `seconds` by this machine's clock.

    `address`: where this machine's own connection comes from, as the robot sees it unless something translates.
    `lost`: why it was not watched to the end.
    """

    lines: tuple[bytes, ...]
    seconds: float
    address: str | None
    lost: str | None


async def watch(
    channel: Channel, password: Password, bundle: AgentBundle, wanted_s: float, tell: Callable[[str], None]
) -> Watched:
    """Watch for so long, or until an interrupt. Raises FlashRefused when nothing could be watched."""
    told = [str(len(bundle.data)), bundle.sha256, str(wanted_s), _UNPACK, _WATCH]
    within_s = _ARRIVE_S + wanted_s + _END_S
    lines: list[bytes] = []
    async with as_root.started(channel, password, within_s, _SCRIPT, *told, most=MAX_BYTES) as running:
        await _carry(channel, running, bundle)
        tell(f"watching for {wanted_s / 60:g} min; an interrupt ends it, and the report is made of what was seen")
        begun, lost = time.monotonic(), None
        with contextlib.suppress(FlashRefused):
            async with _interrupt_ends(running):
                while (line := await running.line()) is not None:
                    lines.append(line)
        watched_s = time.monotonic() - begun
        if running.status:
            lost = f"the agent ended: {robots_words.last_line(running.errors) or 'no word'}"
        elif watched_s < wanted_s - 1:
            lost = f"watched for {watched_s:.0f} of {wanted_s:.0f} s"
    if not lines:
        raise FlashRefused(FAILED, f"{channel.target.where}: {lost or 'the agent said nothing'}")
    return Watched(tuple(lines), watched_s, channel.own_address, lost)


async def _carry(channel: Channel, running: Running, bundle: AgentBundle) -> None:
    """Send the bundle. Raises FlashRefused: it did not come to run."""
    sending = asyncio.create_task(running.send(bundle.data))
    try:
        line = await running.line()
        if line != _READY:
            said = robots_words.last_line(running.errors) or "no word"
            raise FlashRefused(FAILED, f"{channel.target.where}: the agent could not be started there: {said}")
        await sending
    finally:
        sending.cancel()
        await asyncio.wait([sending])
        if not sending.cancelled():
            sending.exception()  # what the robot said about it counts more


@contextlib.asynccontextmanager
async def _interrupt_ends(running: Running) -> AsyncIterator[None]:
    """While within, an interrupt (Ctrl-C) ends the agent's input, at which it says what is left and stops."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, running.end_input)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
