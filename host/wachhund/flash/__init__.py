"""How an agent reaches a robot from here."""
