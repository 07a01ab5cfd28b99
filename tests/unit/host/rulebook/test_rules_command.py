"""`wachhund rules`: list, check, test."""

import json
from pathlib import Path

import pytest

from wachhund.cli import main
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys

GOOD = """
title: A rule
id: 5b2a8a54-6f4c-4b8e-9d5d-{number:012d}
logsource: {{product: linux, category: process_creation}}
detection: {{a: {{Image: /bin/x}}, condition: a}}
"""
BLIND = GOOD.replace("Image: /bin/x", "LogonId: 0")
MATCH, SILENT = "{kind: process.start, exe: /bin/x}", "{kind: process.start, exe: /bin/y}"
EXAMPLES = f"wachhund: {{examples: {{match: [{MATCH}], silent: [{SILENT}]}}}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A host's data folder with operators' rules: one good, one that can't match, one broken."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "good.yml").write_text(GOOD.format(number=1))
    (rules / "blind.yml").write_text(BLIND.format(number=2))
    (rules / "broken.yml").write_text("title: [")
    return tmp_path


def test_list_names_every_rule_where_it_is_from_and_why_one_cannot_match(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is silently not run is a hole that looks like a wall."""
    assert main(["rules", "list", "--data", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("Vendor tunnel: CloudSail" in line and "[built in: " in line for line in lines)
    assert any(line.startswith("5b2a8a54-6f4c-4b8e-9d5d-000000000001  medium") for line in lines)
    assert any("can't match: LogonId: no sense tells" in line for line in lines)
    assert any(line.startswith("not in use: ") and "broken.yml: line 2: not YAML" in line for line in lines)
    assert "1 of them can't match here; 1 not in use" in lines[-1]


def test_list_as_json_holds_the_same(folder: Path, sigma: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs; also with rules that somebody else published."""
    assert main(["rules", "list", "--json", "--data", str(folder), "--rules", str(sigma)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum("not_in_use" in one for one in told) == 1
    assert sum(one.get("can_match") is False for one in told) == 5
    assert sum(one.get("source", "").startswith(str(sigma)) for one in told) == len(list(sigma.rglob("*.yml")))


def test_check_says_each_fault_in_a_line_and_exits_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For whoever writes rules, and for a program that watches over them."""
    rules = folder / "rules"
    assert main(["rules", "check", str(rules / "good.yml"), str(rules / "blind.yml")]) == 0
    assert "can't match here: LogonId" in capsys.readouterr().out
    assert main(["rules", "check", str(rules), str(rules / "none.yml")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"{rules / 'broken.yml'}: line 2: not YAML: did not find expected node content",
        f"{rules / 'none.yml'}: cannot be read: No such file or directory",
    ]


def test_check_of_a_folder_without_rules_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt path must not look like good rules."""
    assert main(["rules", "check", str(tmp_path)]) == 2
    assert "no folder with rules" in capsys.readouterr().err


def test_test_runs_examples_and_exits_with_1_when_one_is_not_as_it_should_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rules are changed by people; examples hold them."""
    path = tmp_path / "rule.yml"
    path.write_text(GOOD.format(number=1) + EXAMPLES)
    assert main(["rules", "test", str(path)]) == 0
    assert "2 examples: 2 as they should be, 0 not" in capsys.readouterr().out
    path.write_text(GOOD.format(number=1).replace("/bin/x", "/bin/y") + EXAMPLES)
    assert main(["rules", "test", str(path)]) == 1
    err = capsys.readouterr().err.splitlines()
    assert [line.rpartition(": ")[2] for line in err] == ["does not match", "matches"]


def test_test_without_a_path_runs_what_is_built_in(capsys: pytest.CaptureFixture[str]) -> None:
    """The same examples that this suite holds."""
    assert main(["rules", "test"]) == 0
    assert ", 0 not" in capsys.readouterr().out


def test_sign_makes_a_pack_that_the_host_takes_and_list_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the folder that somebody wrote to the rules that a host uses."""
    data = DataFolder(tmp_path / "host").make()
    HostKeys.load_or_create(data)
    pack = data.rules / "lab"
    pack.mkdir(parents=True)
    (pack / "good.yml").write_text(GOOD.format(number=1))
    sign = ["rules", "sign", str(pack), "--name", "lab", "--data", str(data.path), "--version"]
    assert main([*sign, "3"]) == 0
    assert "lab version 3, 1 files" in capsys.readouterr().out
    for version in ("3", "2"):
        assert main([*sign, version]) == 2
        assert "it is version 3 already: give a higher one" in capsys.readouterr().err
    assert main(["rules", "list", "--data", str(data.path)]) == 0
    out = capsys.readouterr().out
    assert "good.yml lab version 3, signed]" in out
    assert out.splitlines()[-1].endswith("; 0 not in use")
    (pack / "good.yml").write_text(GOOD.format(number=1) + "level: low\n")
    assert main(["rules", "list", "--data", str(data.path)]) == 0
    assert "good.yml: not as it was signed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--name", "lab", "--version", "0"], "a version from 1"),
        (["--name", "La/b", "--version", "1"], "a pack needs a name"),
        (["--name", "lab", "--version", "1", "--key", "/nowhere.key"], "/nowhere.key: No such file"),
        (["--name", "lab", "--version", "1", "--data", "/nowhere"], "/nowhere/host.key: No such file"),
    ],
)
def test_what_cannot_be_signed_is_one_line_and_status_2(
    tmp_path: Path, more: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing half-signed."""
    data = DataFolder(tmp_path / "host").make()
    HostKeys.load_or_create(data)
    folder = tmp_path / "pack"
    folder.mkdir()
    given = more if "--data" in more else [*more, "--data", str(data.path)]
    assert main(["rules", "sign", str(folder), *given]) == 2
    assert "no folder with rules" in capsys.readouterr().err
    (folder / "broken.yml").write_text("title: [")
    assert main(["rules", "sign", str(folder), *given]) == 2
    assert "mend it first" in capsys.readouterr().err
    (folder / "broken.yml").write_text(GOOD.format(number=1))
    assert main(["rules", "sign", str(folder), *given]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not (folder / "pack.jws").exists()
