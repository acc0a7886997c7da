"""Judging the program's rules in virtual time: simulated providers, the rules of others, and the race between them."""
