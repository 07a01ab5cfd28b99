"""How Wachhund reaches a robot and the operators' machine. What runs there is in `installer/`, which stands by itself."""
