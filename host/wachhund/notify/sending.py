"""The host's side of the process that sends (sender.py): starts it, hands it one message after the other, ends it."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from wachhund import tied_child
from wachhund.ledger.notify_records import Target
from wachhund.notify.sealing import Secrets
from wachhund_evidence import WachhundError

START_S = 60.0  # Apprise loads 130 services; on a small machine that takes seconds
SEND_S = 60.0  # for one message; a webhook has 15 s of its own
_END_S = 5.0
# Of our environment, what a library needs to find certificates and speak a language. No proxies: what is connected to
# is watched, and a proxy would connect to anything.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "TZ")


class SenderFailed(WachhundError):
    """The sending process did not answer as it must."""


@dataclass(frozen=True)
class Answer:
    """What became of a try, in the receiver's words, without secrets."""

    ok: bool
    words: str
    shown: str = ""
    kind: str = ""


class Sender:
    """A running process for one target. Used, and ended, by the thread that made it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="notify-answers", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream: IO[str] | None = self._process.stdout
        for line in stream or ():
            self._answers.put(line)
        self._answers.put("")

    def ask(self, told: Mapping[str, Any], seconds: float) -> Answer:
        """Hand it a line and wait for the answer. Raises SenderFailed; it is of no more use then."""
        stream = self._process.stdin
        try:
            if stream is not None:
                stream.write(json.dumps(told) + "\n")
                stream.flush()
            line = self._answers.get(timeout=seconds)
            found = json.loads(line) if line else None
        except (OSError, ValueError):
            found = None
        except queue.Empty:
            raise SenderFailed(f"no end of it within {seconds:.0f} s: ended") from None
        if not isinstance(found, dict):
            raise SenderFailed(f"the sending process ended (status {self._process.poll()})")
        return Answer(bool(found["ok"]), str(found["words"]), found.get("shown", ""), found.get("kind", ""))

    def end(self) -> None:
        """It ends by itself when nothing more can come."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_S)
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def sender(held: Secrets, allowed: tuple[str, ...]) -> Iterator[tuple[Sender, Answer]]:
    """A process for an address, and what it makes of that: not ok when nothing can ever be sent there.

    Raises SenderFailed. The kernel ends the process with this thread (tied_child).
    """
    command = [
        sys.executable, "-I", "-S", tied_child.__file__, str(os.getpid()), sys.executable, "-I", "-m",
        "wachhund.notify.sender",
    ]  # fmt: skip
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 - no shell; every word is ours
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        encoding="utf-8", errors="backslashreplace", env=environment, start_new_session=True,
    )  # fmt: skip
    made = Sender(process)
    try:
        told = {"address": held.address, "signing": held.signing, "allowed": list(allowed)}
        yield made, made.ask(told, START_S)
    except SenderFailed:
        process.kill()
        raise
    finally:
        made.end()


def check(held: Secrets, target: Target) -> Answer:
    """Whether an address can be used at all. Nothing is sent. Raises SenderFailed."""
    with sender(held, target.allowed) as (_, answer):
        return answer


def send_one(held: Secrets, target: Target, message: Mapping[str, Any]) -> Answer:
    """One message, now. Raises nothing of its own: what went wrong is the answer."""
    try:
        with sender(held, target.allowed) as (running, begun):
            return running.ask(message, SEND_S) if begun.ok else begun
    except SenderFailed as error:
        return Answer(False, str(error))
