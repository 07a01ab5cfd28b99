"""On MicroPython: run a file's functions `test_...`. Arguments: the firmware's folder, the tests' folder, module."""

import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
module = __import__(sys.argv[3])
ran = 0
for name in sorted(dir(module)):
    if name.startswith("test_"):
        print(name)
        getattr(module, name)()
        ran += 1
print("ran", ran)
