"""Markdown as lines of the screen, block by block: what has been written to its end is parsed once, however it came."""
