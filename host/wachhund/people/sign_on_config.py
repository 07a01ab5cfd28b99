"""The file that says how people come in by single sign-on: JSON, an unknown key is refused, paths from its folder."""

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wachhund.people.roles import Role
from wachhund_evidence import MisuseError

OPTION = "--single-sign-on"
MAX_FILE_BYTES = 64 * 1024
_NEEDED = ("issuer", "client_id", "client_secret_file")
_KNOWN = (*_NEEDED, "title", "name_claim", "scopes", "hosts", "ca_file", "group_claim", "roles")
_GREATEST_FIRST = (Role.ADMIN, Role.OPERATOR, Role.AUDITOR, Role.VIEWER)


@dataclass(frozen=True)
class SignOn:
    """What the file says. `hosts`: that may be asked beside the issuer's.

    `ca_file`: the authorities to believe instead of the system's. `roles`: (group, role), the greatest role first; with
    `group_claim`, people who come by one of the groups need not exist before. Empty: only people who exist come in.
    """

    issuer: str
    client_id: str
    secret: str
    title: str
    name_claim: str = "preferred_username"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    hosts: tuple[str, ...] = ()
    ca_file: Path | None = None
    group_claim: str | None = None
    roles: tuple[tuple[str, str], ...] = ()

    def may_ask(self, address: str) -> bool:
        """Whether that address is by https and at the issuer's host, or at one that the file names."""
        try:
            parts = urllib.parse.urlsplit(address)
            place, issuer = (parts.hostname, parts.port or 443), urllib.parse.urlsplit(self.issuer)
            allowed = {(issuer.hostname, issuer.port or 443), *((host, 443) for host in self.hosts)}
        except ValueError:
            return False
        plain = address.isascii() and address.isprintable() and not set(address) & {" ", "\\"}
        return plain and parts.scheme == "https" and parts.username is None and place in allowed


def read_sign_on(path: Path) -> SignOn:
    """Raises MisuseError: the file, what is wrong, what to do."""
    said = _object(path)
    unknown = sorted(set(said) - set(_KNOWN))
    if unknown:
        raise _wrong(path, f"{unknown[0]!r} is no key of it: give {', '.join(_KNOWN)}")
    for key in _NEEDED:
        if not isinstance(said.get(key), str) or not said[key]:
            raise _wrong(path, f"{key}: give it as a text")
    issuer = said["issuer"]
    parts = urllib.parse.urlsplit(issuer)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise _wrong(path, f"issuer: {issuer!r}: give an https address without a query")
    config = SignOn(
        issuer, said["client_id"], _secret(path, said["client_secret_file"]),
        _text(path, said, "title", parts.hostname),
        _text(path, said, "name_claim", "preferred_username"), _texts(path, said, "scopes", SignOn.scopes),
        _texts(path, said, "hosts", ()),
        None if "ca_file" not in said else path.parent / _text(path, said, "ca_file", ""),
        None if "group_claim" not in said else _text(path, said, "group_claim", ""),
        _roles(path, said.get("roles", {})),
    )  # fmt: skip
    if "openid" not in config.scopes:
        raise _wrong(path, "scopes: give openid among them")
    if bool(config.roles) is not (config.group_claim is not None):
        raise _wrong(path, "roles and group_claim: give both, or neither")
    if config.ca_file is not None and not config.ca_file.is_file():
        raise _wrong(path, f"ca_file: {config.ca_file}: there is no such file")
    return config


def _object(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(MAX_FILE_BYTES))
    except OSError as error:
        raise MisuseError(f"{OPTION}: {path}: {error.strerror or error}") from None
    except ValueError as error:
        raise _wrong(path, f"no JSON: {error}") from None
    if not isinstance(said, dict):
        raise _wrong(path, "give a JSON object")
    return said


def _secret(path: Path, name: str) -> str:
    file = path.parent / name
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise _wrong(path, f"client_secret_file: {file}: {getattr(error, 'strerror', None) or 'no text'}") from None
    if not secret or len(secret) > 4096 or not secret.isprintable():
        raise _wrong(path, f"client_secret_file: {file}: put the secret into it, on one line")
    return secret


def _text(path: Path, said: Mapping[str, Any], key: str, usual: str) -> str:
    value = said.get(key, usual)
    if not isinstance(value, str) or not value or len(value) > 200 or not value.isprintable():
        raise _wrong(path, f"{key}: give it as a text")
    return value


def _texts(path: Path, said: Mapping[str, Any], key: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    values = said.get(key, usual)
    if not isinstance(values, (list, tuple)) or not all(isinstance(one, str) and one for one in values):
        raise _wrong(path, f"{key}: give a list of texts")
    return tuple(values)


def _roles(path: Path, said: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(said, dict):
        raise _wrong(path, "roles: give an object: group -> role")
    for group, role in said.items():
        if role not in [one.value for one in Role]:
            raise _wrong(path, f"roles: {group!r}: {role!r} is no role: give {', '.join(one.value for one in Role)}")
    return tuple(sorted(said.items(), key=lambda pair: _GREATEST_FIRST.index(Role(pair[1]))))


def _wrong(path: Path, what: str) -> MisuseError:
    return MisuseError(f"{OPTION}: {path}: {what}")
