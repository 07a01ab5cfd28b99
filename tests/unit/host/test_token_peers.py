"""Our tokens and other people's JOSE libraries: any such tool can check what a robot signed, and we read theirs."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from wachhund_evidence import (
    ZERO_HASH,
    EvidenceClaims,
    RejectedEvidence,
    base64url,
    make_nonce,
    private_key_pem,
    public_key_pem,
    read_evidence,
    sign_evidence,
    thumbprint,
    ueid_of,
)

# RFC 9864 (2025) renames EdDSA to Ed25519 for these keys. `alg` comes from the key, so a later profile can follow;
# until PyJWT knows the new name, the old one is what every tool can check.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()
UEID = ueid_of(PUBLIC)
KEYS = {thumbprint(PUBLIC): PUBLIC}
CLAIMS = EvidenceClaims(
    ueid=UEID,
    eat_nonce=make_nonce(b"s" * 32, UEID, 1),
    bootseed=base64url.encode(b"b" * 32),
    chain=base64url.encode(b"c" * 16),
    seq=1,
    prev=ZERO_HASH,
    iat=1600000000,
    mono=1.5,
    swname="wachhund-agent",
    swversion="0.1.0",
    hashes={},
    obs=(),
)


def test_pyjwt_verifies_our_token_and_reads_the_same_claims() -> None:
    token = sign_evidence(CLAIMS, KEY)
    claims = jwt.decode(token, PUBLIC, algorithms=["EdDSA"])
    assert (claims["ueid"], claims["seq"]) == (UEID, 1)
    assert jwt.get_unverified_header(token)["kid"] == thumbprint(PUBLIC)


def test_joserfc_verifies_our_token_and_names_the_key_alike() -> None:
    peer_key = OKPKey.import_key(public_key_pem(PUBLIC).decode())
    found = jws.deserialize_compact(sign_evidence(CLAIMS, KEY), peer_key, algorithms=["EdDSA"])
    assert json.loads(found.payload)["ueid"] == UEID
    assert peer_key.thumbprint() == thumbprint(PUBLIC)


def test_we_read_a_token_that_a_peer_signed() -> None:
    body = jwt.decode(sign_evidence(CLAIMS, KEY), options={"verify_signature": False})
    header = {"typ": "eat+jwt", "kid": thumbprint(PUBLIC)}
    by_pyjwt = jwt.encode(body, KEY, algorithm="EdDSA", headers=header)
    peer_key = OKPKey.import_key(private_key_pem(KEY).decode())
    by_joserfc = jws.serialize_compact({**header, "alg": "EdDSA"}, json.dumps(body), peer_key, algorithms=["EdDSA"])
    for token in (by_pyjwt, by_joserfc):
        assert read_evidence(token, KEYS, UEID) == CLAIMS


def test_where_a_peer_is_lenient_we_are_not() -> None:
    """PyJWT reads a doubled key as the last one; robot and host must never differ on what was said."""
    payload = base64url.encode(b'{"seq":1,"seq":2}')
    header = base64url.encode(json.dumps({"alg": "EdDSA", "kid": thumbprint(PUBLIC), "typ": "eat+jwt"}).encode())
    signature = base64url.encode(KEY.sign(f"{header}.{payload}".encode()))
    token = f"{header}.{payload}.{signature}"
    assert jwt.decode(token, PUBLIC, algorithms=["EdDSA"]) == {"seq": 2}
    with pytest.raises(RejectedEvidence, match="json"):
        read_evidence(token, KEYS, UEID)
