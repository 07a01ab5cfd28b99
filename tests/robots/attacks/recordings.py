"""Recordings: what an agent told of a scene, as xz-compressed JSON lines, one file a scene.

The first line is no observation of an agent: kind `recording`, with the scene, its seed and the agent's version. A
judge passes over a kind that it does not know, so the lines can be judged as they are.
"""

import json
import lzma
from pathlib import Path
from typing import Any

import wachhund_agent

FOLDER = Path(__file__).parents[1] / "recordings"
KIND = "recording"


def path(scene: str) -> Path:
    return FOLDER / f"{scene}.jsonl.xz"


def header(scene: str, seed: int, first: dict[str, Any]) -> dict[str, Any]:
    """The first line, at the time of the first observation."""
    made = {"scene": scene, "seed": seed, "agent": wachhund_agent.__version__}
    return {"kind": KIND, "t": first["t"], "mono": first["mono"], "sensor": "corpus", **made}


def write(scene: str, seed: int, lines: bytes) -> None:
    """Keep a scene's lines."""
    FOLDER.mkdir(exist_ok=True)
    head = header(scene, seed, json.loads(lines.partition(b"\n")[0]))
    path(scene).write_bytes(lzma.compress(json.dumps(head).encode() + b"\n" + lines, preset=9 | lzma.PRESET_EXTREME))


def read(scene: str) -> tuple[dict[str, Any], bytes]:
    """The header, and all lines. Raises OSError, lzma.LZMAError or ValueError where there is no such recording."""
    lines = lzma.decompress(path(scene).read_bytes())
    head = json.loads(lines.partition(b"\n")[0])
    if head.get("kind") != KIND or head.get("scene") != scene:
        raise ValueError(f"{path(scene)}: not a recording of {scene}")
    return head, lines
