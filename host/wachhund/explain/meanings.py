"""What each behaviour that makes an incident means, in words, by the names under which incidents carry them."""

from collections.abc import Mapping

BEHAVIOURS: Mapping[str, str] = {
    "behaviour: relay up": "a program holds a connection to the outside and one to a service of the robot, and by "
    "their order or their bytes it passes on what comes",
    "behaviour: session through a relay": "somebody used a service through such a program",
    "behaviour: login from loopback": "a login came from the robot itself, and nobody is known who stands behind it",
    "behaviour: control surface reached from the internet": "a service by which the robot is controlled was used from "
    "an address of the internet",
    "behaviour: new listener behind the same door": "a port was opened by a relay, or by somebody who was logged in",
    "behaviour: local listener of the same program": "the relay's own program listens on loopback",
    "behaviour: agent gone without a word": "the agent's connection was closed and it had not said that it stops",
    "behaviour: agent began again unasked": "the agent began again in the same run of the system; nobody had asked it "
    "to stop",
    "behaviour: agent was stopped": "the agent did not run for a while, and it was not for want of time",
    "behaviour: agent is traced": "another program holds the agent as a debugger does",
}
UNNAMED = "a behaviour that this version has no words for"
