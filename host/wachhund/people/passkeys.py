"""Passkeys (W3C Web Authentication, level 2) by py_webauthn: what a browser is asked, and whether its answer is right.

No I/O. The browser keeps a key of its own for each site and person, and signs a challenge with it after it saw that
the person is there (a PIN, a finger, a face); so one passkey is both factors. Nothing is asked about who made the
device: what browsers tell of that identifies people.
"""

import ipaddress
import json
import logging
import secrets
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from wachhund_evidence.base64url import encode

CHALLENGE_BYTES = 32
HANDLE_BYTES = 32
BROWSER_WAITS_MS = 120_000
_MAX_ID_BYTES = 1023  # Web Authentication, 5.4.3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Site:
    """What passkeys are made for. `name`: the RP id, a host name; `origin`: of the pages, as browsers send it."""

    name: str
    origin: str


@dataclass(frozen=True)
class MadePasskey:
    """What a browser made. `id`: base64url; `public_key`: COSE; `count`: of its signatures, 0 for one that counts none.

    `is_synced`: whether its maker copies it to other devices of the person.
    """

    id: str
    public_key: bytes
    count: int
    is_synced: bool


@dataclass(frozen=True)
class Claim:
    """Which passkey an answer says it is of, before anything was checked. Both base64url."""

    id: str
    handle: str


def site_of(origin: str) -> Site | None:
    """The site that passkeys can be made for, where people find the pages at that origin; None: there is none.

    Browsers want a host name, by https; but for `localhost`, which is also where pages at a loopback address are.
    """
    parts = urllib.parse.urlsplit(origin)
    name = parts.hostname or ""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        usable = bool(name) and (parts.scheme == "https" or name == "localhost")
        return Site(name, origin) if usable else None
    if parts.scheme != "http" or not address.is_loopback:
        return None
    return Site("localhost", "http://localhost" if parts.port in (None, 80) else f"http://localhost:{parts.port}")


def new_handle() -> str:
    """What names a person to their devices, base64url: random, so that it tells nobody who it is."""
    return encode(secrets.token_bytes(HANDLE_BYTES))


def ask_to_make(site: Site, person: str, handle: str, challenge: bytes, known: Iterable[str]) -> dict[str, Any]:
    """What `navigator.credentials.create` is given, as JSON. `known`: ids that the person has; `handle`: theirs."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes, options_to_json_dict, structs

    wanted = structs.AuthenticatorSelectionCriteria(
        resident_key=structs.ResidentKeyRequirement.REQUIRED,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    options = webauthn.generate_registration_options(
        rp_id=site.name, rp_name=f"Wachhund {site.name}", user_name=person, user_id=base64url_to_bytes(handle),
        challenge=challenge, timeout=BROWSER_WAITS_MS, authenticator_selection=wanted,
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(base64url_to_bytes(one)) for one in known],
    )  # fmt: skip
    return options_to_json_dict(options)


def ask_to_show(site: Site, challenge: bytes) -> dict[str, Any]:
    """What `navigator.credentials.get` is given, as JSON: any passkey of this site, so nobody is named before."""
    import webauthn
    from webauthn.helpers import options_to_json_dict, structs

    options = webauthn.generate_authentication_options(
        rp_id=site.name, challenge=challenge, timeout=BROWSER_WAITS_MS,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return options_to_json_dict(options)


def made(site: Site, challenge: bytes, answer: str) -> MadePasskey | None:
    """The passkey that a browser made for this challenge (JSON of its answer); None when the answer is not right."""
    import webauthn
    from webauthn.helpers import parse_attestation_object, parse_registration_credential_json

    try:
        credential = parse_registration_credential_json(answer)
        stated = parse_attestation_object(credential.response.attestation_object)
        # Browsers leave out who made the device, as they were not asked; certificates of others are not read at all.
        if stated.fmt not in ("none", "packed") or stated.att_stmt.x5c is not None:
            _log.info("passkey: not taken: it comes with a statement of its maker, which was not asked for")
            return None
        found = webauthn.verify_registration_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=site.name,
            expected_origin=site.origin, require_user_verification=True,
        )  # fmt: skip
    except _wrong() as error:
        _log.info("passkey: not taken: %s", type(error).__name__)
        return None
    if credential.raw_id != found.credential_id or len(found.credential_id) > _MAX_ID_BYTES:
        return None
    return MadePasskey(
        encode(found.credential_id), found.credential_public_key, found.sign_count, found.credential_backed_up
    )


def claim_of(answer: str) -> Claim | None:
    """Which passkey, and whose, an answer says it is; nothing of it is proven. None when it says neither."""
    from webauthn.helpers import parse_authentication_credential_json

    try:
        credential = parse_authentication_credential_json(answer)
    except _wrong():
        return None
    handle = credential.response.user_handle
    return Claim(encode(credential.raw_id), encode(handle)) if handle else None


def shown(site: Site, challenge: bytes, answer: str, public_key: bytes) -> int | None:
    """The count that the passkey of this key tells, where it signed this challenge for this site; else None.

    Whether the count went back is for the ledger to say, which holds it: a refusal is on record only when the
    signature is right, so that nobody without the passkey can make one.
    """
    import webauthn

    try:
        found = webauthn.verify_authentication_response(
            credential=answer, expected_challenge=challenge, expected_rp_id=site.name, expected_origin=site.origin,
            credential_public_key=public_key, credential_current_sign_count=0, require_user_verification=True,
        )  # fmt: skip
    except _wrong() as error:
        _log.info("passkey: not let in: %s", type(error).__name__)
        return None
    return found.new_sign_count


def pasted(options: dict[str, Any]) -> str:
    """As a page carries it."""
    return json.dumps(options, separators=(",", ":"))


def _wrong() -> tuple[type[Exception], ...]:
    """What an answer that is not right can raise; some of it is hostile and of no form at all."""
    from webauthn.helpers.exceptions import WebAuthnException

    return (
        WebAuthnException, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError, LookupError, AttributeError,
        RecursionError, OverflowError,
    )  # fmt: skip
