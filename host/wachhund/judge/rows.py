"""From an observation to the row that Sigma rules read: the field mapping.

Source of the names: Sigma taxonomy, categories process_creation, network_connection and file_event.
"""

from wachhund.judge.fields import Endpoint
from wachhund.judge.reading import FlowFact, ProcessFact
from wachhund.judge.wording import command_line

Values = tuple[object, ...]


def process_row(process: ProcessFact, cwd: object, sha256: object, unit: object, parent_command: str | None) -> Values:
    """A row of process_creation."""
    return (
        process.exe,
        command_line(process.argv),
        process.parent_exe,
        parent_command,
        process.user,
        _text_or_none(cwd),
        process.pid,
        process.ppid,
        f"SHA256={sha256}" if type(sha256) is str else None,
        _text_or_none(unit),
        None,
    )


def image_row(sha256: object) -> Values:
    """A row of process_creation from a `process.image`: the hash alone, for the rest was judged at the start."""
    return (*(None,) * 8, f"SHA256={sha256}" if isinstance(sha256, str) else None, None, None)


def flow_row(flow: FlowFact) -> Values:
    """A row of network_connection. As Sysmon has it, source is who began: of an accepted connection, the other side."""
    outgoing = flow.direction != "in"
    source, destination = (flow.local, flow.remote) if outgoing else (flow.remote, flow.local)
    return (
        flow.exe,
        flow.user,
        flow.pid,
        "tcp",
        "true" if outgoing else "false",
        *_pair(source),
        *_pair(destination),
        None,
    )


def file_row(path: object, exe: object) -> Values:
    """A row of file_event, from a `persistence.change`."""
    return (_text_or_none(path), _text_or_none(exe), None, None)


def _pair(endpoint: Endpoint | None) -> tuple[str | None, int | None]:
    return (None, None) if endpoint is None else endpoint


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
