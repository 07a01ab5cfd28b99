"""The robot's end of a tunnel: dials out, waits, carries who comes to a local port. Usage: tunnel.py HOST PORT.

The outer line says "open NUMBER PORT"; for each, a second connection goes out that begins with "data NUMBER".
"""

import asyncio
import sys


async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while True:
            piece = await source.read(4096)
            if not piece:
                break
            sink.write(piece)
            await sink.drain()
    except OSError:
        pass  # one side is gone; the other hears it below
    sink.close()


async def open_inner(host: str, port: int, number: str, inner: int) -> None:
    outside_reader, outside_writer = await asyncio.open_connection(host, port)
    outside_writer.write("data {}\n".format(number).encode())  # noqa: UP032
    inside_reader, inside_writer = await asyncio.open_connection("127.0.0.1", inner)
    await asyncio.gather(carry(outside_reader, inside_writer), carry(inside_reader, outside_writer))


async def main() -> None:
    host, port = sys.argv[1], int(sys.argv[2])
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"hello\n")
    running = set()
    while True:
        line = await reader.readline()
        if not line:
            return
        _, number, inner = line.decode().split()
        task = asyncio.ensure_future(open_inner(host, port, number, int(inner)))
        running.add(task)
        task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main())
