"""What is remembered of files: a damaged memory is none."""

from hypothesis import given
from hypothesis import strategies as st

from wachhund_agent.sensors.persistence_memory import parse_state


@given(st.binary())
def test_any_bytes_are_a_memory_or_none(data: bytes) -> None:
    parse_state(data)
    parse_state(b'{"files":' + data + b"}")
