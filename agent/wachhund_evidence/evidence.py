"""Evidence: what a robot says it saw, as an EAT (RFC 9711, JWT form; protocol.md, Evidence)."""

from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund_evidence import token
from wachhund_evidence.base64url import check_size
from wachhund_evidence.errors import RejectedEvidence
from wachhund_evidence.observation import Observation, observation_from_json
from wachhund_evidence.witness import is_compact

PROFILE_PREFIX = "tag:wachhund,2026:evidence/"
EVIDENCE_PROFILE = PROFILE_PREFIX + "1"
MAX_OBSERVATIONS = 2000
# Why a robot began a new chain, in the `reason` of that chain's first `agent.start`: what it read from a receipt.
ROLLED_BACK = "the host holds more of this chain than the journal: it was rolled back"
COPIED = "the host holds another token under this number: it was copied"
_NONCE_CHARS = range(8, 89)  # RFC 9711, 4.1: a JSON nonce is a text of 8 to 88 bytes


class EvidenceClaims(NamedTuple):
    """The claims of one evidence token. Hashes, chain, bootseed and nonce are base64url texts.

    `iat` is the robot's wall clock (whole seconds, informative only), `mono` seconds since its boot. A token of a
    later profile has no `obs` here: we can prove and keep it, not read it (protocol.md, Versioning).

    A NamedTuple: making a frozen dataclass of 14 fields costs 3 % of verifying a heartbeat.
    """

    ueid: str
    eat_nonce: str
    bootseed: str
    chain: str
    seq: int
    prev: str
    iat: int
    mono: float
    swname: str
    swversion: str
    hashes: Mapping[str, str]
    obs: Tuple[Observation, ...]
    receipt: Optional[str] = None
    profile: str = EVIDENCE_PROFILE
    witness: Optional[str] = None  # a statement of the robot's witness, as it came: nobody here can read it


def _refuse(detail: str) -> RejectedEvidence:
    return RejectedEvidence("claims", detail)


def sign_evidence(claims: EvidenceClaims, key: Ed25519PrivateKey) -> str:
    """The token text for these claims."""
    body: Dict[str, Any] = {
        "eat_profile": claims.profile,
        "ueid": claims.ueid,
        "eat_nonce": claims.eat_nonce,
        "bootseed": claims.bootseed,
        "chain": claims.chain,
        "seq": claims.seq,
        "prev": claims.prev,
        "iat": claims.iat,
        "mono": claims.mono,
        "swname": claims.swname,
        "swversion": [claims.swversion],
        "hashes": dict(claims.hashes),
        "obs": [observation.to_json() for observation in claims.obs],
    }
    if claims.receipt is not None:
        body["receipt"] = claims.receipt
    if claims.witness is not None:
        body["submods"] = {"witness": ["JWT", claims.witness]}  # a JSON-Selector: RFC 9711, 4.2.18
    return token.sign(token.EVIDENCE_TYPE, body, key)


def _software(claims: Mapping[str, Any]) -> Tuple[str, str, Dict[str, str]]:
    name, version, hashes = claims.get("swname"), claims.get("swversion"), claims.get("hashes")
    if type(name) is not str or type(version) is not list or len(version) != 1 or type(version[0]) is not str:
        raise _refuse("swname or swversion is not as RFC 9711 says")
    if type(hashes) is not dict or not all(type(value) is str for value in hashes.values()):
        raise _refuse("hashes is not a map of texts")
    return name, version[0], hashes


def _observations(value: Any) -> Tuple[Observation, ...]:
    if type(value) is not list:
        raise _refuse("obs is not a list")
    if len(value) > MAX_OBSERVATIONS:
        raise _refuse("obs holds more than {}".format(MAX_OBSERVATIONS))
    return tuple([observation_from_json(item) for item in value])


def _witness(submods: Any) -> Optional[str]:
    """The statement among submodules; other submodules are left to who knows them."""
    if submods is None:
        return None
    if type(submods) is not dict:
        raise _refuse("submods is not an object")
    nested = submods.get("witness")
    if nested is None:
        return None
    if type(nested) is not list or len(nested) != 2 or nested[0] != "JWT" or type(nested[1]) is not str:
        raise _refuse("submods.witness is not a nested JWT")
    if not is_compact(nested[1]):
        raise _refuse("submods.witness is not a compact JWS of one line")
    return nested[1]


def read_evidence(text: str, keys: Mapping[str, Ed25519PublicKey], ueid: str) -> EvidenceClaims:
    """The claims of a robot's token: steps 2 to 7 of protocol.md.

    `keys` are those registered for the robot of the topic, by `kid`; `ueid` is that robot's. Raises RejectedEvidence
    with the reasons of `token.read`, and "claims", "observation", "profile" or "ueid".
    """
    claims = token.read(text, token.EVIDENCE_TYPE, keys)
    get = claims.get
    for name, wanted in (("chain", 16), ("bootseed", 32), ("prev", 32)):
        check_size(get(name), wanted, name)
    seq, iat, mono, nonce, receipt = get("seq"), get("iat"), get("mono"), get("eat_nonce"), get("receipt")
    if type(seq) is not int or seq < 1:
        raise _refuse("seq is not a whole number from 1")
    if type(iat) is not int:
        raise _refuse("iat is not a whole number")
    if not isinstance(mono, (int, float)) or type(mono) is bool:
        raise _refuse("mono is not a number")
    if type(nonce) is not str or len(nonce) not in _NONCE_CHARS:
        raise _refuse("eat_nonce is not a text of 8 to 88 bytes")
    if receipt is not None and type(receipt) is not str:
        raise _refuse("receipt is not a text")
    profile = get("eat_profile")  # (7)
    if type(profile) is not str or not profile.startswith(PROFILE_PREFIX):
        raise RejectedEvidence("profile", "not evidence of ours")
    if get("ueid") != ueid:
        raise RejectedEvidence("ueid", "of another robot")
    base = (ueid, nonce, claims["bootseed"], claims["chain"], seq, claims["prev"], iat, mono)
    if profile != EVIDENCE_PROFILE:
        return EvidenceClaims(*base, "", "", {}, (), receipt, profile)
    witness = _witness(get("submods"))
    return EvidenceClaims(*base, *_software(claims), _observations(get("obs")), receipt, profile, witness)
