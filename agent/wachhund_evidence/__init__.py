"""The language that robot and host share: observations, evidence, receipts. Pure: no I/O, no clock.

Bytes and dataclasses go in, bytes and dataclasses come out. This page lists the whole of it.
"""

import warnings

# cryptography 45.0.7 is the last for Python 3.7 and says so at every import. A robot's owner can do nothing about
# it and would read it before each of our own lines. It must stand before our modules, which import cryptography.
warnings.filterwarnings("ignore", message="Python 3.7 is no longer supported")

from wachhund_evidence.errors import MisuseError, RejectedEvidence, WachhundError
from wachhund_evidence.evidence import (
    COPIED,
    EVIDENCE_PROFILE,
    MAX_OBSERVATIONS,
    ROLLED_BACK,
    EvidenceClaims,
    read_evidence,
    sign_evidence,
)
from wachhund_evidence.keys import (
    load_private_key_pem,
    load_public_key_pem,
    private_key_pem,
    public_key_from_raw,
    public_key_pem,
    raw_public_key,
    thumbprint,
    ueid_of,
)
from wachhund_evidence.nonce import make_nonce, nonce_time
from wachhund_evidence.observation import (
    MAX_TEXT_BYTES,
    Coverage,
    Observation,
    clip,
    observation_from_json,
    observation_from_line,
    observation_to_line,
    text,
)
from wachhund_evidence.receipt import MAX_HELD_RANGES, ReceiptClaims, read_receipt, sign_receipt, spans_of
from wachhund_evidence.serial_line import MAX_LINE_BYTES, LineReader, frame
from wachhund_evidence.token import (
    MAX_MESSAGE_BYTES,
    ZERO_HASH,
    kid_of,
    pack_message,
    token_hash,
    unpack_message,
    unproven,
)
from wachhund_evidence.witness import (
    SECRET_BYTES,
    StatementClaims,
    WitnessEvent,
    is_compact,
    read_statement,
    sign_confirm,
    witness_kid,
)

__all__ = [
    "COPIED",
    "EVIDENCE_PROFILE",
    "MAX_HELD_RANGES",
    "MAX_LINE_BYTES",
    "MAX_MESSAGE_BYTES",
    "MAX_OBSERVATIONS",
    "MAX_TEXT_BYTES",
    "ROLLED_BACK",
    "SECRET_BYTES",
    "ZERO_HASH",
    "Coverage",
    "EvidenceClaims",
    "LineReader",
    "MisuseError",
    "Observation",
    "ReceiptClaims",
    "RejectedEvidence",
    "StatementClaims",
    "WachhundError",
    "WitnessEvent",
    "clip",
    "frame",
    "is_compact",
    "kid_of",
    "load_private_key_pem",
    "load_public_key_pem",
    "make_nonce",
    "nonce_time",
    "observation_from_json",
    "observation_from_line",
    "observation_to_line",
    "pack_message",
    "private_key_pem",
    "public_key_from_raw",
    "public_key_pem",
    "raw_public_key",
    "read_evidence",
    "read_receipt",
    "read_statement",
    "sign_confirm",
    "sign_evidence",
    "sign_receipt",
    "spans_of",
    "text",
    "thumbprint",
    "token_hash",
    "ueid_of",
    "unpack_message",
    "unproven",
    "witness_kid",
]
