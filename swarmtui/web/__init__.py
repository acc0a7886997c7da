"""The workbench in a browser: a terminal of this machine, shown on a page that only this machine's user can open."""
