"""Evidence coming in: verified, committed, receipted. What is refused is counted and changes nothing else."""
