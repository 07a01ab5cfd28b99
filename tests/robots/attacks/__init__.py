"""The attack corpus: attacks and look-alikes, acted out with real programs on the stand-in Go1, and judged.

    python -m tests.robots.attacks                 # acts out every scene, judges it, prints the confusion table
    python -m tests.robots.attacks --recorded      # judges the kept recordings instead; needs no root
    python -m tests.robots.attacks --only NAME     # one scene, or all whose names begin so; may be given again

`scene.py` is the language, `draw.py` what chance decides, one module a kind of scenes (`relays.py`, `cameras.py`, ...),
`catalogue.py` their list. A scene says what must come of it, whatever rules there are today. A new scene: a
function that acts and a line in its module's `SCENES`; scenes by somebody else get a module of their own and a line in
`catalogue.py`. Then `python -m tests.robots.attacks --only NAME --keep` records it.

Not acted out, for nothing here could do it for real: a step of the robot's clock and a starved agent (both are the
machine's own, not a namespace's), local cameras and microphones (there is no device), Bluetooth and Wi-Fi (no radio), a
modem, WireGuard in the kernel, and tunnels that are in no package (stand-ins carry their names and arguments).
"""
