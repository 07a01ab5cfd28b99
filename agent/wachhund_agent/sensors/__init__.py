"""One file for each thing watched; each yields observations and states what it cannot see."""
