"""A signed pack of rules: a folder of rule files with `pack.jws`, which names each file with its SHA-256.

A compact JWS (RFC 7515, Ed25519) of the host's key, or of a release key that is pinned in this program
(release-keys.json: its name, and the key as PEM; none until something is released). Claims: `format`, `pack` (a name),
`version` (a whole number from 1), `iat`, `files`: path -> SHA-256.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wachhund.judge.rule_file import MAX_FILE_BYTES, UnusableFile, one_line, read_text
from wachhund_evidence import RejectedEvidence, load_public_key_pem, thumbprint, token

MANIFEST = "pack.jws"
TYPE = "wachhund-rules+jwt"
FORMAT = "wachhund-rules/1"
MAX_FILES = 1_500  # names and hashes of so many fit into one token, where the names are not long
MAX_PATH_CHARS = 1_024
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile("[0-9a-f]{64}")
_RELEASE_KEYS = Path(__file__).parent / "release-keys.json"

Keys = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True)
class SignedPack:
    """What a manifest says. `kid`: of the key that signed it. `files`: path below its folder -> SHA-256."""

    name: str
    version: int
    kid: str
    files: Mapping[str, str]


@lru_cache(maxsize=1)
def release_keys() -> Keys:
    """The keys that are pinned in this program, by name (RFC 7638)."""
    keys = [load_public_key_pem(pem.encode("ascii")) for pem in json.loads(_RELEASE_KEYS.read_text("utf-8")).values()]
    return {thumbprint(key): key for key in keys}


def sign_pack(
    folder: Path, files: Mapping[str, str], name: str, version: int, t: float, key: Ed25519PrivateKey
) -> None:
    """Write the manifest of a folder, whole or not at all. `files`: path below it -> text. Raises UnusableFile."""
    if not _NAME.fullmatch(name) or not 1 <= version < 2**31:
        raise UnusableFile("a pack needs a name of a-z, 0-9, . _ - (64 at most), and a version from 1")
    if not files or len(files) > MAX_FILES:
        raise UnusableFile(f"a pack holds 1 to {MAX_FILES} rule files")
    claims = {
        "format": FORMAT,
        "pack": name,
        "version": version,
        "iat": int(t),
        "files": {path: sha256_of(text) for path, text in sorted(files.items())},
    }
    text = token.sign(TYPE, claims, key) + "\n"
    if len(text) > MAX_FILE_BYTES:
        raise UnusableFile(f"{len(files)} names are too long for one manifest: make two packs")
    _pack_in(text, {thumbprint(key.public_key()): key.public_key()})  # nothing is signed that no host would take
    _write_whole(folder / MANIFEST, text)


def _write_whole(path: Path, text: str) -> None:
    """A host may read it meanwhile, and the one before it counts until this one is on the disk."""
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        try:
            with unfinished.open("x", encoding="ascii") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror}: it is as it was") from None


def read_pack(manifest: Path, keys: Keys) -> SignedPack:
    """What a manifest says, if one of `keys` or a release key signed it. Raises UnusableFile."""
    return _pack_in(read_text(manifest), keys)


def _pack_in(text: str, keys: Keys) -> SignedPack:
    text = text.strip()
    known = {**release_keys(), **keys}
    try:
        claims = token.read(text, TYPE, known)
        kid = token.kid_of(text)
    except RejectedEvidence as error:
        raise UnusableFile(f"not signed by this host or a release: {error}") from None
    name, version, files = claims.get("pack"), claims.get("version"), claims.get("files")
    if claims.get("format") != FORMAT or type(version) is not int or not isinstance(name, str):
        raise UnusableFile(f"not a manifest of {FORMAT}")
    if not _NAME.fullmatch(name) or not isinstance(files, dict) or len(files) > MAX_FILES:
        raise UnusableFile(f"not a manifest of {FORMAT}")
    if not all(isinstance(sha256, str) and _SHA256.fullmatch(sha256) for sha256 in files.values()):
        raise UnusableFile(f"not a manifest of {FORMAT}")
    for path in files:
        if not _is_below(path):
            raise UnusableFile(f"names {one_line(path)!r}, which is no path below its folder")
    return SignedPack(name, version, kid, files)


def _is_below(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return 0 < len(path) <= MAX_PATH_CHARS and path == "/".join(parts) and ".." not in parts


def sha256_of(text: str) -> str:
    """Of a rule file's text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
