"""Operators' own rules: read when they change, and never lost to a slip of the pen."""

import os
import resource
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.host.judge.recording import Recording
from tests.unit.host.judge.stage import Stage
from tests.waiting import until
from wachhund.judge import rule_folder
from wachhund.judge.loop import JudgeLoop
from wachhund.judge.rule import RulePack
from wachhund.judge.rule_file import UnusableFile
from wachhund.judge.rule_folder import LOOK_S, RuleFolder
from wachhund.judge.rule_loading import files_below, rules_in
from wachhund.judge.rule_pack import pack_of
from wachhund.judge.signed_packs import FORMAT, MANIFEST, TYPE, sign_pack
from wachhund_evidence import thumbprint, token

RULE = """
title: {title}
id: 5b2a8a54-6f4c-4b8e-9d5d-{number:012d}
logsource: {{product: linux, category: process_creation}}
detection: {{a: {{Image: {image}}}, condition: a}}
level: high
"""


class Folder:
    """A data folder's rules, and a clock that is beyond the next look at each question."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clock: Iterator[int] = count(0, int(LOOK_S) + 1)
        self.rules = RuleFolder(path, built_in=path / "none", mono=lambda: next(self._clock))

    def put(self, name: str, text: str) -> None:
        """Write a file, whose times differ from those before also where the clock of the disk is coarse."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)
        at = next(self._clock) + 1_000_000
        os.utime(self.path / name, (at, at))

    def titles(self) -> list[str] | None:
        """The titles after a look; None when nothing changed."""
        pack = self.rules.look()
        return None if pack is None else sorted(rule.title for rule in pack.rules)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Not made yet."""
    return Folder(tmp_path / "rules")


def rule(title: str = "One", number: int = 1, image: str = "/bin/x") -> str:
    """A rule's text."""
    return RULE.format(title=title, number=number, image=image)


def test_rules_come_change_and_go_with_their_files(folder: Folder) -> None:
    """Nobody has to start the host anew; while nothing changes nothing is read."""
    assert folder.titles() == []
    assert folder.titles() is None
    folder.put("one.yml", rule())
    assert folder.titles() == ["One"]
    folder.put("two.yaml", rule("Two", 2))
    assert folder.titles() == ["One", "Two"]
    folder.put("one.yml", rule("Other"))
    assert folder.titles() == ["Other", "Two"]
    assert folder.titles() is None
    (folder.path / "one.yml").unlink()
    assert folder.titles() == ["Two"]
    assert folder.rules.fault is None


def test_a_file_that_is_broken_is_told_and_its_last_good_rules_go_on(folder: Folder) -> None:
    """A slip of the pen must not open a hole."""
    folder.put("one.yml", rule())
    folder.put("two.yml", rule("Two", 2))
    assert folder.titles() == ["One", "Two"]
    folder.put("one.yml", "title: [")
    assert folder.titles() == ["One", "Two"]
    assert (folder.rules.fault or "").startswith("rules not in use: one.yml: line 2: not YAML")
    assert "its last good rules go on" in (folder.rules.fault or "")
    folder.put("new.yml", rule("New", 3).replace("Image", "Colour"))
    assert folder.titles() == ["One", "Two"]
    assert len(folder.rules.refused) == 2
    assert "last good" not in next(one.reason for one in folder.rules.refused if "new.yml" in one.source)
    folder.put("one.yml", rule("Mended"))
    (folder.path / "new.yml").unlink()
    assert folder.titles() == ["Mended", "Two"]
    assert folder.rules.fault is None


