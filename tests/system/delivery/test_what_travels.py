"""What a real agent signs and a real host answers, checked by somebody else's library and by the protocol's page."""

import base64
import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from tests import observation_fields
from tests.robots.living import Living
from tests.system.delivery.journal_copy import journalled
from tests.waiting import until

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
CLAIMS = {
    "eat_profile", "ueid", "eat_nonce", "bootseed", "chain", "seq", "prev", "iat", "mono", "swname", "swversion",
    "hashes", "obs",
}  # fmt: skip


def spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_TAKES_ALL = jws.JWSRegistry(algorithms=["EdDSA"])
_TAKES_ALL.max_payload_length = 1 << 20  # a board with many processes tells of them all in its first token


def hash_of(token: str) -> str:
    return spelled(hashlib.sha256(token.encode()).digest())


def claims_of(token: str, key: OKPKey, typ: str) -> dict[str, Any]:
    found = jws.deserialize_compact(token, key, registry=_TAKES_ALL)
    assert found.headers() == {"alg": "EdDSA", "typ": typ, "kid": key.thumbprint()}
    claims: dict[str, Any] = json.loads(found.payload)
    return claims


@pytest.mark.thorough
def test_each_token_of_an_agent_is_as_the_protocol_says(tmp_path: Path) -> None:
    """Who writes another verifier from docs/protocol.md has nothing else to go by."""
    with Living(tmp_path) as living:
        living.start_agent()
        journal = living.folder / "agent-data" / "journal"
        until(lambda: len(journalled(journal)) >= 3, 30, "the agent journals")
        living.kill_agent()
        agent = living.start_agent()
        with closing(living.ledger()) as ledger:

            def receipted() -> int:
                return sum(line.contiguous_seq for line in ledger.chain_line(living.robot))

            until(lambda: receipted() > 70, 30, "the host has what came after the kill")
            old = living.kill_broker()
            until(lambda: living.broker_pid() not in (0, old), 20, "the broker is back")
            until(lambda: "receipt" in newest(journal), 30, "a token after the new connection shows a receipt")
        agent.terminate()
        agent.wait(20)
        tokens = list(journalled(journal).values())
        robot = OKPKey.import_key((tmp_path / "agent.key.pub").read_text())
        host = OKPKey.import_key(json.loads((tmp_path / "agent.json").read_text())["host_key"])
        raw = base64.urlsafe_b64decode(str(robot.as_dict()["x"]) + "=")

    kinds = observation_fields.documented()
    told: list[dict[str, Any]] = []
    before, last = spelled(bytes(32)), 0
    by_hash = {hash_of(token): token for token in tokens}
    for token in tokens:
        claims = claims_of(token, robot, "eat+jwt")
        assert set(claims) - {"receipt"} == CLAIMS
        assert claims["ueid"] == spelled(b"\x01" + hashlib.sha256(raw).digest())
        assert claims["prev"] == before and claims["seq"] > last
        before, last = hash_of(token), claims["seq"]
        told += claims["obs"]
        if "receipt" in claims:
            receipt = claims_of(claims["receipt"], host, "wachhund-receipt+jwt")
            assert receipt["ueid"] == claims["ueid"] and receipt["chain"] == claims["chain"]
            assert json.loads(payload(by_hash[receipt["head"]]))["seq"] == receipt["seq"]
            assert receipt["seen"] in by_hash
    assert last > len(tokens), "numbers were left out after the kill"
    assert {"agent.start", "agent.stop", "agent.gap", "heartbeat", "coverage"} <= {one["kind"] for one in told}
    assert [fault for one in told for fault in observation_fields.faults(one, kinds)] == []


def payload(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def newest(journal: Path) -> dict[str, Any]:
    """The claims of all tokens, laid over each other: what any of them has."""
    found: dict[str, Any] = {}
    for token in journalled(journal).values():
        found.update(json.loads(payload(token)))
    return found
