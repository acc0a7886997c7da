"""The parts of the pacer: window, mirror of the provider's buckets, blind pace, latency, health, memory.

No clock and no I/O in any of them: each is told what happened and when.
"""
