"""Screens of the workbench; each with its own .tcss."""
