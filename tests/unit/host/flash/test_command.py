"""`wachhund flash` as a person types it: what can't be meant is one line, before any robot is spoken to."""

from pathlib import Path

import pytest

from wachhund.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give one robot's address, or --from FILE"),
        (["10.0.0.1", "--from", "fleet"], "give one robot's address, or --from FILE"),
        (["10.0.0.1", "--older"], "goes with --update"),
        (["10.0.0.1", "--keep-changed", "--disable-vendor-tunnel"], "goes with --restore-vendor-tunnel"),
        (["10.0.0.1", "--disable-vendor-tunnel", "--restore-vendor-tunnel"], "not allowed with"),
        (["10.0.0.1", "--disable-vendor-tunnel", "--update"], "not allowed with"),
        (["10.0.0.1", "--at-once", "17"], "give 1 to 16"),
        (["10.0.0.1", "--within", "0"], "give 1 to 3600 seconds"),
        (["10.0.0.1", "--fingerprint", "MD5:x"], "SHA256: and 43 characters"),
        (["10.0.0.1", "--name", " x"], "robot name"),
        (["-x@y:z"], "usage"),
        (["a;b"], "not a robot's address"),
        (["--from", "none"], "No such file"),
        (["--from", "none", "--name", "x"], "stand in the file"),
        (["10.0.0.1"], "not a host's data folder"),
    ],
)
def test_what_can_not_be_meant_is_told_and_nothing_is_done(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 2, as everywhere."""
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["flash", "ssh", *words, "--data", str(tmp_path / "data")])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 2 and said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["card.img"], "required: --name"),
        (["card.img", "--name", "x", "--hours", "0"], "give 1 to 720"),
        (["card.img", "--name", "x", "--hours", "721"], "give 1 to 720"),
        (["card.img", "--name", "x\n"], "robot name"),
        (["card.img", "--name", "x"], "not a host's data folder"),
        ([".", "--name", "x"], "not a host's data folder"),
    ],
)
def test_what_can_not_be_meant_of_an_image_is_told_and_nothing_is_made(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the image is looked at."""
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["flash", "image", *words, "--data", str(tmp_path / "data")])
    except SystemExit as error:
        status = int(error.code or 0)
    assert status == 2 and said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_was_never_kept_can_not_be_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped address would else seem to have helped."""
    (tmp_path / "ledger.sqlite").touch()
    assert main(["flash", "forget", "10.0.0.1", "--data", str(tmp_path)]) == 2
    assert "no SSH host key is kept for it" in capsys.readouterr().err
