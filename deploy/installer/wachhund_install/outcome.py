"""How the installer says what it does: lines for people, or one JSON object a line; and its exit statuses, for good.

Who drives it (`wachhund flash ssh`) reads `step` and `state`, and the last line's `status`.
"""

import json
import sys
from typing import Any, Dict, TextIO

# Exit statuses. The head of the bundle, which is a shell text, uses BUNDLE, ARCHITECTURE and PYTHON too.
OK, FAILED, USAGE = 0, 1, 2
BUNDLE = 10  # damaged, or its signature does not fit
ARCHITECTURE = 11  # of another machine
PYTHON = 12  # none that the bundle has libraries for
NOT_ROOT = 13
NO_SYSTEMD = 14
NO_SPACE = 15
READ_ONLY = 16
OTHER_VERSION = 17  # another one is installed: update, or name it as older
NOT_INSTALLED = 18
BUSY = 19  # another installer runs
NOT_ENROLLED = 20  # the host did not let this robot in; nothing is left
NOT_VERIFIED = 21  # it runs, and no receipt of a host came in time
ROLLED_BACK = 22  # the same after an update: the version before runs again
TUNNEL_STAYS = 23  # the vendor's tunnel can't be ended, or is started again by something unknown; it is as it was
FILE_CHANGED = 24  # a vendor's file was changed since it was backed up
BACKUP_DAMAGED = 25  # of a vendor's file


class Refused(Exception):
    """Why it does not go on: one line, what, where, what to do; and the exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Telling:
    """`as_json`: one object a line on standard output. Otherwise steps there and refusals on standard error."""

    def __init__(self, as_json: bool, out: TextIO = sys.stdout, errors: TextIO = sys.stderr) -> None:
        self._as_json, self._out, self._errors = as_json, out, errors

    def step(self, step: str, state: str, text: str) -> None:
        """`state`: begun, done, already, undone or note."""
        if self._as_json:
            self._object({"step": step, "state": state, "text": text})
        elif state != "begun":
            print("{:<9} {}{}".format(step, text, {"already": " (already)", "undone": " (undone)"}.get(state, "")),
                  file=self._out, flush=True)  # fmt: skip

    def end(self, status: int, text: str) -> int:
        """The last line. Returns the status."""
        if self._as_json:
            self._object({"step": "end", "state": "failed" if status else "done", "status": status, "text": text})
        elif status:
            print("wachhund: {}".format(text), file=self._errors, flush=True)
        else:
            print(text, file=self._out, flush=True)
        return status

    def _object(self, found: Dict[str, Any]) -> None:
        print(json.dumps(found, sort_keys=True), file=self._out, flush=True)
