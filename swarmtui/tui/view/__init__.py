"""What the workbench shows, as values: pure functions from a session's state to lines, boxes and figures.

Nothing here imports Textual, reads a clock or draws. Strings that come from outside are cleaned here for the first
time (they are again where lines become strips, in :mod:`swarmtui.tui.content`).
"""
