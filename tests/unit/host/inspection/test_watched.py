"""What an agent told while a robot was watched becomes answers, judged as on a fleet: by what robots really told."""

from tests.robots.attacks import recordings
from wachhund.inspection.finding import FAILED, NOT_SEEN, PASSED, Answer
from wachhund.inspection.watch_over_ssh import Watched
from wachhund.inspection.watched import answers_of, not_watched
from wachhund_evidence import Observation, observation_to_line

SEES_ALL = observation_to_line(Observation("coverage", 1.0, 1.0, "agent", {"sensors": {"tcp": {"state": "event"}}}))


def watched(scene: str, address: str | None = None, lost: str | None = None) -> dict[str, Answer]:
    _, lines = recordings.read(scene)
    seen = answers_of(Watched(tuple(lines.splitlines()), 60.0, address, lost))
    assert seen.unread == 0 and seen.observations == len(lines.splitlines()) and seen.text == lines
    return {one.name: one for one in seen.answers}


def listeners(*told: tuple[str, str, str | None, str]) -> Answer:
    """`told`: open or close, address, program, scope."""
    lines = [SEES_ALL.encode()] + [
        observation_to_line(Observation(f"listen.{act}", float(n), float(n), "tcp/tracefs", {
            "proto": "tcp", "local": [address, 8080], "scope": scope, "puid": None, "pid": None, "exe": exe,
            "user": None,
        })).encode() for n, (act, address, exe, scope) in enumerate(told, 2)
    ]  # fmt: skip
    seen = answers_of(Watched(tuple(lines), 60.0, None, None))
    return {one.name: one for one in seen.answers}["watched-listeners"]


def test_a_login_through_a_tunnel_is_a_finding_with_its_story() -> None:
    answers = watched("frp-login")
    happened = answers["watched-incidents"]
    assert happened.result == FAILED
    (finding,) = happened.findings
    assert finding.level == "critical" and finding.title == "Remote control not allowed: ssh as pi through frp"
    assert finding.fix and "T1572" in finding.references and len(finding.proof) > 2
    (sessions,) = answers["watched-sessions"].findings
    assert any("frpc" in line and line.endswith("(ended)") for line in sessions.proof), sessions.proof
    assert sessions.level == "informational" and answers["watched-sessions"].result != FAILED


def test_who_works_on_the_robot_from_the_lab_is_listed_and_no_finding() -> None:
    """The auditor's own connection among them is named as such."""
    answers = watched("developer-ssh")
    assert answers["watched-incidents"].findings == ()
    (sessions,) = answers["watched-sessions"].findings
    address = sessions.proof[0].partition("ssh: ")[2].partition(" > ")[0]
    (sessions,) = watched("developer-ssh", address)["watched-sessions"].findings
    assert "this audit comes from there" in sessions.proof[0]


def test_ports_are_those_that_are_open_at_the_end_to_others() -> None:
    opened, closed = ("open", "0.0.0.0", "/usr/bin/a", "any"), ("close", "0.0.0.0", "/usr/bin/a", "any")
    (finding,) = listeners(opened).findings
    assert finding.proof == ("tcp 0.0.0.0:8080, /usr/bin/a",)
    assert listeners(opened, closed).findings == () and listeners(opened, closed).result == PASSED
    assert listeners(("open", "127.0.0.1", "/usr/bin/a", "loopback")).findings == ()
    (finding,) = listeners(("open", "::", None, "any")).findings
    assert finding.proof == ("tcp [::]:8080, nobody that could be seen",)


def test_what_was_not_seen_is_told_and_no_question_passes_then() -> None:
    """Cut off in the middle; a blind sense; lines that are none; nothing at all."""
    cut = watched("stock", lost="watched for 7 of 900 s")
    assert all(one.result != PASSED and "watched for 7 of 900 s" in one.missed for one in cut.values())
    silent = answers_of(Watched((b"<script>", b'{"kind":"listen.open"}'), 60.0, None, None))
    assert silent.observations == 0 and silent.unread == 2 and silent.text == b""
    for answer in silent.answers:
        assert answer.result == NOT_SEEN
        assert "2 lines of the agent are no observations" in answer.missed
        assert "The robot has not said what its sensors can see." in answer.missed
    assert [one.result for one in not_watched("no bundle")] == [NOT_SEEN] * 3
