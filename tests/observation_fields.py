"""What docs/protocol.md says of observations, read for programs: every kind, its fields and their types."""

import re
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "protocol.md"
_SECTION = re.compile(r"^### ((?:`[a-z.]+`(?:, )?)+)$(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)(\??)(\*?)` \|", re.MULTILINE)
_SHA256 = re.compile("[0-9a-f]{64}")
_MAX_TEXT_BYTES = 4 * 1024


def documented() -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """Kind -> field -> (type, may be null, may be missing)."""
    found = {}
    text = DOCUMENT.read_text(encoding="utf-8").partition("\n## Observation kinds\n")[2] + "\n##"
    common = {name: (base, bool(null), bool(missing)) for name, base, null, missing in _ROW.findall(text[:3000])[:4]}
    for heading, body in _SECTION.findall(text):
        fields = {name: (base, bool(null), bool(missing)) for name, base, null, missing in _ROW.findall(body)}
        for kind in re.findall("`([a-z.]+)`", heading):
            found[kind] = {**common, **fields}
    return found


def _is_end(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
        and (value[1] is None or (type(value[1]) is int and 0 <= value[1] < 65536))
    )  # fmt: skip


_IS = {
    "text": lambda value: isinstance(value, str) and len(value.encode()) <= _MAX_TEXT_BYTES,
    "texts": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "int": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "bool": lambda value: type(value) is bool,
    "sha256": lambda value: isinstance(value, str) and _SHA256.fullmatch(value) is not None,
    "end": _is_end,
    "ends": lambda value: isinstance(value, list) and all(map(_is_end, value)),
    "process": lambda value: isinstance(value, dict) and set(value) == {"puid", "exe", "pid"},
    "object": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "any": lambda value: True,
}


def faults(observation: dict[str, Any], kinds: dict[str, dict[str, tuple[str, bool, bool]]]) -> list[str]:
    """How an observation differs from what the document says of its kind; empty when it does not."""
    kind = observation.get("kind", "")
    fields = kinds.get(kind)
    if fields is None:
        return [f"{kind}: no such kind"]
    found = [f"{kind}: {name}: not in the document" for name in observation if name not in fields]
    for name, (base, may_be_null, may_miss) in fields.items():
        if name not in observation:
            if not may_miss:
                found.append(f"{kind}: {name}: missing")
            continue
        value = observation[name]
        if value is None and (may_be_null or base == "any"):
            continue
        if value is None or not _IS[base](value):
            found.append(f"{kind}: {name}: {value!r} is no {base}")
    return found
