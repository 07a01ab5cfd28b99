"""A host on several machines: its settings, its nodes (nats-server), and what workers and webs speak to them by."""