def test_a_rule_of_ours_cannot_be_replaced_by_one_with_its_id(tmp_path: Path) -> None:
    """Who may write a rule may add eyes, not put them out."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "rule.yml").write_text(rule("Ours"))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rule.yml").write_text(rule("Own"))
    rules = RuleFolder(tmp_path / "own", built_in=tmp_path / "ours")
    pack = rules.look()
    assert pack is not None
    assert [one.title for one in pack.rules] == ["Ours"]
    assert "is taken by" in (rules.fault or "")


def test_the_folder_is_looked_at_only_now_and_then(tmp_path: Path) -> None:
    """A judge at work looks at a folder once in five seconds, not with each batch."""
    now = [100.0]
    rules = RuleFolder(tmp_path, built_in=tmp_path / "none", mono=lambda: now[0])
    assert rules.look() is not None
    (tmp_path / "one.yml").write_text(rule())
    assert rules.look() is None
    now[0] += LOOK_S
    assert rules.look() is not None


def test_more_rules_than_a_host_can_bear_are_told(tmp_path: Path) -> None:
    """A folder that somebody filled by mistake must not fill the memory."""
    for number in range(3):
        (tmp_path / f"{number}.yml").write_text(rule(f"Rule {number}", number))
    rules = RuleFolder(tmp_path, built_in=tmp_path / "none", max_rules=2)
    pack = rules.look()
    assert pack is not None
    assert [one.title for one in pack.rules] == ["Rule 0", "Rule 1"]
    assert "more than 2 rules of your own" in (rules.fault or "")


def test_a_folder_of_something_else_is_told_and_not_walked_through(tmp_path: Path) -> None:
    """A link to the wrong place: a home folder has a million files."""
    for number in range(5):
        (tmp_path / f"{number}.yml").write_text(rule(number=number))
    assert files_below(tmp_path, max_entries=4) == (
        [],
        "cannot be read: holds more than 4 files and folders: that is no folder of rules",
    )
    assert len(files_below(tmp_path, max_entries=5)[0]) == 5


def test_what_is_no_file_is_passed_over(folder: Folder) -> None:
    """A pipe would hold up the judge for ever."""
    folder.put("one.yml", rule())
    os.mkfifo(folder.path / "pipe.yml")
    (folder.path / "loop").symlink_to(folder.path)
    assert folder.titles() == ["One"]


def test_what_cannot_be_seen_for_a_while_is_not_gone(folder: Folder) -> None:
    """A folder that was closed by mistake must not take its rules out of use, nor those of its neighbours."""
    (folder.path / "a").mkdir(parents=True)
    folder.put("a/one.yml", rule())
    folder.put("b.yml", rule("Two", 2))
    assert folder.titles() == ["One", "Two"]
    # A link that leads round in a circle can be looked into by nobody: root is stopped by no mode.
    (folder.path / "a").rename(folder.path / "kept")
    (folder.path / "a").symlink_to("a")
    (folder.path / "0.yml").symlink_to("x" * 300)
    folder.put("b.yml", rule("Other", 2))
    (folder.path / "kept").rename(folder.path.parent / "kept")
    assert folder.titles() == ["One", "Other"]
    assert "0.yml: File name too long" in (folder.rules.fault or "")
    assert folder.titles() is None
    (folder.path / "a").unlink()
    (folder.path / "0.yml").unlink()
    assert folder.titles() == ["Other"]
    assert folder.rules.fault is None


def test_a_folder_that_holds_far_too_much_is_told_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last good rules go on, and nothing is read anew with every look."""
    folder.put("one.yml", rule())
    assert folder.titles() == ["One"]
    monkeypatch.setattr(rule_folder, "files_below", lambda path, name: ([], "cannot be read: holds more than 1 files"))
    assert folder.titles() == ["One"]
    assert "holds more than" in (folder.rules.fault or "")
    assert folder.titles() is None


class PackFolder(Folder):
    """The same, with a pack that can be signed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.key = Ed25519PrivateKey.generate()
        public = self.key.public_key()
        keys = {thumbprint(public): public}
        self.rules = RuleFolder(path, built_in=path / "none", mono=lambda: next(self._clock), keys=keys)

    def sign(self, version: int, key: Ed25519PrivateKey | None = None, folder: str = "lab") -> None:
        """Sign what lies in the pack's folder now."""
        where = self.path / folder
        files = {path.name: path.read_text() for path in where.glob("*.yml")}
        sign_pack(where, files, "lab", version, 0.0, key or self.key)
        at = next(self._clock) + 1_000_000
        os.utime(where / MANIFEST, (at, at))


