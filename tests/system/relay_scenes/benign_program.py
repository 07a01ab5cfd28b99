"""Programs that hold an outer and an inner flow and are no relay. `benign_program.py PLAN`, JSON, `plan["kind"]`."""

import json
import random
import sys
import threading
import time

import wire


def _steps(plan, rng):
    while True:
        yield
        time.sleep(rng.uniform(*plan["pause_s"]))


def web_application(plan, rng):
    """Answers clients out of a database: a server, called from outside."""
    listener = wire.listen(plan["listen"][0], plan["listen"][1])

    def serve(sock):
        database = wire.dial(*plan["service"])
        try:
            while True:
                wire.answer(
                    sock,
                    lambda: [
                        wire.ask(database, rng.randint(60, 300), rng.randint(40, 3000))
                        for _ in range(rng.randint(1, plan["queries"]))
                    ],
                )
        except (EOFError, OSError):
            pass

    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def reverse_proxy(plan, rng):
    """Passes what its clients send to a local web service, byte for byte."""
    listener = wire.listen(plan["listen"][0], plan["listen"][1])

    def pump(left, right):
        while True:
            data = left.recv(65536)
            if not data:
                return
            right.sendall(data)

    while True:
        sock, service = listener.accept()[0], wire.dial(*plan["service"])
        for pair in ((sock, service), (service, sock)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def telemetry(plan, rng):
    """Reads a local service and reports outwards."""
    cloud, service = wire.dial(*plan["outside"]), wire.dial(*plan["service"])
    for _ in _steps(plan, rng):
        for _ in range(rng.randint(1, plan["burst"])):
            size = rng.randint(*plan["sizes"])
            wire.ask(service, plan["request"], size)
            wire.ask(cloud, size + plan["header"], plan["reply"])


def snapshot_upload(plan, rng):
    """Fetches a picture, uploads it, at once fetches the next."""
    telemetry(dict(plan, burst=1, sizes=[8000, 30000], pause_s=plan["loop_pause_s"]), rng)


def file_sync(plan, rng):
    """Takes files from outside and notes them in a local database; sends its own the same way."""
    cloud, database = wire.dial(*plan["outside"]), wire.dial(*plan["service"])
    for _ in _steps(plan, rng):
        size = int(2 ** rng.uniform(8, 18))
        if rng.random() < 0.6:
            wire.ask(cloud, rng.randint(100, 300), size)
            wire.ask(database, rng.randint(150, 260), rng.randint(12, 40))
        else:
            wire.ask(database, rng.randint(60, 120), rng.randint(100, 400))
            wire.ask(cloud, size, rng.randint(60, 90))


def side_by_side(plan, rng):
    """A browser, a package download, an idle tunnel: something outside and something inside, unrelated."""
    cloud, service = wire.dial(*plan["outside"]), wire.dial(*plan["service"])

    def outer(rng):
        for _ in _steps(dict(plan, pause_s=plan["outer_pause_s"]), rng):
            wire.ask(cloud, rng.randint(*plan["outer_ask"]), rng.randint(*plan["outer_answer"]))

    threading.Thread(target=outer, args=(random.Random(plan["seed"] + 1),), daemon=True).start()
    for _ in _steps(plan, rng):
        wire.ask(service, rng.randint(*plan["inner_ask"]), rng.randint(*plan["inner_answer"]))


def mqtt_bridge(plan, rng):
    """A client of the local broker that publishes outwards; a ping now and then on both sides."""
    cloud, broker = wire.dial(*plan["outside"]), wire.dial(*plan["service"])

    def pings(sock, seconds):
        while True:
            time.sleep(seconds)
            wire.ask(sock, 8, 2)

    threading.Thread(target=pings, args=(broker, 5.0), daemon=True).start()
    for _ in _steps(plan, rng):
        size = rng.randint(30, 200)
        wire.ask(broker, 8, size)
        wire.ask(cloud, size + plan["header"], 8 if plan["reply"] % 2 else 0)


KINDS = {
    "web application": web_application,
    "reverse proxy": reverse_proxy,
    "telemetry": telemetry,
    "snapshot upload": snapshot_upload,
    "file sync": file_sync,
    "side by side": side_by_side,
    "mqtt bridge": mqtt_bridge,
}

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    try:
        KINDS[given["kind"]](given, random.Random(given["seed"]))
    except (OSError, EOFError):
        sys.exit(1)
