"""The files of a report in a folder: the signed text, its page and its print, each whole or not there."""

import contextlib
import os
from pathlib import Path

from wachhund.inspection.printing import print_report
from wachhund.inspection.report_page import write_page
from wachhund_evidence import MisuseError


def write_report(sealed: bytes, name: str, folder: Path, observations: bytes | None = None) -> list[Path]:
    """NAME-audit.json, .html and .pdf, and NAME-observations.jsonl where there are some. Raises MisuseError."""
    stem = "".join(one if one.isalnum() or one in "-_." else "-" for one in name).strip(".-")[:80] or "robot"
    texts = {"audit.json": sealed, "audit.html": write_page(sealed), "audit.pdf": print_report(sealed)}
    if observations is not None:
        texts["observations.jsonl"] = observations
    written = {folder / f"{stem}-{kind}": data for kind, data in texts.items()}
    for path, data in written.items():
        _write(path, data)
    return list(written)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; the report of another day is not overwritten half."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise MisuseError(f"report: {path}: {error.strerror}: give another place with --out") from None
