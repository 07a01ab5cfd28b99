"""The host's log as people read it in a terminal: one line an event, no traceback, nothing that moves the cursor."""

import logging
import sys


class _OneLine(logging.Formatter):
    """A record as `wachhund: text`; of an exception only its kind, its words and its place."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"wachhund: {record.getMessage()}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            at = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "nowhere"
            line += f" ({type(error).__name__}: {error}, at {at})"
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Write what the host has to say to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
