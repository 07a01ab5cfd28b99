"""One message by Apprise, and what it says when it could not be sent.

Apprise answers yes or no; why stands in its log, partly on the debug level. So that log is listened to while it sends.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

import apprise

from wachhund.notify.webhook import NotDelivered
from wachhund_evidence import MisuseError

_HEADER = "X-Wachhund-Message"
_MAX_WORDS = 600
_NOT_A_REASON = re.compile(
    r"^(Loaded|Could not load|Email |SMTP Host|Login ID|.* (POST|GET) URL|.*Payload|Securing|Connecting|Applying)"
)
_TYPES = {
    "critical": apprise.NotifyType.FAILURE, "high": apprise.NotifyType.FAILURE, "medium": apprise.NotifyType.WARNING,
    "low": apprise.NotifyType.INFO, "informational": apprise.NotifyType.INFO,
}  # fmt: skip


class _Said(logging.Handler):
    """What Apprise logs: reasons, not what it is about to do."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, if it is a reason."""
        line = " ".join(record.getMessage().split())
        if (record.levelno >= logging.WARNING or "xception" in line or "esponse" in line) and not (
            _NOT_A_REASON.match(line)
        ):
            self.lines.append(line)


class Service:
    """A service of Apprise at an address."""

    def __init__(self, address: str) -> None:
        """Raises MisuseError when Apprise cannot read the address."""
        self._said = _Said()
        log = logging.getLogger("apprise")
        log.propagate = False
        log.setLevel(logging.DEBUG)
        log.handlers = [self._said]
        asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, app_id="Wachhund")
        asset.app_desc, asset.app_url = "Wachhund", ""
        asset.http_redirects = False
        made = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
        if made is None:
            scheme, said = address.partition(":")[0], "; ".join(self._said.lines) or "it knows no such way"
            raise MisuseError(f"address: {scheme}://: Apprise can't read it: {said}")
        # Redirects and tries are ours to decide, whatever the address says.
        made.redirects, made.retry = False, 0
        self._service = made

    @property
    def shown(self) -> str:
        """What people may read of it: the service, and of e-mail to whom."""
        name = str(self._service.service_name)
        to = [pair[1] for pair in getattr(self._service, "targets", []) or [] if isinstance(pair, tuple)]
        is_mail = str(self._service.secure_protocol or "").startswith("mailto") or "mailtos" in str(
            self._service.secure_protocol
        )
        return f"{name} to {', '.join(to)}" if is_mail and to else name

    def send(self, message: Mapping[str, Any]) -> str:
        """Raises NotDelivered with Apprise's words."""
        del self._said.lines[:]
        headers = getattr(self._service, "headers", None)
        if isinstance(headers, dict):
            headers[_HEADER] = message["id"]
        try:
            taken = self._service.notify(
                body=message["text"], title=message["title"], notify_type=_TYPES[message["level"]],
                body_format=apprise.NotifyFormat.TEXT,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001  130 services: what one of them raises is its answer
            raise NotDelivered(f"{type(error).__name__}: {error}") from None
        if not taken:
            raise NotDelivered("; ".join(dict.fromkeys(self._said.lines))[:_MAX_WORDS] or "Apprise gives no reason")
        return "the service took it"
