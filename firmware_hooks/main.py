"""What a board runs when it has power. `board.py` is the file of its kind (boards/).

A failure is a reset, never a prompt: whoever could read a prompt could read the key.
"""

import machine
from board import board
from witness.run import run

try:
    run(board())
finally:
    machine.reset()
