"""A running robot by SSH: it reads its files as root and sends them, and is watched; nothing is written there.

Only what the questions of an audit look at is sent, and no file that is larger than they read. A robot that is lost in
the middle leaves what came before: what did not come is told as not seen.
"""

import base64
import binascii
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from wachhund.flash import as_root, bundles, first_contact
from wachhund.flash.asking import Asking
from wachhund.flash.known_robots import fingerprint
from wachhund.flash.logging_in import Password, Way, connected, meet
from wachhund.flash.outcome import LOST, STRANGE, FlashRefused
from wachhund.flash.ssh_channel import Channel
from wachhund.flash.target import Target
from wachhund.inspection.known_robot import MODELS, load
from wachhund.inspection.remote_login import KEY_FILES, MAX_HOMES
from wachhund.inspection.watch_over_ssh import Watched, watch
from wachhund.judge.wording import shown
from wachhund.robot_tree.archive import MAX_KEPT_BYTES, Archive
from wachhund.robot_tree.files import MAX_FILE_BYTES
from wachhund_evidence import MisuseError

_ASK_S = 30.0
_WITHIN_S = 900.0  # 100 MB over a weak radio
_MOST = MAX_KEPT_BYTES * 3 // 2  # bytes on the way: base64, and tar's own
_END = b"end"
_CANNOT = re.compile(r"tar: \.?(/[^\n]*): (Cannot [^\n]{1,100})")
# The words: the robot's root, marks of models, places. What is not there is left out. The marks go first, so that a
# robot that is lost in the middle is still known for what it is. base64, since lines are what is read. Whose keys open
# the robot stands in every user's home; pi's comes whole with the places.
_SEND = rf"""
export LC_ALL=C
cd -- "$1" || exit 1
marks=$2
shift 2
for place; do
  shift
  if [ -e ".$place" ] || [ -L ".$place" ]; then set -- "$@" ".$place"; fi
done
{{
  for mark in $marks; do [ ! -e ".$mark" ] || printf '%s\0' ".$mark"; done
  [ $# -eq 0 ] || nice -n 19 find "$@" -xdev ! '(' -type f -size +{MAX_FILE_BYTES}c ')' -print0
  {{ echo /root; cut -d: -f6 etc/passwd; }} 2>/dev/null | sort -u | head -n {MAX_HOMES} | while IFS= read -r home; do
    case $home/ in /home/pi/*|//*|[!/]*) continue ;; esac
    for name in {" ".join(KEY_FILES)}; do [ ! -f ".$home/$name" ] || printf '%s\0' ".$home/$name"; done
  done
}} | nice -n 19 tar --create --null --no-recursion --files-from=- --file=- --ignore-failed-read |
  nice -n 19 base64 -w 32768
echo {_END.decode()}
"""


@dataclass(frozen=True)
class Fetched:
    """What a robot sent. `host_key`: the fingerprint of its SSH host key. `lost`: why not all of it came.

    `watched`: what was seen afterwards; a text: why nothing was; None: it was not asked for.
    """

    archive: Archive
    host_key: str
    lost: str | None
    watched: Watched | str | None


async def fetch(
    target: Target, wanted_key: str | None, asking: Asking, way: Way, places: Sequence[str],
    tell: Callable[[str], None], root: str = "/", watch_s: float = 0.0,
) -> Fetched:  # fmt: skip
    """What stands at `places` below the robot's `root`, and what happens for `watch_s` seconds after that.

    Raises FlashRefused before the first byte, CannotLook.
    """
    pinned = await meet(target)
    first_contact.check(target, pinned, wanted_key)
    if wanted_key is None:
        await first_contact.confirm(target, pinned, asking, tell)
    with tempfile.TemporaryFile() as file:
        async with connected(target, pinned, way) as channel:
            lost, unread = await _take(channel, way.password, places, root, file)
            watched = lost if lost or not watch_s else await _watched(channel, way.password, watch_s, tell)
        file.seek(0)
        return Fetched(Archive(file, unread, lost), fingerprint(pinned), lost, watched)


async def _watched(
    channel: Channel, password: Password, watch_s: float, tell: Callable[[str], None]
) -> Watched | str:  # fmt: skip
    """What was seen, or why nothing was: the files have come, and are worth a report without it."""
    try:
        machine = b"".join(await channel.run("uname -m", _ASK_S)).decode("ascii", "replace").strip()
        return await watch(channel, password, bundles.find(machine), watch_s, tell)
    except (FlashRefused, MisuseError) as error:
        return str(error)


async def _take(
    channel: Channel, password: Password, places: Sequence[str], root: str, file: IO[bytes]
) -> tuple[str | None, dict[str, str]]:
    """Why not all came, if so, and what the robot could not read itself."""
    marks = " ".join(path for name in MODELS for path in load(name).detect)
    words = (root, marks, *_outermost(places))
    async with as_root.started(channel, password, _WITHIN_S, _SEND, *words, most=_MOST) as running:
        running.end_input()
        lost = None
        try:
            while (line := await running.line()) != _END:
                if line is None:
                    raise FlashRefused(LOST, f"{channel.target.where}: ended before all was sent")
                file.write(base64.b64decode(line, validate=True))
            while await running.line() is not None:
                pass  # what it could not read is told on standard error, which is whole only at its end
        except binascii.Error:
            raise FlashRefused(STRANGE, f"{channel.target.where}: sent what is no archive") from None
        except FlashRefused as error:
            if error.status != LOST or file.tell() == 0:
                raise
            lost = "the robot was lost before this came"
        found = _CANNOT.findall(running.errors.decode("utf-8", "replace"))
    return lost, {path: shown(why, 100) for path, why in found}


def _outermost(places: Sequence[str]) -> list[str]:
    """Without those that lie in another one: what is in them comes with that."""
    return [one for one in places if not any(one.startswith(other + "/") for other in places)]
