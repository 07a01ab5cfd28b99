"""Programs that run, and the hashes of their files, as a robot told them, each field of its type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wachhund.judge.typed import cut, text, whole

MAX_ARGV = 64  # as many as an agent tells; of more, as it does, the first and the last
MAX_ANCESTRY = 8


@dataclass(slots=True)
class ProcessFact:
    """A `process.start`."""

    puid: str
    pid: int
    ppid: int | None
    exe: str | None
    argv: tuple[str, ...]
    user: str | None
    parent_exe: str | None
    ancestry: tuple[tuple[int, str | None], ...]
    existing: bool
    deleted: bool = False  # its file is gone, or never was one
    cut: bool = False  # `argv` has not all of its arguments, or not all of each
    told_t: float = 0.0  # host time; the reader does not know it
    left_t: float | None = None  # when its end was told; as above
    told_mono: float = 0.0  # the robot's
    mono: float = 0.0  # of the robot, when it took this program; as above
    before: tuple[tuple[float, str | None], ...] = ()  # when it took which programs before, oldest first
    script: str | None = None  # what an interpreter runs
    exe_sha256: str | None = None  # hashes may be told later (`process.image`)
    script_sha256: str | None = None
    heir: str | None = None  # the child (puid) that it forked before it was gone, and that runs on as the same program


@dataclass(slots=True)
class ImageFact:
    """A `process.image`: of a program (`exe`), or of what an interpreter runs (`script`)."""

    puid: str | None
    exe: str | None
    exe_sha256: str | None
    script: str | None
    script_sha256: str | None


def read_process(fields: Mapping[str, Any]) -> ProcessFact:
    """A `process.start`. Raises UnreadableFact."""
    argv, shortened = fields.get("argv"), fields.get("cut")
    argv = argv if type(argv) is list else []
    told = argv if len(argv) <= MAX_ARGV else [*argv[: MAX_ARGV // 2], *argv[-MAX_ARGV // 2 :]]
    lines = fields.get("ancestry")
    ancestry = [
        (line[0], cut(line[1]) if type(line[1]) is str else None)
        for line in (lines if type(lines) is list else ())[:MAX_ANCESTRY]
        if type(line) is list and len(line) == 2 and type(line[0]) is int
    ]
    pid = whole(fields, "pid")
    return ProcessFact(
        text(fields, "puid") or f"{pid}?",
        -1 if pid is None else pid,
        whole(fields, "ppid"),
        text(fields, "exe"),
        tuple([cut(item) for item in told if type(item) is str]),
        text(fields, "user"),
        text(fields, "parent_exe"),
        tuple(ancestry),
        fields.get("existing") is True,
        fields.get("exe_deleted") is True,
        len(told) < len(argv) or (type(shortened) is list and "argv" in shortened),
        script=text(fields, "script"),
        exe_sha256=text(fields, "exe_sha256"),
        script_sha256=text(fields, "script_sha256"),
        heir=text(fields, "heir"),
    )


def read_image(fields: Mapping[str, Any]) -> ImageFact:
    """A `process.image`. Raises UnreadableFact."""
    names = ("puid", "exe", "exe_sha256", "script", "script_sha256")
    return ImageFact(*(text(fields, name) for name in names))
