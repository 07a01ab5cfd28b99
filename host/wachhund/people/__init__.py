"""People and programs that ask: their roles, for which robots, and the command that keeps them."""
