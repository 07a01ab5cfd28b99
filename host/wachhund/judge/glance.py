"""What Sigma rules see of a batch: a row for each new fact, filled from a robot's memory.

The rows of a batch are made before its facts are taken, so the facts of the batch are laid over the memory here.
"""

from collections.abc import Mapping

from wachhund.judge import boots, programs
from wachhund.judge.fact import Fact
from wachhund.judge.memory import Memory
from wachhund.judge.programs import Ran
from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.rows import Values, dns_row, file_row, flow_row, image_row, process_row
from wachhund.judge.state import RobotState
from wachhund.judge.wording import command_line

_MADE = ("created", "modified")


class Glance:
    """What rows need of a robot's memory, with the facts of this batch laid over it."""

    def __init__(self, robots: Mapping[str | None, RobotState]) -> None:
        self._robots = robots
        self._commands: dict[tuple[str | None, str | None, int], str] = {}
        self._flows: set[tuple[str | None, str | None, str]] = set()
        self._processes: dict[tuple[str | None, str | None, str], Ran] = {}

    def row(self, fact: Fact, parsed: object) -> tuple[str, Values] | None:
        """Category and values of a fact's row; None for what no rule reads."""
        fields = fact.observation.fields
        if isinstance(parsed, ProcessFact):
            parent = self._command(fact, parsed.ppid)
            self._started(fact, parsed)
            if parsed.pid >= 0:
                self._commands[(fact.robot, fact.boot, parsed.pid)] = command_line(parsed.argv)
            return "process_creation", process_row(parsed, fields, parent)
        if isinstance(parsed, FlowFact):
            if not self._is_new(fact, parsed):
                return None
            return "network_connection", flow_row(parsed, fields, self._opener(fact, parsed))
        if fact.observation.kind == "process.image":
            return "process_creation", image_row(fields)
        if fact.observation.kind == "persistence.change":
            # Sigma's category is that of files made or changed; `many` and deletions name none.
            return ("file_event", file_row(fields)) if fields.get("change") in _MADE else None
        if fact.observation.kind == "dns.summary":
            return "dns_query", dns_row(fields)
        return None

    def _command(self, fact: Fact, pid: int | None) -> str | None:
        if pid is None:
            return None
        here = self._commands.get((fact.robot, fact.boot, pid))
        memory = self._memory(fact) if here is None else None
        if memory is not None:
            return command_line(memory.processes.command_of(memory.processes.by_pid.get(pid))) or None
        return here

    def _started(self, fact: Fact, process: ProcessFact) -> None:
        known = self._process(fact, process.puid)
        self._processes[(fact.robot, fact.boot, process.puid)] = programs.ran(known, process, fact.observation.mono)

    def _opener(self, fact: Fact, flow: FlowFact) -> str | None:
        return programs.opener(self._process(fact, flow.puid or ""), flow.exe, fact.observation.mono)

    def _process(self, fact: Fact, puid: str) -> ProcessFact | Ran | None:
        memory = self._memory(fact)
        here = self._processes.get((fact.robot, fact.boot, puid))
        return here or (memory.processes.by_puid.get(puid) if memory is not None else None)

    def _is_new(self, fact: Fact, flow: FlowFact) -> bool:
        """Rules see a flow once with its program: when it opens, or when the owner becomes known."""
        if flow.own or flow.direction is None:
            return False
        memory = self._memory(fact)
        known = memory.flows.by_id.get(flow.flow) if memory is not None else None
        key = (fact.robot, fact.boot, flow.flow)
        if key in self._flows or (known is not None and (known.fact.exe is not None or flow.exe is None)):
            return False
        if flow.exe is not None:
            self._flows.add(key)
        return True

    def _memory(self, fact: Fact) -> Memory | None:
        state = self._robots.get(fact.robot)
        return None if state is None else boots.memory_of(state, fact.boot)
