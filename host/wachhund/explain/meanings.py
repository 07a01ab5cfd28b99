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
    "behaviour: agent was starved": "the agent was ready to run and was not let for long",
    "behaviour: commands by a session that nobody allowed": "a session that is not allowed sent commands or programs",
    "behaviour: control with nobody in the controller ledger": "the robot was commanded, or moved, with nobody there",
    "behaviour: two controllers at once": "two sessions from different addresses commanded the robot in turns",
    "behaviour: a tunnel interface came up": "a network interface appeared that leads somewhere else than it looks",
    "behaviour: session through a tunnel interface": "a control surface was used from behind such an interface",
    "behaviour: forwarding switched on": "the robot began to pass on the packets of other machines",
    "behaviour: tunnel in echoes": "pings carry far more bytes than pings do",
    "behaviour: many logins that fail": "more logins from one address failed than people mistype",
    "behaviour: start-up file changed": "a file by which something starts by itself, or lets somebody in, changed",
    "behaviour: start-up file changed during a remote session": "such a file changed while somebody was on the "
    "robot who was not allowed to be",
    "behaviour: senses or records taken away": "a sense that saw went blind, or a record of logins was cut",
    "behaviour: weak posture": "nobody uses it as far as is known, and somebody easily could",
    "behaviour: clock moved": "the clock went back, or jumped again after it had been set",
    "behaviour: regular calls (beacon score)": "a program calls one address as regularly as a clock",
    "behaviour: very long connection": "a program holds one connection to the internet for hours",
    "behaviour: much data out": "a program sent far more to one address than it took",
    "behaviour: destination that is not on the list": "a program called somebody on the internet who is not among the "
    "destinations that were accepted for it",
    "behaviour: unusual listener": "other machines can reach a port of a program that the accepted baseline does not "
    "hold, or not with this file",
    "behaviour: short visits in turn, each with a call outside": "a program called somebody outside, asked a service "
    "of the robot and ended both, again and again, as a relay does for one visitor after another",
    "behaviour: connection handed on to a program that hides its name": "a process dialled, then became another "
    "program that goes by a name which is not its file's, and kept the connection",
    "behaviour: new port for all networks": "a program from outside of the system began to listen where every network "
    "reaches it, and no baseline was accepted that could hold it",
    "behaviour: unusual program at a camera or microphone": "a program of the robot opened a camera or microphone, and "
    "is not among those that were accepted for it",
    "behaviour: unusual volume out": "more than three times as much went to the internet in a day as on the day with "
    "most that was accepted",
}
UNNAMED = "a behaviour that this version has no words for"
