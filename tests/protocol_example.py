"""The worked example of docs/protocol.md: one enrolment, two tokens, the receipt for them, and what must be refused.

Everything follows from throw-away seeds that are printed with it: never use them for anything else. `python -m
tests.protocol_example` writes docs/protocol-example.json and the example's block in docs/protocol.md;
tests/unit/house/test_protocol.py holds both against this.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    Observation,
    ReceiptClaims,
    base64url,
    make_nonce,
    raw_public_key,
    sign_evidence,
    sign_receipt,
    strict_json,
    thumbprint,
    token,
    token_hash,
    ueid_of,
)
from wachhund_evidence.enrolment import (
    AnswerClaims,
    Invitation,
    invitation_hash,
    sign_answer,
    sign_proof,
    words,
    write_invitation,
)

DOCS = Path(__file__).resolve().parents[1] / "docs"
DATA, DOCUMENT = DOCS / "protocol-example.json", DOCS / "protocol.md"
BLOCK = re.compile(r"(?<=<!-- example -->\n).*?(?=^<!-- end of the example -->$)", re.MULTILINE | re.DOTALL)
HOST_TIME, ROBOT_TIME = 1_790_000_000, 1_610_617_000  # the robot's clock is wrong by years, as it is after each boot
_PEM = (
    "-----BEGIN CERTIFICATE-----\n(the certificate of the host's own authority; left out here)\n"
    "-----END CERTIFICATE-----\n"
)
_OWN_PEM = (
    "-----BEGIN CERTIFICATE-----\n(the certificate of the robot's own key; left out here)\n-----END CERTIFICATE-----\n"
)


def _seed(name: str) -> bytes:
    """32 bytes that everybody can make, so that nobody takes them for a secret."""
    return hashlib.sha256(f"wachhund test vector, never use: {name}".encode()).digest()


def _parts(text: str) -> dict[str, Any]:
    header, payload, _ = (base64url.decode(part) for part in text.split("."))
    return {"header": json.loads(header), "payload": json.loads(payload), "token": text, "hash": token_hash(text)}


def example() -> dict[str, Any]:
    """All of it, as the JSON file shows it."""
    host, robot = (Ed25519PrivateKey.from_private_bytes(_seed(name)) for name in ("host key", "robot key"))
    secret = _seed("nonce secret")
    host_public, robot_public = host.public_key(), robot.public_key()
    ueid = ueid_of(robot_public)
    nonce = make_nonce(secret, ueid, HOST_TIME * 1_000_000)

    invitation = write_invitation(
        Invitation(
            ("192.0.2.10:8443",), base64url.encode(_seed("TLS pin")), host_public,
            base64url.encode(_seed("invitation")[:16]),
        )
    )  # fmt: skip
    proof = sign_proof(invitation, host_public, ROBOT_TIME, robot)
    answer = sign_answer(
        AnswerClaims(
            request=token_hash(proof), robot="k3v9x0q2ab", name="rex", ueid=ueid, brokers=("mqtts://192.0.2.10:8883",),
            client_id=_seed("client id")[:12].hex(), username="k3v9x0q2ab",
            password=base64url.encode(_seed("password")[:24]), ca=_PEM, recovery_key=None, nonce=nonce, iat=HOST_TIME,
            certificate=_OWN_PEM,
        ),
        host,
    )  # fmt: skip

    chain, bootseed = (base64url.encode(_seed(name)[:size]) for name, size in (("chain", 16), ("boot", 32)))
    start = Observation(
        "agent.start", ROBOT_TIME + 0.5, 31.5, "agent",
        {"version": "0.1.0", "build_sha256": _seed("code").hex(), "reason": "first start", "clean": True,
         "python": "3.7.3", "cryptography": "45.0.7"},
    )  # fmt: skip
    listens = Observation(
        "listen.open", ROBOT_TIME + 2.25, 33.25, "tcp/tracefs",
        {"proto": "tcp", "local": ["0.0.0.0", 8080], "scope": "any", "puid": "812-10432", "pid": 812,
         "exe": "/opt/caf\u00e9/serve\\xff", "user": "pi"},
    )  # fmt: skip

    def evidence(seq: int, prev: str, mono: float, *obs: Observation) -> str:
        claims = EvidenceClaims(
            ueid=ueid, eat_nonce=nonce, bootseed=bootseed, chain=chain, seq=seq, prev=prev,
            iat=ROBOT_TIME + int(mono) - 31, mono=mono, swname="wachhund-agent", swversion="0.1.0",
            hashes={"code": _seed("code").hex(), "config": _seed("configuration").hex()}, obs=obs,
        )  # fmt: skip
        return sign_evidence(claims, robot)

    first = evidence(1, ZERO_HASH, 32.0, start)
    second = evidence(2, token_hash(first), 33.5, listens)
    receipt = sign_receipt(
        ReceiptClaims(
            ueid=ueid, chain=chain, seq=2, head=token_hash(second), held=(), seen=token_hash(second),
            nonce=make_nonce(secret, ueid, (HOST_TIME + 4) * 1_000_000), iat=HOST_TIME + 4,
        ),
        host,
    )  # fmt: skip
    return {
        "warning": "made from seeds that everybody can make: for tests only, never use these keys",
        "keys": {
            name: {
                "seed": _seed(name).hex(),
                "seed_is": f"SHA-256 of the text 'wachhund test vector, never use: {name}'",
                "x": base64url.encode(raw_public_key(key.public_key())),
                "kid": thumbprint(key.public_key()),
            }
            for name, key in (("host key", host), ("robot key", robot))
        },
        "nonce": {"secret": secret.hex(), "ueid": ueid, "host_time_us": HOST_TIME * 1_000_000, "nonce": nonce},
        "ueid": ueid,
        "invitation": {
            "text": invitation,
            "object": json.loads(base64url.decode(invitation[len("wachhund1-") :])[:-4]),
            "hash": invitation_hash(invitation),
        },
        "proof": _parts(proof),
        "request": {"proof": proof, "key": base64url.encode(raw_public_key(robot_public))},
        "answer": _parts(answer),
        "words": words(robot_public, invitation_hash(invitation)),
        "evidence": [_parts(first), _parts(second)],
        "receipt": _parts(receipt),
        "refused": _refused(second, robot, host),
    }


def _refused(good: str, robot: Ed25519PrivateKey, host: Ed25519PrivateKey) -> list[dict[str, str]]:
    """Texts that look like the good one, and the reason with which a reader of evidence refuses each."""
    head, payload, signature = good.split(".")
    claims = strict_json.parse_object(base64url.decode(payload))
    kid = thumbprint(robot.public_key())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    def signed(header: str, body: str, key: Ed25519PrivateKey = robot) -> str:
        text = ".".join(base64url.encode(part.encode()) for part in (header, body))
        return f"{text}.{base64url.encode(key.sign(text.encode()))}"

    usual, body = base64url.decode(head).decode(), base64url.decode(payload).decode()
    other = {**claims, "ueid": ueid_of(host.public_key())}
    made: list[tuple[str, str, Callable[[], str]]] = [
        ("padding", "base64", lambda: good + "=="),
        ("spare bits set", "base64", lambda: good[:-1] + alphabet[alphabet.index(good[-1]) ^ 1]),
        ("another byte in the payload", "signature", lambda: f"{head}.{payload[:-3]}AAA.{signature}"),
        ("a fourth name in the header", "header", lambda: signed(usual[:-1] + ',"crit":["exp"]}', body)),
        ("a receipt's type", "typ", lambda: signed(usual.replace("eat+jwt", "wachhund-receipt+jwt"), body)),
        ("another key's name", "key", lambda: signed(usual.replace(kid, thumbprint(host.public_key())), body, host)),
        ("a doubled key", "json", lambda: signed(usual, body.replace('"seq":2', '"seq":2,"seq":3'))),
        ("NaN", "json", lambda: signed(usual, body.replace('"mono":33.5', '"mono":NaN'))),
        ("a number beyond 2^53-1", "json", lambda: signed(usual, body.replace('"seq":2', '"seq":9007199254740992'))),
        ("seq as a float", "claims", lambda: signed(usual, body.replace('"seq":2', '"seq":2.0'))),
        ("another robot's ueid", "ueid", lambda: token.sign(token.EVIDENCE_TYPE, other, robot)),
    ]
    return [{"what": what, "reason": reason, "token": make()} for what, reason, make in made]


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True)


def rendered() -> tuple[str, str]:
    """The JSON file, and the block of the document."""
    made = example()
    robot, nonce, (first, second) = made["keys"]["robot key"], made["nonce"], made["evidence"]
    lines = ["Keys for tests only, from seeds that everybody can make. **Never use them.**", "", "```text"]
    for name, key in made["keys"].items():
        lines += [f"{name}: seed {key['seed']}", f"  {key['seed_is']}", f"  x    {key['x']}", f"  kid  {key['kid']}"]
    lines += [f"ueid   {made['ueid']}  (0x01 and SHA-256 of the robot's 32 bytes)"]
    lines += [f"nonce  {nonce['nonce']}", f"  of host time {nonce['host_time_us']} us, secret {nonce['secret']}"]
    lines += ["```", "", "The invitation, and the object in it:", "", "```text", made["invitation"]["text"], "```"]
    lines += ["", "```json", _json(made["invitation"]["object"]), "```", ""]
    lines += [
        f"Its hash (`invitation`): `{made['invitation']['hash']}`. The request, with the proof's payload below:",
        "",
    ]
    lines += ["```json", _json(made["request"]), "```", "", "```json", _json(made["proof"]["payload"]), "```", ""]
    lines += ["The answer's payload (its text is in the JSON file), and the six words:", ""]
    lines += ["```json", _json(made["answer"]["payload"]), "```", "", "```text", " ".join(made["words"]), "```", ""]
    lines += ["The second token of a chain: header and payload, the text, and its hash:", ""]
    lines += ["```json", _json(second["header"]), _json(second["payload"]), "```", "", "```text", second["token"]]
    lines += ["```", "", f"Hash: `{second['hash']}`.", f"Of the token before it: `{first['hash']}`.", ""]
    lines += ["The receipt for both:", "", "```json", _json(made["receipt"]["payload"]), "```", "", "```text"]
    lines += [made["receipt"]["token"], "```", "", "Refused as evidence of this robot (texts in the JSON file):", ""]
    lines += ["| what differs from the second token | reason |", "|---|---|"]
    lines += [f"| {one['what']} | `{one['reason']}` |" for one in made["refused"]]
    assert robot["kid"] == second["header"]["kid"]
    return _json(made) + "\n", "\n".join(lines) + "\n"


def main() -> None:
    data, block = rendered()
    DATA.write_text(data, encoding="ascii")
    DOCUMENT.write_text(BLOCK.sub(lambda _: block, DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