@pytest.fixture
def signed(tmp_path: Path) -> PackFolder:
    """A pack of two rules, version 2."""
    made = PackFolder(tmp_path / "rules")
    (made.path / "lab").mkdir(parents=True)
    made.put("lab/one.yml", rule())
    made.put("lab/two.yml", rule("Two", 2))
    made.sign(2)
    assert made.titles() == ["One", "Two"]
    assert made.rules.fault is None
    assert [(pack.name, pack.version) for pack in made.rules.packs.values()] == [("lab", 2)]
    return made


def test_a_file_of_a_signed_pack_that_was_changed_is_told_and_not_used(signed: PackFolder) -> None:
    """Who changes a rule so that it sees nothing more must not do it unseen."""
    signed.put("lab/one.yml", rule("Blinded", image="/bin/none"))
    assert signed.titles() == ["One", "Two"]
    assert "one.yml: not as it was signed; its last good rules go on" in (signed.rules.fault or "")
    signed.put("lab/three.yml", rule("Three", 3))
    assert signed.titles() == ["One", "Two"]
    assert "three.yml: not named in the pack" in (signed.rules.fault or "")
    signed.sign(3)
    assert signed.titles() == ["Blinded", "Three", "Two"]
    assert signed.rules.fault is None


def test_a_file_that_is_gone_from_a_signed_pack_is_told(signed: PackFolder) -> None:
    """Deleting a rule is the easiest change."""
    (signed.path / "lab" / "one.yml").unlink()
    assert signed.titles() == ["Two"]
    assert "pack.jws: lacks one.yml, which was signed" in (signed.rules.fault or "")


def test_a_pack_that_somebody_else_signed_is_not_used(signed: PackFolder) -> None:
    """A signature is worth the key behind it."""
    signed.put("lab/one.yml", rule("Other"))
    signed.sign(9, key=Ed25519PrivateKey.generate())
    assert signed.titles() == ["One", "Two"]
    assert "not signed by this host or a release" in (signed.rules.fault or "")
    (signed.path / "lab" / MANIFEST).write_text("rubbish")
    assert signed.titles() == ["One", "Two"]
    assert "not signed by this host or a release" in (signed.rules.fault or "")


def test_an_earlier_version_takes_no_later_ones_place(signed: PackFolder) -> None:
    """An old pack, well signed, may lack the rule that matters; also beside the newer one."""
    signed.put("lab/one.yml", rule("Old"))
    signed.sign(1)
    assert signed.titles() == ["One", "Two"]
    assert "version 1 of lab: version 2 was in use" in (signed.rules.fault or "")
    signed.sign(3)
    assert signed.titles() == ["Old", "Two"]
    (signed.path / "beside").mkdir()
    signed.put("beside/four.yml", rule("Four", 4))
    signed.sign(1, folder="beside")
    assert signed.titles() == ["Old", "Two"]
    signed.sign(4, folder="beside")
    assert signed.titles() == ["Four", "Old", "Two"]
    assert "version 3 of lab: version 4 was in use" in (signed.rules.fault or "")


def test_a_pack_that_names_what_is_not_below_its_folder_is_not_used(signed: PackFolder) -> None:
    """No name of a manifest leads out of the folder, or makes the look at it fail."""
    for name in ("../one.yml", "/etc/passwd", "", "a//b.yml", "x" * 2_000 + ".yml"):
        claims = {"format": FORMAT, "pack": "lab", "version": 3, "iat": 0, "files": {name: "0" * 64}}
        (signed.path / "lab" / MANIFEST).write_text(token.sign(TYPE, claims, signed.key))
        at = next(signed._clock) + 1_000_000
        os.utime(signed.path / "lab" / MANIFEST, (at, at))
        assert signed.titles() == ["One", "Two"]
        assert "no path below its folder" in (signed.rules.fault or "")
    claims["files"] = {f"{'x' * 300}.yml": "0" * 64}
    (signed.path / "lab" / MANIFEST).write_text(token.sign(TYPE, claims, signed.key))
    assert signed.titles() == ["One", "Two"]
    assert "which was signed" in (signed.rules.fault or "")


