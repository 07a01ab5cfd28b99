"""From an observation to the row that Sigma rules read. The order of values is that of the columns in `fields`."""

from collections.abc import Mapping
from typing import Any

from wachhund.judge.reading_flows import FlowFact
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.typed import Endpoint
from wachhund.judge.wording import command_line

Values = tuple[object, ...]


def process_row(process: ProcessFact, fields: Mapping[str, Any], parent_command: str | None) -> Values:
    """A row of process_creation, from a `process.start` or `process.repeat`."""
    sha256 = _text_or_none(fields.get("exe_sha256"))
    deleted = fields.get("exe_deleted")
    return (
        process.exe,
        command_line(process.argv),
        process.parent_exe,
        parent_command,
        process.user,
        _text_or_none(fields.get("cwd")),
        process.pid,
        process.ppid,
        None if sha256 is None else f"SHA256={sha256}",
        sha256,
        _text_or_none(fields.get("unit")),
        _text_or_none(fields.get("container")),
        _text_or_none(fields.get("script")),
        ("true" if deleted else "false") if isinstance(deleted, bool) else None,
        ("true" if process.cut else "false") if process.argv else None,
    )


def image_row(fields: Mapping[str, Any]) -> Values:
    """A row of process_creation from a `process.image`: the hash alone, for the rest was judged at the start."""
    sha256 = _text_or_none(fields.get("exe_sha256"))
    return (*(None,) * 8, None if sha256 is None else f"SHA256={sha256}", sha256, *(None,) * 5)


def flow_row(flow: FlowFact, fields: Mapping[str, Any], opener: str | None) -> Values:
    """A row of network_connection. As Sysmon has it, source is who began: of an accepted connection, the other side.

    `opener`: the program that opened it, which is not always the one that holds it now.
    """
    outgoing = flow.direction != "in"
    source, destination = (flow.local, flow.remote) if outgoing else (flow.remote, flow.local)
    return (
        opener,
        flow.user,
        flow.pid,
        _text_or_none(fields.get("proto")) or "tcp",
        "true" if outgoing else "false",
        *_pair(source),
        *_pair(destination),
        _text_or_none(fields.get("remote_name")) if outgoing else None,
        flow.scope,
    )


def file_row(fields: Mapping[str, Any]) -> Values:
    """A row of file_event, from a `persistence.change`."""
    return tuple(_text_or_none(fields.get(name)) for name in ("path", "class", "change"))


def dns_row(fields: Mapping[str, Any]) -> Values:
    """A row of dns_query, from a `dns.summary`."""
    counts = ("queries", "distinct_names", "longest_label", "bytes_out", "bytes_in", "entropy")
    return (_text_or_none(fields.get("domain")), *(_number_or_none(fields.get(name)) for name in counts))


def _pair(endpoint: Endpoint | None) -> tuple[str | None, int | None]:
    return (None, None) if endpoint is None else endpoint


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number_or_none(value: object) -> int | float | None:
    return value if type(value) in (int, float) else None  # type: ignore[return-value]
