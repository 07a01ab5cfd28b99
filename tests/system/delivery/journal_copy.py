"""A journal's files, read without the agent's own code: what a test holds the ledger against."""

from pathlib import Path

from wachhund_evidence import base64url


def journalled(folder: Path) -> dict[tuple[str, int], str]:
    """The tokens in a journal: (chain, seq) -> text."""
    found = {}
    for path in sorted(folder.glob("*.journal")):
        data, at = path.read_bytes(), 0
        while (at := data.find(b"WHJ2", at)) >= 0:
            kind, length = data[at + 4 : at + 5], int.from_bytes(data[at + 5 : at + 9], "little")
            payload = data[at + 13 : at + 13 + length]
            if kind == b"T" and len(payload) == length:
                begin = 29 + (24 if payload[24] & 2 else 0)  # behind what it says of a token of an earlier chain
                found[(base64url.encode(payload[:16]), int.from_bytes(payload[16:24], "little"))] = payload[
                    begin:
                ].decode("ascii")
            at += 13 + length
    return found
