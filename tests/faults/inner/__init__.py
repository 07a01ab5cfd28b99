"""A robot, a host and a wire between them in one process, over a recorded disk and a clock of their own.

Journal, attester, worker, uplink, delivery, intake and ledger are the real ones. What is played: the wire (it loses,
doubles, reorders, delays, spoils, plays again), the robot's disk (in memory, and it knows what a power cut leaves), and
time.
"""
