"""What operators allow, at the command line: drawn up, previewed, put on record, ended."""
