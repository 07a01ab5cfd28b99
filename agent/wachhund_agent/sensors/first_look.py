"""What is seen of a program that the kernel started a moment ago, all of one and the same program."""

from typing import List, NamedTuple, Optional

from wachhund_agent.kernel import procfs

LOOKS_AGAIN = 20  # at a program that is about to be another one, which takes some tenths of a millisecond
COMM_BYTES = 15  # of a program's name (TASK_COMM_LEN less its end)


class Seen(NamedTuple):
    """A program's arguments, its file, whether that is deleted, and what /proc says of the process."""

    argv: Optional[List[bytes]]
    exe: Optional[str]
    deleted: Optional[bool]
    stat: Optional[procfs.Stat]


def seen(pid: int, filename: Optional[bytes]) -> Seen:
    """What is seen of a process that started `filename` a moment ago, all of one program.

    It may start another in its place between two looks, and that shows no arguments at first.
    """
    argv = procfs.cmdline(pid)  # first: it vanishes first
    exe, deleted = procfs.exe(pid)
    stat = procfs.stat(pid)
    if stat is None or stat.state in "ZX":
        return Seen(argv, exe, deleted, stat)  # it is gone, as most are that live shortly: no further look
    if filename is None or (argv and is_name_of(stat.comm, filename)):
        return Seen(argv or procfs.cmdline(pid), exe, deleted, stat)
    for _ in range(LOOKS_AGAIN):
        before, again, after = procfs.exe(pid), procfs.cmdline(pid), procfs.exe(pid)
        if again is None or after[0] is None:
            break  # it is gone
        if again and before == after:
            return Seen(again, after[0], after[1], stat)
    # Nobody can say any more whose arguments they were; those that begin with the file's name are most likely its own.
    if argv and argv[0].rsplit(b"/", 1)[-1] == filename.rsplit(b"/", 1)[-1]:
        return Seen(argv, None, None, stat)
    return Seen(None, exe, deleted, stat)


def is_name_of(comm: bytes, filename: bytes) -> bool:
    """Whether a process bears the name that the kernel gives it when it starts this file."""
    return comm == filename.rsplit(b"/", 1)[-1][:COMM_BYTES]
