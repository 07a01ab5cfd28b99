"""How far a robot's word about itself goes: what its key rests on, and whether its agent is one that was released.

Terms of RATS (RFC 9334): without hardware that measures, attester and attested are the same machine.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

LEVEL = "software key"
MEANING = (
    "The robot's key lies in a file, and the robot itself says what it runs: whoever is root on it can copy the key "
    "and say what he likes. No TPM is fitted."
)
# Hash of the agent's code (hex) -> version. A release adds its line; there has been none.
_RELEASES = "released-builds.json"
_HASH = re.compile(r"[0-9a-f]{64}")


@cache
def released_builds() -> Mapping[str, str]:
    """Versions of the released agents by the SHA-256 of their code (`code_hash` of the agent), as shipped with us."""
    found = json.loads(resources.files("wachhund").joinpath(_RELEASES).read_text(encoding="ascii"))
    return {str(code): str(version) for code, version in found.items()}


def build_word(code: object, released: Mapping[str, str] | None = None) -> str:
    """What is to be said of an agent that names this hash as its own code's. Never a fault: people build their own."""
    known = released_builds() if released is None else released
    if not isinstance(code, str) or _HASH.fullmatch(code) is None:
        return "its build is not known"
    if code in known:
        return f"the released build {known[code]}, as it says itself"
    return f"not a released build (code {code[:12]}…)"
