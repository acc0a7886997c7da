"""HOW one node is done: prompt, run, python, merge, ask; and the local executor that runs them."""
