"""Checking an audit's report for its recipient, in the words of a bundle's check."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wachhund.audit.proven import FRESHNESS, IDENTITY, NOT_CHECKED, NOT_PROVEN, PROVEN, SIGNATURES, Word
from wachhund.inspection.recipient import MAX_PAGE_BYTES, open_report
from wachhund.judge.wording import shown
from wachhund_evidence import RejectedEvidence

OBSERVATIONS = "observations"


@dataclass(frozen=True)
class Checked:
    """What was found of a file. `report`: None when it is not as it was signed. Words as of a bundle's check."""

    report: dict[str, Any] | None
    kid: str | None
    digest: str
    words: Mapping[str, Word]

    @property
    def is_proven(self) -> bool:
        """Whether nothing that was checked failed."""
        return all(word.state != NOT_PROVEN for word in self.words.values())


def check_report(path: Path, pinned: Collection[str], observations: Path | None = None) -> Checked:
    """Check a file for its recipient. `pinned`: thumbprints of the keys that are believed; none: the one in it.

    `observations`: the file of them that came with the report. Raises OSError: it can't be read.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_PAGE_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    try:
        opened = open_report(data)
    except RejectedEvidence as error:
        return Checked(None, None, digest, {SIGNATURES: Word(NOT_PROVEN, f"not as it was signed: {error}")})
    is_believed = opened.kid in pinned
    identity = Word(NOT_CHECKED, "the auditor's key came with it: ask for it by another way, and give it with --key")
    if pinned:
        why = "signed by a key that you named" if is_believed else "signed by a key that you did not name"
        identity = Word(PROVEN if is_believed else NOT_PROVEN, why)
    challenge = opened.report["challenge"]
    fresh = "no challenge was given: its times are by the auditor's clock"
    if challenge is not None:
        fresh = f"made after the challenge {shown(challenge, 200)!r} was known: compare it with yours"
    words = {
        SIGNATURES: Word(PROVEN, "every byte is as it was signed"),
        IDENTITY: identity,
        FRESHNESS: Word(NOT_CHECKED, fresh),
    }
    watched = opened.report["watched"]
    if watched is not None or observations is not None:
        words[OBSERVATIONS] = _made_from(watched, observations)
    return Checked(opened.report, opened.kid, digest, words)


def _made_from(watched: Mapping[str, Any] | None, path: Path | None) -> Word:
    """Whether a file holds the observations that the report is of. Raises OSError."""
    if path is None:
        return Word(NOT_CHECKED, "the file of observations was not given: give it with --observations")
    if watched is None:
        return Word(NOT_PROVEN, "the report is of files only, and of no observations")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != watched["sha256"]:
        return Word(NOT_PROVEN, "the file is not the one that the report is of")
    return Word(PROVEN, "the file is the one that the report is of, byte for byte")
