"""Wycheproof's vectors: the signatures and tokens that broke other readers do not break ours."""

import json
import pathlib
from typing import Any, Dict, Iterator, Tuple

import pytest
from cryptography.exceptions import InvalidSignature

from wachhund_evidence import MisuseError, RejectedEvidence, public_key_from_raw, read_evidence
from wachhund_evidence.nonce import mac_fits


def _cases(path: pathlib.Path) -> Iterator[Tuple[Dict[str, Any], Dict[str, Any]]]:
    for group in json.loads(path.read_text(encoding="utf-8"))["testGroups"]:
        for case in group["tests"]:
            yield group, case


def _told(capsys: Any, name: str, judged: Dict[str, int]) -> None:
    """One line in the run's own output: how many cases were judged, and as what."""
    with capsys.disabled():
        print("\nWycheproof {}: {} cases: {}".format(name, sum(judged.values()), judged))


def test_ed25519_signatures_are_judged_as_the_vectors_say(vectors: pathlib.Path, capsys: Any) -> None:
    """Our registration refuses weak keys, and OpenSSL the malleable signatures; together nothing invalid passes."""
    judged = {"valid": 0, "invalid": 0}
    for group, case in _cases(vectors / "ed25519_test.json"):
        signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
        try:
            public_key_from_raw(bytes.fromhex(group["publicKey"]["pk"])).verify(signature, message)
            verdict = "valid"
        except (InvalidSignature, MisuseError):
            verdict = "invalid"
        assert verdict == case["result"], "tcId {}: {}".format(case["tcId"], case["comment"])
        judged[verdict] += 1
    _told(capsys, "ed25519_test", judged)
    assert judged == {"valid": 88, "invalid": 63}


def test_macs_are_judged_as_the_vectors_say(vectors: pathlib.Path, capsys: Any) -> None:
    """Nonces are marked by HMAC-SHA-256 cut to 128 bits: both sizes of the corpus go through the same function."""
    judged = {"valid": 0, "invalid": 0}
    for group, case in _cases(vectors / "hmac_sha256_test.json"):
        key, message, mac = (bytes.fromhex(case[name]) for name in ("key", "msg", "tag"))
        verdict = "valid" if mac_fits(key, message, mac, group["tagSize"] // 8) else "invalid"
        assert verdict == case["result"], "tcId {}: {}".format(case["tcId"], case["comment"])
        assert not mac_fits(key, message, mac[:-1], group["tagSize"] // 8)
        judged[verdict] += 1
    _told(capsys, "hmac_sha256_test", judged)
    assert judged == {"valid": 66, "invalid": 108}


def test_no_foreign_token_is_read_as_evidence(vectors: pathlib.Path, robot: Any, capsys: Any) -> None:
    """Every JWS of the corpus is refused by name: those it calls invalid, and those that are valid for other keys.

    None of them is signed with Ed25519 as evidence, so nothing in this file may pass here.
    """
    judged: Dict[str, int] = {}
    for _, case in _cases(vectors / "json_web_signature_test.json"):
        token = case["jws"] if isinstance(case["jws"], str) else json.dumps(case["jws"])
        with pytest.raises(RejectedEvidence) as caught:
            read_evidence(token, robot.keys, robot.ueid)
        told = "{} in their own terms, refused ({})".format(case["result"], caught.value.reason)
        judged[told] = judged.get(told, 0) + 1
    _told(capsys, "json_web_signature_test", judged)
    assert sum(judged.values()) == 401
