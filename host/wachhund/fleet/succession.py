"""Which keys the host had, and the statements by which each gave way to the next: one file in the data folder.

Robots that pin an earlier key are shown the statements until they say that they pin the present one.
"""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wachhund_evidence import (
    MisuseError,
    RejectedEvidence,
    base64url,
    public_key_from_raw,
    raw_public_key,
    strict_json,
    thumbprint,
)
from wachhund_evidence.receipt import MAX_NEXT
from wachhund_evidence.succession import Successor, read_successor

_MAX_BYTES = 1024 * 1024  # some 3,000 changes of the key


@dataclass(frozen=True)
class Succession:
    """`statements`: as robots read them, the oldest first. `first`: the key before them all; None when that is lost."""

    first: Ed25519PublicKey | None
    recovery_key: Ed25519PublicKey | None = None
    statements: tuple[str, ...] = ()

    @cached_property
    def steps(self) -> tuple[Successor, ...]:
        """The statements, each checked under the key before it or the recovery key. Raises RejectedEvidence."""
        made: list[Successor] = []
        present = self.first
        for text in self.statements:
            may_sign = [key for key in (self.recovery_key, present) if key is not None]
            step = read_successor(text, {thumbprint(key): key for key in may_sign})
            made.append(step)
            present = step.key
        return tuple(made)

    @cached_property
    def keys(self) -> dict[str, Ed25519PublicKey]:
        """All keys that the host ever signed receipts with, by `kid`, the oldest first."""
        first = [] if self.first is None else [self.first]
        return {thumbprint(key): key for key in (*first, *(step.key for step in self.steps))}

    @property
    def last_kid(self) -> str | None:
        """The name of the host's key by this file."""
        return next(reversed(self.keys), None)

    @property
    def recovery_serial(self) -> int:
        """Of the last statement that the recovery key signed; 0 for none."""
        by = None if self.recovery_key is None else thumbprint(self.recovery_key)
        return max((step.serial for step in self.steps if step.signer == by), default=0)

    def next_for(self, kid: str | None) -> tuple[str, ...]:
        """What a robot has to be shown that pins the key `kid` (None: not known which), at most MAX_NEXT statements."""
        reached = (place for place, step in enumerate(self.steps, 1) if thumbprint(step.key) == kid)
        return self.statements[next(reached, 0) :][-MAX_NEXT:]

    def followed_by(self, statement: str) -> "Succession":
        """With one more statement."""
        return Succession(self.first, self.recovery_key, (*self.statements, statement))

    def next_serial(self, now: float) -> int:
        """Beyond all before it; the clock helps a host that has lost its file."""
        return max((*(step.serial for step in self.steps), 0, int(now) - 1)) + 1


def load(path: Path, recovery_key: Ed25519PublicKey | None) -> Succession | None:
    """What the file holds; None when there is none: the key was never changed. Raises MisuseError."""
    try:
        data = path.read_bytes()[: _MAX_BYTES + 1]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MisuseError(f"succession: {path}: {error.strerror}: give this user the right to read it") from None
    try:
        found = strict_json.parse_object(data)
        statements = found.get("statements")
        if not isinstance(statements, list) or not all(isinstance(one, str) for one in statements):
            raise RejectedEvidence("json", "no list of statements")
        first = found.get("first")
        key = None if first is None else public_key_from_raw(base64url.decode(str(first)))
        made = Succession(key, recovery_key, tuple(statements))
        _ = made.steps
    except (RejectedEvidence, MisuseError) as error:
        raise MisuseError(f"succession: {path}: damaged ({error}): put back a copy") from None
    return made


def save(path: Path, succession: Succession) -> None:
    """All or nothing, and on disk. Raises MisuseError."""
    first = None if succession.first is None else base64url.encode(raw_public_key(succession.first))
    body = {"first": first, "statements": list(succession.statements)}
    new = path.with_name(path.name + ".new")
    try:
        with new.open("w", encoding="ascii") as stream:
            stream.write(json.dumps(body, indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise MisuseError(f"succession: {path}: {error.strerror}: nothing was changed") from None


def sync_folder(path: Path) -> None:
    """A renamed file must have its new name after a power cut, too. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
