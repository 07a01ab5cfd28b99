"""ESP32 (DevKitC and its like): pins, wire, watchdog. docs/witness.md shows the wiring."""

import time

import machine
import micropython
from witness.lines import ACTIVITY, LEVEL, Edges, Line
from witness.output import Output
from witness.run import Board

_CAUSES = {
    machine.PWRON_RESET: "power",
    machine.HARD_RESET: "pin",
    machine.WDT_RESET: "watchdog",
    machine.SOFT_RESET: "soft",
    machine.DEEPSLEEP_RESET: "unknown",
}
_PINS = (("pi-power", 32, LEVEL), ("motor-power", 33, LEVEL), ("modem", 25, ACTIVITY), ("tamper", 26, LEVEL))
_ARM, _CUT = 27, 14  # switch to ground; output


def _edges(pin: machine.Pin) -> Edges:
    edges = Edges()
    pin.irq(handler=edges.on_edge, trigger=machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING)
    return edges


class Esp32(Board):
    """UART2 on GPIO17 (to the Pi's RX) and GPIO16 (from its TX). UART0 has MicroPython's prompt: it stays unwired."""

    def __init__(self) -> None:
        micropython.kbd_intr(-1)
        self._uart = machine.UART(2, 115200, tx=machine.Pin(17), rx=machine.Pin(16), txbuf=4096, rxbuf=1024)
        self._watchdog = machine.WDT(timeout=8000)
        self._start = time.ticks_ms()

    def chip(self) -> str:
        return machine.unique_id().hex()

    def cause(self) -> str:
        return _CAUSES.get(machine.reset_cause(), "unknown")

    def lines(self) -> list[Line]:
        found = []
        for name, number, manner in _PINS:
            # The tamper switch is closed to ground while the case is; so a cut wire is an opened case.
            pull = machine.Pin.PULL_UP if name == "tamper" else machine.Pin.PULL_DOWN
            pin = machine.Pin(number, machine.Pin.IN, pull)
            found.append(Line(name, manner, pin.value, _edges(pin)))
        arm = machine.Pin(_ARM, machine.Pin.IN, machine.Pin.PULL_UP)
        found.append(Line("armed", LEVEL, lambda: 1 - arm.value(), _edges(arm)))
        return found

    def output(self) -> Output | None:
        return Output(machine.Pin(_CUT, machine.Pin.OUT, value=0).value)

    def ticks(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._start)

    def read_into(self, buffer: bytearray) -> int | None:
        self._watchdog.feed()
        return self._uart.readinto(buffer) if self._uart.any() else None

    def write(self, line: bytes) -> None:
        self._uart.write(line)

    def rest(self) -> None:
        self._watchdog.feed()
        time.sleep_ms(10)


def board() -> Board:
    """The board that this file is for."""
    return Esp32()
