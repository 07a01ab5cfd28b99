"""A report as PDF, to be printed and filed: the same words as its page, by the writer of incidents' PDFs.

The file is no proof: it names the signed report (by SHA-256) that is.
"""

from typing import Any

from wachhund.exports.pdf import pdf
from wachhund.exports.record import MAX_LINES, Part, Record
from wachhund.inspection.report import in_one_line
from wachhund.inspection.report_page import KINDS, findings, kept_in_words, not_looked_at
from wachhund.inspection.sealed_report import open_sealed
from wachhund.judge.wording import moment, shown

_NO_PROOF = "This print is no proof: the signed report is, by `wachhund verify`."


def print_report(sealed: bytes) -> bytes:
    """The PDF of a sealed report. Raises RejectedEvidence."""
    opened = open_sealed(sealed)
    return pdf(record_of(opened.report, opened.kid, opened.digest))


def record_of(report: dict[str, Any], kid: str, digest: str) -> Record:
    """What is printed. `kid`: of the auditor's key; `digest`: SHA-256 of the signed report's file."""
    subject, watched, outcome = report["subject"], report["watched"], in_one_line(report)
    looked_at = KINDS[subject["kind"]]
    if subject["sha256"]:
        looked_at += f", SHA-256 {subject['sha256']}"
    if subject["host_key"]:
        looked_at += f", SSH host key {subject['host_key']}"
    facts = [
        ("Outcome", outcome),
        ("Model", report["model"]["title"]),
        ("Looked at", looked_at),
        ("From, to", f"{moment(report['begun_t'])} to {moment(report['ended_t'])}, by the auditor's clock"),
    ]
    facts += kept_in_words(report["kept"])
    if watched:
        told = f"for {watched['seconds']} s: {watched['observations']} observations, SHA-256 {watched['sha256']}"
        facts.append(("Watched", told))
    facts += [
        ("Challenge", "none was given" if report["challenge"] is None else report["challenge"]),
        ("Signed by", f"key {kid}: ask the auditor for it by another way"),
        ("Signed report", f"SHA-256 {digest}"),
    ]
    results = [f"{n}. {one['result'].upper()}: {one['question']}" for n, one in enumerate(report["answers"], 1)]
    missed = [f"{one} (of {numbers})" if numbers else one for one, numbers in not_looked_at(report)]
    return Record(
        shown(f"Audit of {subject['name']}", 300),
        tuple((name, shown(value, 600)) for name, value in facts),
        (
            Part("Each question", lines=_lines(results)),
            Part("What this does not prove", lines=_lines(report["not_proven"])),
            Part("What was not looked at", lines=_lines(missed)),
            *map(_finding, findings(report)),
            *(() if findings(report) else (Part("Findings", "None, in what was looked at."),)),
        ),
        shown(f"{_NO_PROOF} {report['made_by']}: audit of {subject['name']}, {moment(report['ended_t'])}.", 400),
    )  # fmt: skip


def _finding(finding: dict[str, Any]) -> Part:
    told = [*finding["proof"], *(f"To do: {step}" for step in finding["fix"]), f"Check again: {finding['recheck']}"]
    if finding["references"]:
        told.append(f"See: {', '.join(finding['references'])}")
    return Part(
        shown(f"{finding['level'].upper()}: {finding['title']}", 300), shown(finding["means"], 600), _lines(told)
    )


def _lines(told: list[str]) -> tuple[str, ...]:
    cut = tuple(shown(one, 600) for one in told[:MAX_LINES])
    return cut if len(told) <= MAX_LINES else (*cut, f"and {len(told) - MAX_LINES} more, in the signed report")
