"""The vendor's cloud: a robot dials in, and opened ports lead there. Usage: ADDRESS TUNNEL_PORT OUTER:INNER..."""

import asyncio
import itertools
import sys

from tests.robots.go1.programs.held import tell, until_input_ends
from tests.robots.go1.programs.tunnel import carry

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Cloud:
    """One robot, any number of callers."""

    def __init__(self) -> None:
        self._robot: asyncio.StreamWriter | None = None
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[Pair]] = {}

    async def from_robot(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection of the tunnel: the standing one, or one with a caller's bytes."""
        said = (await reader.readline()).decode().split()
        if said == ["hello"]:
            self._robot = writer
            tell("robot", peer=writer.get_extra_info("peername"))
        elif said and (waiting := self._waiting.pop(said[-1], None)):
            waiting.set_result((reader, writer))

    async def from_caller(self, inner: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody comes in by an opened port."""
        if self._robot is None:
            writer.close()
            return
        number = str(next(self._numbers))
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._robot.write(f"open {number} {inner}\n".encode())
        robot_reader, robot_writer = await waiting
        await asyncio.gather(carry(reader, robot_writer), carry(robot_reader, writer))


async def main() -> None:
    address, port, opened = sys.argv[1], int(sys.argv[2]), [word.split(":") for word in sys.argv[3:]]
    cloud = Cloud()
    await asyncio.start_server(cloud.from_robot, address, port)
    for outer, inner in opened:
        await asyncio.start_server(lambda *pair, to=int(inner): cloud.from_caller(to, *pair), address, int(outer))
    tell("open")
    await asyncio.to_thread(until_input_ends)


if __name__ == "__main__":
    asyncio.run(main())
