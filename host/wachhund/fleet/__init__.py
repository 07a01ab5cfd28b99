"""Who the robots are: their keys and names, what lets them in at the broker, and the host's own keys."""
