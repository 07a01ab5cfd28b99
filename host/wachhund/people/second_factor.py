"""The second factor: time-based codes (RFC 6238, by pyotp), and recovery codes for whoever lost the device."""

import hashlib
import io
import secrets
from dataclasses import dataclass

import pyotp
import segno

STEP_S = 30
_ACCEPTED_STEPS = 1  # before and after: the device's clock may be half a minute off
_RECOVERY_CODES = 10
_RECOVERY_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another


@dataclass(frozen=True)
class Offer:
    """A new secret: as a picture to scan (SVG), and to type."""

    secret: str
    picture: str


def new_secret() -> str:
    """160 random bits, base32."""
    return pyotp.random_base32()


def offer(secret: str, name: str, host: str) -> Offer:
    """What a person is shown once. The picture is made here: nobody else is asked to draw a secret."""
    address = pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=name, issuer_name=f"Wachhund {host}")
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", scale=5, border=4, dark="#000", light="#fff", xmldecl=False, svgns=True, nl=False,
        title="QR code for an authenticator program",
    )  # fmt: skip
    return Offer(secret, drawn.getvalue().decode())


def step_of(secret: str, code: str, t: float) -> int | None:
    """The step of the clock whose code this is, near `t`; None when it is none."""
    code = code.replace(" ", "")
    if len(code) != 6 or not (code.isascii() and code.isdecimal()):
        return None
    totp, now = pyotp.TOTP(secret, interval=STEP_S), int(t // STEP_S)
    near = range(now - _ACCEPTED_STEPS, now + _ACCEPTED_STEPS + 1)
    right = [step for step in near if secrets.compare_digest(totp.generate_otp(step), code)]
    return max(right, default=None)


def new_recovery_codes() -> list[str]:
    """Ten codes of 50 bits, each for one login."""
    return [
        "-".join("".join(secrets.choice(_RECOVERY_CHARACTERS) for _ in range(5)) for _ in range(2))
        for _ in range(_RECOVERY_CODES)
    ]


def recovery_hash(code: str) -> str:
    """How the ledger keeps one."""
    return hashlib.sha256(f"recovery {code.strip().lower()}".encode()).hexdigest()


def is_secret(text: str) -> bool:
    """Whether a text is a secret that this room could have made."""
    return len(text) == 32 and all(character in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for character in text)
