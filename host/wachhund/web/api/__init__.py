"""/api/v1: all that pages show, for programs. Texts are as the robot sent them: data, not markup.

Rooms: `shapes` what is answered, `asked` what may be asked for, `cursors` places in a list, one file of routes a thing,
and `routes`, which puts them together and says what every answer has in common.
"""
