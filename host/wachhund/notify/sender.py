"""The process that sends messages to one target, a line of JSON each on standard input, an answer each on the output.

A process of its own, for three reasons: what it may connect to is watched for its whole life (reachable.py); a service
that hangs, or takes hundreds of MiB, is ended; and a host that is killed takes it along (tied_child), so that nothing
is sent that nobody notes. The first line says what it is for; addresses stand in no argument and no environment.
"""

import contextlib
import json
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from wachhund import __version__
from wachhund.notify import address as addresses
from wachhund.notify import line_out, siem_lines, webhook
from wachhund.notify.reachable import Watch, parse_network, watch_connections, words
from wachhund.notify.webhook import NotDelivered
from wachhund_evidence import MisuseError

MAX_WORDS = 400  # of what a receiver says
Send = Callable[[Mapping[str, Any]], str]


def main(lines: TextIO, answers: TextIO) -> None:
    """Until the input ends. Never raises for what a person or a receiver did."""
    told = json.loads(lines.readline())
    whole = told["address"]

    def answer(ok: bool, text: str, **more: str) -> None:
        said = addresses.without_secrets(" ".join(text.split()), whole)[:MAX_WORDS]
        answers.write(json.dumps({"ok": ok, "words": said, **more}) + "\n")
        answers.flush()

    try:
        address = addresses.read(whole)
        shown, send = _way(address, told["signing"])
    except MisuseError as error:
        answer(False, str(error))
        return
    # Now all libraries are loaded. Whoever waits knows what it is that he sends to.
    watch = watch_connections([parse_network(one) for one in told["allowed"]])
    answer(True, "", shown=shown, kind=address.kind)
    for line in lines:
        answer(*_try(json.loads(line), send, watch))


def _way(address: addresses.Address, signing: str | None) -> tuple[str, Send]:
    """How an address is shown, and how a message goes there. Raises MisuseError."""
    if address.kind == addresses.APPRISE:
        from wachhund.notify.through_apprise import Service

        service = Service(address.whole)
        return service.shown, service.send
    if address.kind == addresses.WEBHOOK:
        return addresses.shown(address), lambda message: webhook.send(
            address, signing or "", message, time.time(), __version__
        )
    name = socket.gethostname()

    def in_lines(message: Mapping[str, Any]) -> str:
        records = siem_lines.records(message)
        if address.kind == addresses.SYSLOG:
            return line_out.send(address, [siem_lines.syslog(one, name, __version__) for one in records])
        return line_out.send(address, [siem_lines.ecs(one, __version__) for one in records])

    return addresses.shown(address), in_lines


def _try(message: Mapping[str, Any], send: Send, watch: Watch) -> tuple[bool, str]:
    watch.refused = None
    try:
        return True, send(message)
    except NotDelivered as error:
        said = str(error)
    except TimeoutError:
        said = f"no answer within {webhook.TIMEOUT_S:.0f} s"
    except OSError as error:
        said = error.strerror or str(error) or type(error).__name__
    except ValueError as error:
        said = f"cannot be sent: {error}"
    return False, said if watch.refused is None else words(watch.refused)


if __name__ == "__main__":
    # What libraries print must not be taken for an answer.
    with contextlib.redirect_stdout(sys.stderr):
        main(sys.stdin, sys.__stdout__ or sys.stdout)
