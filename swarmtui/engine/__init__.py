"""MAKING it happen: scheduler, conductor, pools, retry, budget."""
