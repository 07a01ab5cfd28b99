"""The demo: a host, an agent on this very machine, and a scene with real processes and sockets in front of them."""
