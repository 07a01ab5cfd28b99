"""All that can happen to a robot's identity, played on a running host, and the document that shows it."""

import os
from pathlib import Path

import pytest

from tests.enrolment_transcript import BLOCK, DOCUMENT, named, play
from tests.robots.open_host import Open


@pytest.mark.exhaustive
@pytest.mark.timeout(300)
def test_the_document_shows_what_a_running_host_says_to_robots_and_thieves(tmp_path: Path) -> None:
    """Enrol, rotate, revoke, replace, retire; tokens that are wrong, old, used or leaked; a name that is taken.

    WACHHUND_TRANSCRIPT=FILE keeps what was said, as it was said.
    """
    with Open(tmp_path) as host:
        said = play(host)
    if wanted := os.environ.get("WACHHUND_TRANSCRIPT"):
        Path(wanted).write_text(said, encoding="utf-8")
    (shown,) = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert named(said).splitlines() == shown.splitlines(), "python -m tests.enrolment_transcript"
