"""Enrolment: from the token that a person carried to a configuration, over a connection that it pins.

Nothing that the host says counts before its signature and its TLS key fit what the token pins. Dates don't count: this
board has no clock. Asking again with the same key is harmless.
"""

import argparse
import hashlib
import http.client
import json
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wachhund_agent.disk import Disk, replace
from wachhund_agent.identity import load_key, make_key
from wachhund_evidence import MisuseError, RejectedEvidence, WachhundError, base64url, public_key_pem, strict_json
from wachhund_evidence.enrolment import (
    AnswerClaims,
    Invitation,
    invitation_hash,
    read_answer,
    read_invitation,
    sign_proof,
    words,
)
from wachhund_evidence.keys import raw_public_key

_TIMEOUT_S = 20.0  # an address; a host on a slow link takes some seconds for its TLS
_MAX_ANSWER_BYTES = 64 * 1024
_MAX_TOKEN_BYTES = 4096
_INPUT = "-"


class EnrolmentFailed(WachhundError):
    """The robot was not let in. The text says by whom and why."""


def run(arguments: argparse.Namespace) -> int:
    """Enrol, write the configuration, say what comes next. Raises MisuseError, EnrolmentFailed."""
    text = sys.stdin.read(_MAX_TOKEN_BYTES) if arguments.token == _INPUT else arguments.token
    invitation = read_invitation(text)
    config = arguments.config
    if config.exists() and not arguments.replace:
        raise MisuseError("{}: exists already: give --replace, or another --config".format(config))
    key_path = arguments.key if arguments.key is not None else config.with_name("agent.key")
    if not key_path.exists():
        make_key(key_path)
    key = load_key(key_path)
    answer, address = ask(invitation, text, key)
    certificate = key_path.with_suffix(".crt")
    _write(certificate, answer.certificate)
    write_configuration(config, _configuration(answer, invitation, key_path, certificate, config))
    print("enrolled as {} (robot {}) at {}: {}".format(_plain(answer.name), answer.robot, address, config))
    print("compare these words with those that the host shows for it, then accept it there:")
    print("  " + " ".join(words(key.public_key(), invitation_hash(text))))
    return 0


def ask(invitation: Invitation, text: str, key: Ed25519PrivateKey) -> Tuple[AnswerClaims, str]:
    """The host's answer and the address that gave it. Raises EnrolmentFailed: each address, and why it didn't do."""
    proof = sign_proof(text, invitation.host_key, int(time.time()), key)
    raw = base64url.encode(raw_public_key(key.public_key()))
    body = strict_json.render({"proof": proof, "key": raw}).encode("ascii")
    reasons: List[str] = []
    for address in invitation.addresses:
        try:
            answer = _request(address, invitation.tls_pin, body)
            return read_answer(answer, invitation.host_key, proof), address
        except _Refused as refused:
            raise EnrolmentFailed("{}: {}".format(address, refused)) from None
        except RejectedEvidence as error:
            reasons.append("{}: not an answer of the host that made the token ({})".format(address, error.reason))
        except (OSError, http.client.HTTPException) as error:
            reasons.append("{}: {}".format(address, _plain(str(error))[:200]))
    raise EnrolmentFailed("no host let this robot in: " + "; ".join(reasons))


class _Refused(Exception):
    """The right host said no. The text is its own, made plain."""


def _request(address: str, pin: str, body: bytes) -> str:
    """Raises OSError, HTTPException, RejectedEvidence, _Refused."""
    host, _, port = address.rpartition(":")
    # The pin decides, and not the names or dates in a certificate: whoever has the pinned key is the host.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        host.strip("[]"), int(port) if port.isdecimal() else None, timeout=_TIMEOUT_S, context=context
    )
    try:
        connection.connect()
        _check_pin(connection.sock, pin)
        connection.request("POST", "/enrol", body, {"Content-Type": "application/json", "Connection": "close"})
        response = connection.getresponse()
        data = response.read(_MAX_ANSWER_BYTES + 1)
    finally:
        connection.close()
    if len(data) > _MAX_ANSWER_BYTES:
        raise RejectedEvidence("oversize", "an answer of more than {} bytes".format(_MAX_ANSWER_BYTES))
    found = strict_json.parse_object(data)
    answer, error = found.get("answer"), found.get("error")
    if response.status == 200 and isinstance(answer, str):
        return answer
    if isinstance(error, str):
        raise _Refused(_plain(error)[:300])
    raise RejectedEvidence("claims", "neither an answer nor an error")


def _check_pin(sock: Any, pin: str) -> None:
    """Raises OSError when the other end has another TLS key than the token says."""
    raw = sock.getpeercert(binary_form=True)
    if not raw:
        raise OSError("shows no certificate")
    try:
        key = x509.load_der_x509_certificate(raw).public_key()
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        raise OSError("shows a certificate that can't be read") from None
    if base64url.encode(hashlib.sha256(der).digest()) != pin:
        raise OSError("is not the host that made the token (its TLS key differs): somebody may stand in between")


def _configuration(
    answer: AnswerClaims, invitation: Invitation, key: Path, certificate: Path, config: Path
) -> Dict[str, Any]:
    made: Dict[str, Any] = {
        "robot": answer.robot,
        # One is written as it always was: an older version, to which a robot may go back, reads no list.
        "broker": answer.brokers[0] if len(answer.brokers) == 1 else list(answer.brokers),
        "client_id": answer.client_id,
        "username": answer.username,
        "password": answer.password,
        "host_key": public_key_pem(invitation.host_key).decode("ascii"),
        "ca": answer.ca,
        "ueid": answer.ueid,
        "nonce": answer.nonce,
        "key": os.path.relpath(str(key), str(config.parent)),
        "certificate": os.path.relpath(str(certificate), str(config.parent)),
    }
    if answer.recovery_key is not None:
        made["recovery_key"] = public_key_pem(answer.recovery_key).decode("ascii")
        made["recovery_serial"] = str(answer.recovery_serial)
    return made


def write_configuration(path: Path, fields: Dict[str, Any], disk: Optional[Disk] = None) -> None:
    """All or nothing, for the owner only. Raises MisuseError."""
    _write(path, json.dumps(fields, indent=2) + "\n", disk)


def _write(path: Path, text: str, disk: Optional[Disk] = None) -> None:
    try:
        replace(path, text.encode("ascii"), disk or Disk())
    except OSError as error:
        raise MisuseError("{}: {}: enrol again when it can be written".format(path, error.strerror)) from None


def _plain(text: str) -> str:
    """What came from the network, for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
