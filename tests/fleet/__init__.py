"""wachhund-fleet: as many robots as a machine's sockets hold, for what one robot cannot show of a host.

Each has a key, a chain, a journal and a connection of its own; the host is a real one that takes them for what they say
they are. What is not real: their senses. They tell what agents told once (tests/robots/recordings), as if of now.
"""
