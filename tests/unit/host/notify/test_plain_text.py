"""What a robot wrote is inert in a mail, a chat, a pager."""

import re

import pytest

from wachhund.notify.plain_text import plain
from wachhund.notify.wording import of_incidents, record

HOSTILE = [
    "<script>alert(1)</script>", "<!channel> look", "@everyone", "http://evil.example/x", "evil.example",
    "[click](https://evil.example)", "a\r\nBcc: x@evil.example", "\u202egnp.exe", "a\u2028b", "\x1b]0;owned\x07",
    "javascript:alert(1)", "data:text/html,x", "z\u0301\u0301\u0301\u0301\u0301", "`code`", "*bold* |spoiler|",
    "\ud800",
    "HTTPS://EVIL.EXAMPLE", "mailto:x@y.example", "пример.рф", "\U000e0041tag", "<https://evil.example|bank>",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_it_hides_turns_links_calls_or_begins_a_line(text: str) -> None:
    """Each would lie to somebody who reads at night."""
    made = plain(text)
    left = made.replace("[.]", "").replace("[:]", "")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff<>@`|*\[\]]", left)
    assert "://" not in made.replace("[:]//", "")
    assert not re.search(r"(?i)\b(javascript|data|mailto):", made)
    assert not re.search(r"(?i)evil\.example|y\.example|пример\.рф", made)
    made.encode("utf-8")


def test_what_people_have_to_recognise_stays_as_it_is() -> None:
    """Addresses, versions, paths and names of robots are what they look for."""
    for text in ("203.0.113.7:4711", "/usr/sbin/sshd", "/opt/a/run.sh --x", "go1-07", "agent 0.1.0", "fe80::1"):
        assert plain(text) == text


def test_long_text_is_cut_and_says_so() -> None:
    assert plain("a" * 500, 50) == "a" * 49 + "…"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_field_of_an_incident_brings_it_into_a_message(text: str) -> None:
    """Title, path, rules, advice and the robot's name; alone and among others. The only links are ours."""
    hop = {"hop": "process", "exe": text, "pid": text, "user": text}
    incident = {
        "id": "abc", "kind": "relay", "level": "high", "state": "open", "title": text, "first_t": 1e9, "last_t": 1e9,
        "origin": [{"hop": "address", "address": text}, hop, {"hop": "service", "name": text}, {"hop": text},
                   {"hop": "user", "user": text}, {"hop": "link", "name": text}, {"hop": "unknown", "why": text}],
        "rules": [text], "attack": [text], "advice": [text] * 3, "sessions": [], "robot": "r",
    }  # fmt: skip
    one = record(incident, text, "new", "https://host/")
    for records in ([one], [one, {**one, "id": "abd"}]):
        made = of_incidents(records, 1e9, "https://host/")
        assert "\n" not in made["title"] and "\r" not in made["text"]
        said = made["title"] + made["text"].replace("https://host/", "")
        assert "://" not in said.replace("[:]//", "") and not re.search(r"(?i)evil\.example", said)
        assert not re.search(r"[<>@`\x1b\u202e\u2028]", said)
