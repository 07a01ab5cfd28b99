"""What a report's recipient does: reads it from either of its files, and knows whether it is as it was signed."""

from pathlib import Path

from wachhund.inspection.report_page import sealed_in, write_page
from wachhund.inspection.sealed_report import MAX_BYTES, Opened, open_sealed
from wachhund_evidence import MisuseError, RejectedEvidence

_PAGE = b"<!doctype html>"
MAX_PAGE_BYTES = 3 * MAX_BYTES  # the report, once for people and once encoded


def is_report(head: bytes) -> bool:
    """Whether a file that begins so may be a report."""
    return head.startswith((b'{"report":', _PAGE))


def read_report(path: Path) -> Opened:
    """A report that is as it was signed. Raises MisuseError: it can't be read, is none, or was altered."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_PAGE_BYTES)
    except OSError as error:
        raise MisuseError(f"{path}: {error.strerror}: give a report (.json or .html)") from None
    try:
        return open_report(data)
    except RejectedEvidence as error:
        raise MisuseError(f"{path}: not a report as it was signed: {error}") from None


def open_report(data: bytes) -> Opened:
    """Raises RejectedEvidence. Of a page, what it shows must be what the signed report in it says, byte for byte."""
    if not data.startswith(_PAGE):
        write_page(data)  # what can't be shown is no report
        return open_sealed(data)
    sealed = sealed_in(data)
    opened = open_sealed(sealed)
    if write_page(sealed) != data:
        made_by = str(opened.report.get("made_by"))[:60]
        raise RejectedEvidence("claims", f"the page says something else than its signed report, or is of {made_by}")
    return opened