def test_a_manifest_is_changed_whole_or_not_at_all(signed: PackFolder) -> None:
    """Half of one, on a full disk, would put the pack out of use with the next start."""
    manifest = signed.path / "lab" / MANIFEST
    before = manifest.read_bytes()
    bound = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, bound[1]))
    try:
        with pytest.raises(UnusableFile, match=r"File too large: it is as it was"):
            sign_pack(manifest.parent, {"one.yml": rule()}, "lab", 3, 0.0, signed.key)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bound)
        signal.signal(signal.SIGXFSZ, handler)
    assert manifest.read_bytes() == before
    assert [path.name for path in manifest.parent.iterdir() if path.suffix == ".unfinished"] == []


def test_what_no_host_would_take_is_not_signed(signed: PackFolder) -> None:
    """Names that are too long together, or no text."""
    manifest = signed.path / "lab" / MANIFEST
    before = manifest.read_bytes()
    many = {f"{'x' * 200}{number}.yml": rule() for number in range(1_400)}
    with pytest.raises(UnusableFile, match="too long for one manifest"):
        sign_pack(manifest.parent, many, "lab", 3, 0.0, signed.key)
    with pytest.raises(UnusableFile):
        sign_pack(manifest.parent, {"a\x00b.yml": rule()}, "lab", 3, 0.0, signed.key)
    assert manifest.read_bytes() == before


@pytest.mark.parametrize("claims", [{}, {"format": "wachhund-rules/1"}, {"format": "wachhund-rules/2"}])
def test_a_manifest_that_says_too_little_is_told(signed: PackFolder, claims: dict[str, str]) -> None:
    """Well signed and still no manifest."""
    (signed.path / "lab" / MANIFEST).write_text(token.sign("wachhund-rules+jwt", claims, signed.key))
    assert signed.titles() == ["One", "Two"]
    assert "not a manifest" in (signed.rules.fault or "")


def test_a_rule_that_is_put_there_while_the_host_serves_judges_what_comes_next(tmp_path: Path) -> None:
    """The whole way: file, look, judge, incident. A broken file is said on the pages."""
    folder, stage = Folder(tmp_path / "rules"), Stage(tmp_path / "host")
    judge = JudgeLoop(stage.bench.ledger, (), retry_s=0.02, rule_folder=folder.rules)

    def scene(pid: int) -> Recording:
        made = Recording()
        made.wait(float(pid))
        made.process(pid, "/bin/x")
        return made

    def while_running() -> None:
        stage.send(scene(10))
        until(lambda: judge.cursor > 0, 20, "what came before the rule is judged")
        folder.put("one.yml", rule())
        folder.put("broken.yml", "title: [")
        until(lambda: judge.fault is not None, 20, "the broken file is told")
        stage.send(scene(20))
        until(lambda: bool(stage.bench.ledger.incidents()), 20, "the rule matches")

    stage.judged(while_running, judge)
    (incident,) = stage.bench.ledger.incidents()
    assert incident["rules"] == ["One (5b2a8a54-6f4c-4b8e-9d5d-000000000001)"]
    assert "broken.yml" in (judge.fault or "")


class Failing(RuleFolder):
    """A folder whose reading fails in a way that nobody thought of."""

    def look(self) -> RulePack | None:
        raise RuntimeError("a fault")


def test_a_judge_whose_rules_cannot_be_read_anew_goes_on_by_those_it_has(tmp_path: Path) -> None:
    """A host without a judge would look calm."""
    stage = Stage(tmp_path / "host")
    scene = Recording()
    scene.process(10, "/bin/x")
    stage.send(scene)
    rules = pack_of([rules_in(rule())]).rules
    stage.judged(judge=JudgeLoop(stage.bench.ledger, rules, retry_s=0.02, rule_folder=Failing(tmp_path / "rules")))
    assert len(stage.bench.ledger.incidents()) == 1
