"""Passwords: argon2id (RFC 9106), one at a time, and equally long for a person that does not exist."""

import secrets
import threading

import argon2

from wachhund_evidence import MisuseError

MIN_CHARACTERS = 12
MAX_CHARACTERS = 1024


class Passwords:
    """Hashes and checks. Safe to use from several threads. `hasher`: how dear a guess is, unless a test says."""

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._one_at_a_time = threading.Lock()  # argon2 takes 64 MiB: no crowd of guessers may multiply it
        # A name that does not exist must take as long as one that does.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """How the ledger keeps it."""
        with self._one_at_a_time:
            return self._hasher.hash(password)

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """Whether it is that password. None or empty: there is nobody, and it takes as long to say so."""
        with self._one_at_a_time:
            try:
                right = self._hasher.verify(password_hash or self._nobody, password[:MAX_CHARACTERS])
            except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
                return False
        return right and bool(password_hash)


def check_new(password: str, again: str, name: str) -> None:
    """Raises MisuseError for a password that can't be used as a new one."""
    if password != again:
        raise MisuseError("password: the two differ: type it twice")
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise MisuseError(f"password: give {MIN_CHARACTERS} to {MAX_CHARACTERS} characters: four words do well")
    if password.strip().casefold() == name.casefold() or len(set(password)) < 5:
        raise MisuseError("password: too easy to guess: four words do well")
