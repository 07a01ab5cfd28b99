"""A journal's files, read without the agent's own code: what a test holds the ledger against."""

from pathlib import Path

from wachhund_evidence import base64url


def journalled(folder: Path) -> dict[tuple[str, int], str]:
    """The tokens in a journal: (chain, seq) -> text."""
    found = {}
    for path in sorted(folder.glob("*.journal")):
        data, at, chain = path.read_bytes(), 0, ""
        while (at := data.find(b"WHJ1", at)) >= 0:
            kind, length = data[at + 4 : at + 5], int.from_bytes(data[at + 5 : at + 9], "little")
            payload = data[at + 13 : at + 13 + length]
            if kind == b"C":
                chain = base64url.encode(payload)
            elif kind == b"T" and len(payload) == length:
                found[(chain, int.from_bytes(payload[:8], "little"))] = payload[13:].decode("ascii")
            at += 13 + length
    return found
