"""Checking a bundle on a page: each check by itself, for anybody, bounded."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from wachhund.audit.samples import make_samples
from wachhund.audit.verifying_bundle import verify_bundle
from wachhund.web.attempts import ATTEMPTS_PER_ADDRESS
from wachhund.web.guard import LARGER_BODIES
from wachhund.web.verify_view import DOES_NOT_PROVE
from wachhund_evidence import public_key_pem

SAMPLES = make_samples(1_700_000_000.0)


def drop(who: TestClient, data: bytes, **fields: str) -> Any:
    return who.post("/verify", files={"file": ("bundle.zip", io.BytesIO(data), "application/zip")}, data=fields)


def results(text: str) -> dict[str, str]:
    rows = re.findall(r'data-label="Check"><b>(\w+)</b>.*?data-tone="\w+">([\w ]+)</span>', text, re.DOTALL)
    return dict(rows)


def test_a_good_and_a_forged_bundle_are_told_apart_as_the_command_does(tmp_path: Path) -> None:
    """The samples are what they say, by the code of `wachhund verify`."""
    for name, data, proven in (("good", SAMPLES.good, True), ("forged", SAMPLES.forged, False)):
        path = tmp_path / name
        path.write_bytes(data)
        checked = verify_bundle(path, {}, {})
        assert checked.is_proven is proven and checked.robot.tokens == 12
        assert checked.robot.signatures == (12 if proven else 11)


def test_a_stranger_drops_a_bundle_and_reads_each_check(stranger: TestClient) -> None:
    """No login: whoever was handed evidence need not be known here."""
    page = drop(stranger, SAMPLES.good)
    assert page.status_code == 200
    assert results(page.text) == {
        "manifest": "not checked", "signatures": "pass", "identity": "not checked", "order": "pass",
        "completeness": "pass", "freshness": "not checked",
    }  # fmt: skip
    assert all(limit in page.text for limit in DOES_NOT_PROVE.values())
    forged = drop(stranger, SAMPLES.forged)
    assert results(forged.text)["manifest"] == results(forged.text)["signatures"] == "fail"
    assert "1 of 12 tokens not signed by the robot" in forged.text


def test_a_key_that_is_named_is_the_only_one_that_is_believed(stranger: TestClient) -> None:
    """And what is no key is said to be none."""
    other = public_key_pem(Ed25519PrivateKey.generate().public_key()).decode()
    assert results(drop(stranger, SAMPLES.good, key=other).text)["identity"] == "fail"
    assert "robot&#39;s key" in drop(stranger, SAMPLES.good, key="-----BEGIN NOTHING-----").text


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"text", b"PK\x03\x04" + bytes(5000)])
def test_what_is_no_bundle_is_said_to_be_none(stranger: TestClient, data: bytes) -> None:
    """In one line, without a path of ours."""
    page = drop(stranger, data)
    assert page.status_code == 422 and "Not checked: not a bundle" in page.text and "/tmp" not in page.text


def test_the_samples_can_be_taken_and_checked(stranger: TestClient) -> None:
    """The empty state of the page: something to try it with."""
    for kind, fails in (("good", False), ("forged", True)):
        taken = stranger.get(f"/verify/sample-{kind}.zip")
        assert taken.headers["content-type"] == "application/zip"
        assert ("fail" in results(drop(stranger, taken.content).text).values()) is fails
    assert stranger.get("/verify/sample-other.zip").status_code == 404


def test_how_often_and_how_much_is_bounded(stranger: TestClient) -> None:
    """Each check takes a core, and strangers may ask."""
    for _ in range(ATTEMPTS_PER_ADDRESS):
        assert drop(stranger, b"x").status_code == 422
    assert drop(stranger, b"x").status_code == 429
    headers = {"content-length": str(LARGER_BODIES["/verify"] + 1), "content-type": "multipart/form-data; boundary=x"}
    assert stranger.post("/verify", content=b"", headers=headers).status_code == 413


def test_another_site_cannot_send_a_file(stranger: TestClient) -> None:
    """It is a changing request as any other."""
    files = {"file": ("bundle.zip", io.BytesIO(SAMPLES.good), "application/zip")}
    assert stranger.post("/verify", files=files, headers={"origin": "https://evil.example"}).status_code == 403
