"""What is asked of systemd about one unit. Where nothing runs (an image), nothing is asked."""

import subprocess
from typing import Callable, Dict, List, Optional, Sequence

from wachhund_install.outcome import FAILED, Refused
from wachhund_install.places import UNIT

LEAST_VERSION = 239  # StateDirectory of a DynamicUser, @system-service; Debian 10 has 241
_TIMEOUT_S = 180.0  # a start waits for READY=1, which a slow card delays


class Services:
    """`unit`: of which is spoken. `run`: systemctl with these words; returns status and what it printed."""

    def __init__(
        self,
        is_running_system: bool,
        on_change: Callable[[str], None] = lambda what: None,
        run: "Optional[Callable[[Sequence[str]], subprocess.CompletedProcess[str]]]" = None,
        unit: str = UNIT,
    ) -> None:
        self._is_running_system, self._on_change = is_running_system, on_change
        self._run, self._unit = run or _systemctl, unit

    def version(self) -> int:
        """0 where there is no systemd."""
        try:
            words = self._run(["--version"]).stdout.split()
        except OSError:
            return 0
        return int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0

    def reload(self) -> None:
        """Let systemd read its units anew."""
        self._change(["daemon-reload"])

    def restart(self) -> None:
        self._change(["reset-failed", self._unit], may_fail=True)
        self._change(["restart", self._unit])

    def start(self) -> None:
        """One that runs goes on."""
        self._change(["start", self._unit])

    def stop(self) -> None:
        self._change(["stop", self._unit], may_fail=True)

    def forget(self) -> None:
        """What systemd remembers of a unit that is gone."""
        self._change(["reset-failed", self._unit], may_fail=True)

    def state(self) -> Dict[str, str]:
        """ActiveState, SubState and the like; empty where nothing runs."""
        if not self._is_running_system:
            return {}
        return self._show("ActiveState,SubState,Result,NRestarts,StatusText,LoadState")

    def started_by(self) -> List[str]:
        """The units that make systemd start it: targets, timers and the like."""
        if not self._is_running_system:
            return []
        return sorted(set(" ".join(self._show("WantedBy,RequiredBy,TriggeredBy").values()).split()))

    def _show(self, properties: str) -> Dict[str, str]:
        done = self._run(["show", self._unit, "--property=" + properties])
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    def _change(self, words: Sequence[str], may_fail: bool = False) -> None:
        if not self._is_running_system:
            return
        self._on_change("systemctl " + " ".join(words))
        done = self._run(words)
        if done.returncode and not may_fail:
            said = (done.stderr or done.stdout).strip().splitlines()
            why = said[0] if said else "exit status {}".format(done.returncode)
            text = "systemctl {}: {}: look at `journalctl -u {}`"
            raise Refused(FAILED, text.format(" ".join(words), why, self._unit))


def _systemctl(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["systemctl", "--no-ask-password", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise Refused(FAILED, "systemctl {}: no answer within {:g} s".format(" ".join(words), _TIMEOUT_S)) from None
