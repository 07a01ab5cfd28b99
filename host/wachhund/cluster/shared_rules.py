"""One reading of the rules for all judges of a worker: to read them costs half a second of a core."""

import threading

from wachhund.judge.rule_folder import RuleFolder
from wachhund.judge.rule_loading import RulePack


class SharedRules:
    """Safe to use from several threads."""

    def __init__(self, folder: RuleFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._pack: RulePack | None = None
        self._version = 0

    @property
    def fault(self) -> str | None:
        """Why some rules are not in use, in words; None when all are."""
        return self._folder.fault

    def since(self, version: int) -> tuple[int, RulePack | None]:
        """The rules, and which version of them that is, unless it is the one that is known."""
        with self._lock:
            changed = self._folder.look()
            if changed is not None:
                self._pack, self._version = changed, self._version + 1
            return self._version, self._pack if self._version != version else None


class RulesOfOne:
    """The rules as one judge asks for them (judge.loop.RuleSource)."""

    def __init__(self, shared: SharedRules) -> None:
        self._shared, self._version = shared, 0

    @property
    def fault(self) -> str | None:
        """Why some rules are not in use, in words; None when all are."""
        return self._shared.fault

    def look(self) -> RulePack | None:
        """All rules when they changed since the last look; None when they did not."""
        self._version, pack = self._shared.since(self._version)
        return pack
