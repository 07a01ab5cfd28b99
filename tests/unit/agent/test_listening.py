"""Which descriptors wake the loop: those that the senses have open now, and no others."""

import os
import select
from typing import Iterator, List, Tuple

import pytest

from wachhund_agent.sensing import listen_to

Pipe = Tuple[int, int]


@pytest.fixture
def pipes() -> Iterator[List[Pipe]]:
    made = [os.pipe() for _ in range(2)]
    yield made
    for ends in made:
        for fd in ends:
            os.close(fd)


def test_what_is_not_wanted_any_more_does_not_wake(pipes: List[Pipe]) -> None:
    """A sense that reads a stream in bulk asks not to be woken for each message."""
    (quiet, to_quiet), (heard, to_heard) = pipes
    with select.epoll() as poller:
        listen_to(poller, (), (quiet, heard))
        listen_to(poller, (quiet, heard), (heard,))
        os.write(to_quiet, b"x")
        os.write(to_heard, b"x")
        assert [fd for fd, _ in poller.poll(0)] == [heard]


def test_a_descriptor_that_was_closed_and_opened_anew_is_heard_again(pipes: List[Pipe]) -> None:
    """It has its old number, so nobody sees that the kernel forgot it."""
    (first, _), (second, to_second) = pipes
    with select.epoll() as poller:
        listen_to(poller, (), (first, second))
        os.dup2(second, first)  # closes the first, and the number stands for the second pipe
        os.write(to_second, b"x")
        assert [fd for fd, _ in poller.poll(0)] == [second]
        listen_to(poller, (), (first, second))
        assert sorted(fd for fd, _ in poller.poll(0)) == sorted((first, second))


def test_a_descriptor_that_went_by_itself_is_no_trouble(pipes: List[Pipe]) -> None:
    gone = os.dup(pipes[0][0])
    with select.epoll() as poller:
        listen_to(poller, (), (gone,))
        os.close(gone)
        listen_to(poller, (gone,), ())
