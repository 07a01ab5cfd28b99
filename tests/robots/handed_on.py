"""A bundle of a robot's evidence as a host hands it on, and what somebody can do to it on the way."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.robots.host_bench import HostBench
from wachhund.audit.bundle import MANIFEST, Listed, Sum, sign_manifest
from wachhund.audit.exporting import Wanted, export
from wachhund.audit.plain_zip import PlainZip, plain_zip_of
from wachhund.audit.verifying_bundle import Checked, verify_bundle

MADE_T = 2_000_000_000.0


def bundle_of(bench: HostBench, wanted: Wanted) -> bytes:
    """A bundle made by this host."""
    stream = io.BytesIO()
    with bench.ledger.moment() as connection:
        export(connection, wanted, bench.keys.key, MADE_T, stream)
    return stream.getvalue()


def checked(folder: Path, data: bytes, **keys: Any) -> Checked:
    """What an offline reader finds."""
    path = folder / "bundle.zip"
    path.write_bytes(data)
    return verify_bundle(path, keys.get("robots", {}), keys.get("hosts", {}))


def parts_of(folder: Path, data: bytes) -> dict[str, bytes]:
    """Its parts by name, in order."""
    path = folder / "taken-apart.zip"
    path.write_bytes(data)
    with PlainZip(path) as zipped:
        return zipped.contents(1 << 30)


def forged(
    folder: Path, data: bytes, change: Callable[[dict[str, bytes]], None], key: Ed25519PrivateKey, robot: str
) -> bytes:
    """The bundle with changed parts, and a manifest that `key` signs over them: what a dishonest host can make."""
    parts = parts_of(folder, data)
    del parts[MANIFEST]
    change(parts)
    listed: list[Listed] = []
    for name, content in parts.items():
        summed = Sum()
        summed.add(content)
        listed.append(summed.listed(name))
    return plain_zip_of({**parts, MANIFEST: sign_manifest(listed, robot, MADE_T, key)})


def lines_of(parts: dict[str, bytes], name: str = "evidence-0001.jsonl") -> list[dict[str, Any]]:
    """The entries of an evidence part."""
    return [json.loads(line) for line in parts[name].splitlines()]


def with_lines(entries: list[Any]) -> bytes:
    """Entries as an evidence part."""
    return b"".join(json.dumps(entry, separators=(",", ":")).encode() + b"\n" for entry in entries)
