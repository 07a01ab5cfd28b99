"""The one-day audit: a robot's files and what it does, looked at once, and told with proof to whoever was not there."""
