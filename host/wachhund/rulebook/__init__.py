"""Rules as people handle them: listed, checked, tried and hunted with."""
