"""The seal of a self-extracting bundle: what is in it is what its maker signed. Standard library of Python 3.7 only."""
