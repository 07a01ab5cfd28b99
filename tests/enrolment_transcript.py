"""Enrolment played on a running host, written down as two people at two keyboards see it.

`python -m tests.enrolment_transcript` plays it and puts it into docs/enrolment.md, with names in the place of what
differs each time; `python -m tests.enrolment_transcript FILE` writes it as it was. A line that begins with # was
printed only after it had been found to be so. tests/system/host/test_enrolment_transcript.py holds the document
against it.
"""

import argparse
import datetime
import getpass
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.robots.agent_python import AGENT_PYTHON
from tests.robots.open_host import Open
from tests.waiting import until
from wachhund.fleet import doors
from wachhund.fleet.authority import Authority
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys
from wachhund.fleet.inviting import invite
from wachhund.ledger import Ledger
from wachhund_evidence.enrolment import read_invitation, write_invitation

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "enrolment.md"
BLOCK = re.compile(r"(?<=<!-- transcript -->\n```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
CUT_OFF_S, EVIDENCE_S = 10, 40
_PROQUINT = "[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]"
# What differs each time: where it stands, and what the document calls it. Numbered in the order of appearance.
_NAMED = (
    (re.compile(r"wachhund1-[\w-]+"), "token"),
    (re.compile(rf"{_PROQUINT}(?: {_PROQUINT}){{5}}"), "six words"),
    (re.compile(r"(?<=ueid )[\w-]{44}"), "ueid"),
    (re.compile(r"(?<=key )[\w-]{43}"), "key"),
    (re.compile(r"(?<=robot )[a-z0-9]{10}(?=[, )])"), "robot"),
    (re.compile(r"(?<=\(code )[0-9a-f]{12}…(?=\))"), "hash"),
)
# What comes a moment sooner or later in each run: hints of connections, counts of refusals, what an agent says of its
# broker.
_UNSTEADY = re.compile(
    r"^(?:connection: |of no robot: refused |refused \d+ x |wachhund-agent: broker ).*\n", re.MULTILINE
)
_COUNT = re.compile(r"(?<=\S) +refused \d+ +(?=\S)")
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|(?<=until )\d{10}")


class Transcript:
    """Runs commands on a host and on boards (a folder each), and keeps what was typed and said."""

    def __init__(self, host: Open) -> None:
        self.host = host
        self.lines: list[str] = []
        self._agents: dict[str, subprocess.Popen[bytes]] = {}
        home = host.folder / "home"  # the host's folder as the user's own, so that no command has to name it
        home.mkdir()
        (home / "wachhund").symlink_to(host.data)
        self._env = {**os.environ, "XDG_DATA_HOME": str(home)}

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def heading(self, what: str) -> None:
        self.lines += ["", f"## {what}"] if self.lines else [f"## {what}"]

    def found(self, what: str) -> None:
        """A line for what the caller has found to be so."""
        self.lines.append(f"# {what}")

    def on_host(self, *arguments: str) -> str:
        """`wachhund ARGUMENTS`. Returns what it printed on standard output."""
        return self._command("host", "wachhund", sys.executable, self.host.folder, arguments)

    def on_board(self, board: str, *arguments: str) -> str:
        """`wachhund-agent ARGUMENTS` on a board."""
        folder = self.host.folder / board
        folder.mkdir(exist_ok=True)
        return self._command(board, "wachhund-agent", AGENT_PYTHON, folder, arguments)

    def _command(self, where: str, shown: str, python: str, folder: Path, arguments: tuple[str, ...]) -> str:
        words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
        done = subprocess.run(
            [python, "-m", shown.replace("-", "_"), *arguments], cwd=folder, env=self._env,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.lines += [f"{where}$ {shown} {words}", *done.stderr.splitlines(), *done.stdout.splitlines()]
        if done.returncode:
            self.lines.append(f"(exit status {done.returncode})")
        return done.stdout.strip()

    def robot(self, board: str) -> str:
        return str(json.loads((self.host.folder / board / "agent.json").read_text())["robot"])

    def words(self) -> str:
        """The newest six words that were shown."""
        return re.findall(_NAMED[1][0], self.text)[-1]

    def start(self, board: str) -> None:
        """`wachhund-agent run` on a board, and evidence of it at the host."""
        self.host.robot = self.robot(board)
        before = self.host.tokens()
        with (self.host.folder / board / "said").open("ab") as out:
            self._agents[board] = subprocess.Popen(
                [AGENT_PYTHON, "-m", "wachhund_agent", "run", "--config", "agent.json"],
                cwd=self.host.folder / board, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        self.lines.append(f"{board}$ wachhund-agent run --config agent.json &")
        until(lambda: self.host.tokens() >= before + 2, EVIDENCE_S, f"evidence of {board} comes")
        self.found(f"its evidence comes, and is taken as that of {self._name(board)}")

    def _name(self, board: str) -> str:
        with closing(self.host.ledger()) as ledger:
            return ledger.robot(self.robot(board)).name

    def stop(self, board: str) -> None:
        agent = self._agents.pop(board)
        agent.terminate()
        agent.wait(20)
        self.lines.append(f"{board}$ kill %1")

    def is_cut_off(self, board: str) -> None:
        """Wait until a running agent says that it is not let in any more; then end it. What ended it has returned."""
        before = self.host.tokens()
        said: Callable[[], list[str]] = lambda: (  # noqa: E731
            (self.host.folder / board / "said").read_text().splitlines()
        )
        until(lambda: any("Not authorized" in line for line in said()), CUT_OFF_S, f"{board} is cut off")
        self.lines.append(next(line for line in said() if "Not authorized" in line))
        time.sleep(2.5)  # what must not happen: two tokens' time
        assert self.host.tokens() == before
        self.found("it is cut off within seconds, and nothing of it is taken any more")
        agent = self._agents.pop(board)
        agent.terminate()
        agent.wait(20)

    def keeps_no_secret(self) -> None:
        """Look for tokens, passwords and private keys in all that the host keeps and printed."""
        kept = b"".join(path.read_bytes() for path in self.host.data.rglob("*") if path.is_file())
        kept += self.host.said("host").encode()
        secrets = re.findall(_NAMED[0][0], self.text)
        secrets += [json.loads(path.read_text())["password"] for path in self.host.folder.glob("*/agent.json")]
        secrets += [path.read_text().splitlines()[1] for path in self.host.folder.glob("*/agent.key")]
        assert len(secrets) > 15
        assert [secret for secret in secrets if secret.encode() in kept] == []
        self.found("in all that the host keeps and printed stand no token, no robot's password and no robot's key")

    def close(self) -> None:
        for agent in self._agents.values():
            agent.kill()
            agent.wait()


def _of_yesterday(host: Open, name: str) -> str:
    """A real token of this host, made 25 hours ago."""
    data = DataFolder(host.data)
    keys, authority = HostKeys.load_or_create(data), _authority(data)
    with closing(Ledger.open(data.ledger)) as ledger:
        then = time.time() - 25 * 3600
        return invite(ledger, keys, authority, name, doors.load(data.doors).enrol, "yesterday", then).text


def _authority(data: DataFolder) -> Authority:
    return Authority.load_or_create(data, (), datetime.datetime.now(datetime.UTC))


def _of_another_host(host: Open) -> str:
    """A token that another host made, whose address is now this one's."""
    other = DataFolder(host.folder / "another-host").make()
    keys, authority = HostKeys.load_or_create(other), _authority(other)
    with closing(Ledger.open(other.ledger)) as ledger:
        return invite(ledger, keys, authority, "rex", doors.load(DataFolder(host.data).doors).enrol, "-", 0.0).text


def play(host: Open) -> str:
    """The whole of it. Raises AssertionError when something that a line states is not so."""
    one = Transcript(host)
    try:
        _enrol(one)
        _rotate(one)
        _wrong_tokens(one)
        _same_name(one)
        _leaked(one)
        _new_card(one)
        _another_board(one)
        _retire(one)
    finally:
        one.close()
    return one.text


def _enrol(one: Transcript) -> None:
    one.heading("A robot enrols")
    token = one.on_host("robots", "invite", "rex")
    one.on_board("rex", "enrol", token)
    here = one.words()
    one.on_host("robots", "show", "rex")
    assert one.words() == here
    one.found("the six words are the same on both screens: it is this board and nobody else's")
    one.on_host("robots", "accept", "rex", "--why", "words compared by phone")
    one.start("rex")
    one.heading("The same board asks again with the same token: it gets the same account")
    one.on_board("rex", "enrol", token)
    one.on_board("rex", "enrol", token, "--replace")
    assert one.words() == here


def _rotate(one: Transcript) -> None:
    one.heading("A new key for the same robot")
    token = one.on_host("robots", "rotate", "rex")
    one.stop("rex")
    one.on_board("rex", "enrol", token, "--key", "second.key", "--replace")
    one.start("rex")
    with closing(one.host.ledger()) as ledger:
        assert ledger.faults(one.host.robot) == []
    one.found("no gap and no new chain")
    one.on_host("robots", "show", "rex")


def _wrong_tokens(one: Transcript) -> None:
    one.heading("Tokens that do not count")
    used = re.findall(r"wachhund1-[\w-]+", one.text)[0]
    one.found("used: by another key than the first time")
    one.on_board("stranger", "enrol", used)
    one.found("mistyped")
    one.on_board("stranger", "enrol", used[:-9] + ("A" if used[-9] != "A" else "B") + used[-8:])
    one.found("cut off")
    one.on_board("stranger", "enrol", used[:40])
    one.found("made up, by somebody who knows the host's public keys")
    known = read_invitation(used)
    one.on_board("stranger", "enrol", write_invitation(known._replace(secret="A" * 22)))
    one.found("made 25 hours ago")
    one.on_board("stranger", "enrol", _of_yesterday(one.host, "late"))
    one.found("of another host")
    one.on_board("stranger", "enrol", _of_another_host(one.host))
    one.found("withdrawn: a newer one was made for the same robot")
    first = one.on_host("robots", "rotate", "rex")
    second = one.on_host("robots", "rotate", "rex")
    one.on_board("stranger", "enrol", first)
    one.found("good, but shown with a key that enrolled before")
    one.on_board("rex", "enrol", second, "--key", "second.key", "--replace")
    assert not (one.host.folder / "stranger" / "agent.json").exists()
    one.found("none of them wrote a configuration")


def _same_name(one: Transcript) -> None:
    one.heading("A second robot that claims the name")
    one.on_host("robots", "invite", "rex")
    one.found("an invitation decides the name: a robot that enrols says none, and can't take one")


def _leaked(one: Transcript) -> None:
    one.heading("A token that leaked: the thief was quicker")
    token = one.on_host("robots", "invite", "bo")
    one.on_board("thief", "enrol", token)
    theirs = one.words()
    one.start("thief")
    one.on_board("bo", "enrol", token)
    one.on_host("robots", "show", "bo")
    assert one.words() == theirs and not (one.host.folder / "bo" / "agent.json").exists()
    one.found("nobody can read these words from bo's screen: it was not let in. So it is not accepted but cut off")
    one.on_host("robots", "revoke", "bo", "--why", "token leaked")
    one.is_cut_off("thief")
    one.on_board("thief", "enrol", token, "--replace")
    again = one.on_host("robots", "replace", "bo")
    one.on_board("bo", "enrol", again)
    ours = one.words()
    one.on_host("robots", "show", "bo")
    assert one.words() == ours != theirs
    one.on_host("robots", "accept", "bo", "--why", "words compared at the robot")


def _new_card(one: Transcript) -> None:
    one.heading("The same board after its card was written anew: key and journal are gone, the robot stays itself")
    before = one.robot("rex")
    one.stop("rex")
    for path in sorted((one.host.folder / "rex").rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    one.lines.append("rex$ rm -r *")
    one.on_board("rex", "enrol", one.on_host("robots", "rotate", "rex"))
    one.start("rex")
    assert one.robot("rex") == before
    with closing(one.host.ledger()) as ledger:
        assert len(ledger.chain_line(before)) == 2 and ledger.faults(before) == []
    one.found("its evidence begins a new chain, which is no fault, for its key is new too")
    one.on_host("robots", "list")


def _another_board(one: Transcript) -> None:
    one.heading("Another board takes a robot's place")
    token = one.on_host("robots", "replace", "rex")
    one.on_board("rex2", "enrol", token)
    one.is_cut_off("rex")
    one.on_host("robots", "show", "rex")
    one.on_host("robots", "accept", "rex", "--why", "words compared at the robot")
    one.start("rex2")


def _retire(one: Transcript) -> None:
    one.heading("A robot is taken out of service")
    one.on_host("robots", "retire", "rex", "--why", "sold")
    one.is_cut_off("rex2")
    one.on_host("robots", "rotate", "rex")
    one.on_host("robots", "invite", "rex")
    one.on_host("robots", "list")
    one.keeps_no_secret()


def named(text: str) -> str:
    """A transcript with names in the place of what differs each time, and without what comes sooner or later."""
    text = _COUNT.sub("  ", _UNSTEADY.sub("", text))
    found: list[tuple[str, str]] = []
    for pattern, what in _NAMED:
        seen = dict.fromkeys(pattern.findall(text))
        found += [(one, f"<{what} {number}>") for number, one in enumerate(seen, start=1)]
    for one, name in sorted(found, key=lambda pair: -len(pair[0])):
        text = text.replace(one, name)
    text = re.sub(r"wachhund1-[\w-]+", "<a token cut off>", _TIMES.sub("<time>", text))
    text = text.replace(f"by {getpass.getuser()} at the command line", "by <you> at the command line")
    return re.sub(r"\b127\.0\.0\.1:\d+", "<host>", text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Play enrolment on a host of its own and write down what was said.")
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="write it there as it was, instead")
    wanted = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder, Open(Path(folder)) as host:
        text = play(host)
    if wanted is not None:
        wanted.write_text(text, encoding="utf-8")
        return
    shown = named(text)
    DOCUMENT.write_text(BLOCK.sub(lambda _: shown, DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
