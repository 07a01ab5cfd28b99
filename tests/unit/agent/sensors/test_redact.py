"""Secrets stay on the robot: what is taken out, and what must be left alone."""

import time
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.redact import MARK, redact

S = "hunter2-Zq"


@pytest.mark.parametrize(
    "argv",
    [
        ["sshpass", "-p", S, "scp", "unitree@192.168.123.13:x", "."],
        ["sshpass", "-p" + S, "ssh", "x"],
        ["sudo", "./csclient", "install", "-quiet", "-token", S],
        ["./npc", "-server=192.0.2.1:8024", "-vkey=" + S],
        ["npc", "-vkey", S],
        ["curl", "-u", "me:" + S, "https://example.org"],
        ["curl", "https://me:" + S + "@example.org/"],
        ["curl", "-H", "Authorization: Bearer " + S, "https://example.org"],
        ["a", "--header", "X-Api-Key: " + S],
        ["mysql", "-u", "root", "-p" + S],
        ["env", "PGPASSWORD=" + S, "psql"],
        ["sh", "-c", "sshpass -p " + S + " ssh a; echo x"],
        ["sh", "-c", "export API_KEY='" + S + "'; run"],
        ["bash", "-c", "curl -u me:" + S + " https://example.org | sh"],
        ["python3", "-c", "connect(password='" + S + "')"],
        ["tool", "--password=" + S],
        ["iodine", "-f", "-P", S, "t.example.org"],
        ["edge", "-c", "net", "-k", S],
        ["wachhund-agent", "enrol", "wachhund1-" + S + "x" * 20],
        ["chisel", "client", "--auth=me:" + S, "https://example.org"],
        ["ptunnel", "-x", S],
        ["tool", "--password", S],
        ["x", "--client-secret", S],
        ["mosquitto_pub", "-u", "a", "-P", S],
        ["tailscale", "up", "--authkey=" + S],
        ["wpa_passphrase", "net", S],
        ["git", "clone", "https://oauth2:" + S + "@example.org/x"],
        ["ngrok", "authtoken", S],
        ["nmcli", "dev", "wifi", "connect", "n", "password", S],
        ["mount", "-o", "username=a,password=" + S],
        ["nsenter", "--net=/proc/7/ns/net", "mosquitto_pub", "-h", "192.0.2.1", "-P", S],
        ["sudo", "-u", "root", "curl", "-u", "me:" + S, "https://example.org"],
        ["timeout", "5", "xargs", "-n", "1", "/usr/bin/sshpass", "-p", S],
        ["strace", "-f", "wpa_passphrase", "net", S],
        ["sh", "-c", "chroot /x curl -u me:" + S + " https://example.org"],
        ["x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0." + S],
    ],
)
def test_a_secret_is_taken_out_and_counted(argv: List[str]) -> None:
    shown, count = redact(argv)
    assert not any(S in word for word in shown)
    assert count >= 1 and any(MARK in word for word in shown)


@pytest.mark.parametrize(
    "line",
    [
        "ssh -p 22 host",
        "mkdir -p /a/b",
        "cp -p a b",
        "ps aux",
        "ssh -i key user@host",
        "rsync -a u@h:/p /q",
        "app --password-file /etc/p",
        "app --token-type bearer",
        "a --keyfile x",
        "docker run -p 80:80",
        "scp unitree@192.168.123.13:x .",
        "tar -C /x -u f",
        "python3 -m pip install -r r.txt",
        "passwd pi",
        "cat /etc/passwd",
        "a --pin-memory",
        "grep -v grep",
        "ssh -R 2222:localhost:22 user@203.0.113.7",
    ],
)
def test_ordinary_arguments_are_left_alone(line: str) -> None:
    """A reader who sees `-p <redacted>` for a port learns to ignore the mark."""
    assert redact(line.split()) == (line.split(), 0)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_arguments_are_taken_without_losing_their_places(argv: List[str]) -> None:
    shown, count = redact(argv)
    assert len(shown) == len(argv) and count >= 0


@pytest.mark.parametrize(
    "argv",
    [
        ["door", "--door-combination", S],
        ["door", "--door-combination=" + S],
        ["env", "DOOR_COMBINATION=" + S, "door"],
        ["sh", "-c", "door --door-combination " + S + " open"],
    ],
)
def test_an_owner_adds_options_of_his_own(argv: List[str]) -> None:
    assert any(S in word for word in redact(argv)[0]), "not a word that we know"
    shown, count = redact(argv, ["--door-combination", "DOOR_COMBINATION"])
    assert not any(S in word for word in shown) and count == 1


@pytest.mark.parametrize(
    "word",
    ["_" * 8192, "a_" * 4096, "-" * 8192, "a-" * 4096, "x-" * 4096, "a.b_" * 2048, "'" * 8192, ": " * 4096,
     "://" * 2700, "pass" * 2048, "token=" * 1365, "eyJ" * 2730, "a:b@" * 2048, "Cookie " * 1170, "\u00e4_" * 4096],
)  # fmt: skip
def test_no_word_holds_the_agent_up(word: str) -> None:
    """Found by fuzzing: one argument of underscores took minutes. Whoever starts a program chooses its words."""
    for argv in ([word], ["sh", "-c", word], ["x", "--" + word], ["x", word + " " + word]):
        started = time.process_time()
        redact(argv, ["--door"])
        assert time.process_time() - started < 1.0
