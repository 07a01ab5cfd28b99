"""How it reaches robots and the operators' machine. What runs there is in `installer/` and stands by itself."""
