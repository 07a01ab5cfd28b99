"""The report as one page that needs nothing else, and holds the signed report itself."""

import base64
import re
from typing import Any

import jinja2

from wachhund.inspection.finding import FAILED, NOT_SEEN, PASSED
from wachhund.inspection.report import in_one_line
from wachhund.inspection.sealed_report import MAX_BYTES, Opened, open_sealed
from wachhund.judge.meaning import LEVELS
from wachhund.judge.wording import moment, shown
from wachhund_evidence import RejectedEvidence

KINDS = {"image": "a card's image", "tree": "a folder of files", "ssh": "a running robot, over ssh",
         "ledger": "the evidence of an enrolled robot"}  # fmt: skip
MARKS = {PASSED: "✓", FAILED: "✗", NOT_SEEN: "?"}
_SEALED = re.compile(rb'<script type="text/plain" id="report">([A-Za-z0-9+/=]*)</script>')
_PAPER = jinja2.Environment(
    loader=jinja2.PackageLoader("wachhund.inspection"), autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=lambda value: _fit(value),
)  # fmt: skip


def _fit(value: Any) -> Any:
    """Whatever stands in a report is text for people: no control or direction mark acts on the page."""
    return shown(value, MAX_BYTES) if type(value) is str else value


def findings(report: dict[str, Any]) -> list[dict[str, Any]]:
    """All findings, the gravest first."""
    every = [finding for answer in report["answers"] for finding in answer["findings"]]
    return sorted(every, key=lambda one: -LEVELS.index(one["level"]))


def kept_in_words(kept: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Of which span and which tokens a host's report is; empty for all others."""
    if kept is None:
        return []
    runs = [
        f"chain {run['chain']}, {run['from_seq']} to {run['to_seq']}"
        + (f", the last with the hash {run['last_hash']}" if run["last_hash"] else "")
        for run in kept["runs"]
    ]
    return [
        ("Span", f"{moment(kept['from_t'])} to {moment(kept['to_t'])}, by the host's clock"),
        ("Evidence", f"{kept['tokens']} tokens: {'; '.join(runs)}"),
        ("Robot's key", ", ".join(kept["keys"]) or "none that is proven"),
    ]


def not_looked_at(report: dict[str, Any]) -> list[tuple[str, str]]:
    """What was not looked at, each once, and which questions it concerns by their numbers (empty: the whole robot).

    What a sense could not see lacks in each question that was answered by watching.
    """
    asked: dict[str, list[int]] = {one: [] for one in report["unseen"]}
    for number, answer in enumerate(report["answers"], 1):
        for one in answer["missed"]:
            asked.setdefault(one, []).append(number)
    return [(one, ", ".join(map(str, numbers))) for one, numbers in asked.items()]


def write_page(sealed: bytes) -> bytes:
    """The page of a sealed report. Raises RejectedEvidence."""
    opened = open_sealed(sealed)
    try:
        return _page(opened, sealed).encode("utf-8")
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError):
        # Anybody can sign anything with a key of their own.
        raise RejectedEvidence("claims", "signed, and not what an audit says") from None


def _page(opened: Opened, sealed: bytes) -> str:
    report = opened.report
    return _PAPER.get_template("report.html").render(
        report=report, kid=opened.kid, findings=findings(report), outcome=in_one_line(report), kinds=KINDS, marks=MARKS,
        not_looked_at=not_looked_at(report), begun=moment(report["begun_t"]), ended=moment(report["ended_t"]),
        kept=kept_in_words(report["kept"]), sealed=base64.b64encode(sealed).decode("ascii"),
    )  # fmt: skip


def sealed_in(page: bytes) -> bytes:
    """The sealed report in a page. Raises RejectedEvidence: there is none, or not just one."""
    held = _SEALED.findall(page)
    if len(held) != 1:
        raise RejectedEvidence("claims", "no page of a report: it holds no signed report")
    try:
        return base64.b64decode(held[0], validate=True)
    except ValueError:
        raise RejectedEvidence("base64", "the report in the page is cut or altered") from None
