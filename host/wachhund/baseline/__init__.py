"""What is usual on a robot, at the command line: learned from the ledger, shown, accepted by a person, ended."""
