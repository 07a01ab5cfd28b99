"""A real host with its broker and several real agents, as processes that are killed, stopped, starved and misled."""
