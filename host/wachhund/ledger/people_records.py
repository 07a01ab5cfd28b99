"""People as the ledger keeps them. Times: host time in seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """Somebody who may log in. `password_hash`: argon2id, empty for none. `grants`: group of robots -> role.

    `language` (BCP 47), `zone` (of the zone database): of pages; empty: as the browser says.
    """

    name: str
    password_hash: str
    created_t: float
    disabled_t: float | None = None
    grants: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    zone: str = ""


@dataclass(frozen=True)
class WebLogin:
    """One login of a person, until `expires_t`. `way`: how they came in. `address` and `program`: what they said."""

    token_hash: str
    person: str
    expires_t: float
    made_t: float = 0.0
    way: str = "password"
    address: str = ""
    program: str = ""

    @property
    def id(self) -> str:
        """What names it on a page: nobody can come in with it."""
        return self.token_hash[:16]


@dataclass(frozen=True)
class PersonLink:
    """A one-time link. `purpose`: `invite` (set a first password) or `reset` (set a new one)."""

    token_hash: str
    person: str
    purpose: str
    made_by: str
    expires_t: float
