"""Hardware witnesses: microcontrollers that watch a robot's board from outside, and whom its root can't make speak."""
