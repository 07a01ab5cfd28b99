"""Wycheproof's vectors: the signatures and tokens that broke other readers do not break ours."""

import json
import pathlib
from typing import Any, Dict, Iterator, Tuple

import pytest
from cryptography.exceptions import InvalidSignature

from wachhund_evidence import MisuseError, RejectedEvidence, public_key_from_raw, read_evidence


def _cases(path: pathlib.Path) -> Iterator[Tuple[Dict[str, Any], Dict[str, Any]]]:
    for group in json.loads(path.read_text(encoding="utf-8"))["testGroups"]:
        for case in group["tests"]:
            yield group, case


def test_ed25519_signatures_are_judged_as_the_vectors_say(vectors: pathlib.Path) -> None:
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
    assert min(judged.values()) > 50


def test_no_foreign_token_is_read_as_evidence(vectors: pathlib.Path, robot: Any) -> None:
    """Every JWS of the corpus, good or bad in its own terms, is refused by name and never breaks the reader."""
    tried = 0
    for _, case in _cases(vectors / "json_web_signature_test.json"):
        token = case["jws"] if isinstance(case["jws"], str) else json.dumps(case["jws"])
        with pytest.raises(RejectedEvidence):
            read_evidence(token, robot.keys, robot.ueid)
        tried += 1
    assert tried > 100
