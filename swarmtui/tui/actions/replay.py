"""Moving about in time."""

from __future__ import annotations

from swarmtui.tui.actions.action import EVERYWHERE, REPLAY_GROUP, Action, Mode

ACTIONS: tuple[Action, ...] = (
    Action("toggle_play", ("space",), "play", "Play, or stand still", REPLAY_GROUP, EVERYWHERE, 99,
           mode=Mode.REPLAY),
    Action("step_on", ("full_stop",), "step", "One event on", REPLAY_GROUP, EVERYWHERE, 90, mode=Mode.REPLAY),
    Action("step_back", ("comma",), "back", "One event back", REPLAY_GROUP, EVERYWHERE, 84, mode=Mode.REPLAY),
    Action("previous_mark", ("left_square_bracket",), "mark",
           "To the mark before: failure, retry, decision, edit, question, budget, pause, crash, or one of yours",
           REPLAY_GROUP, EVERYWHERE, 91, mode=Mode.REPLAY),
    Action("next_mark", ("right_square_bracket",), "mark", "To the next mark", REPLAY_GROUP, EVERYWHERE, 92,
           mode=Mode.REPLAY),
    Action("next_failure", ("e",), "next failure", "To the next failure; after the last, to the first", REPLAY_GROUP,
           EVERYWHERE, 93, mode=Mode.REPLAY),
    Action("rewind", ("less_than_sign",), "-5 s", "Five seconds back", REPLAY_GROUP, EVERYWHERE, 60, mode=Mode.REPLAY),
    Action("forward", ("greater_than_sign",), "+5 s", "Five seconds on",
           REPLAY_GROUP, EVERYWHERE, 61, mode=Mode.REPLAY),
    Action("slower", ("minus",), "slower", "Half as fast", REPLAY_GROUP, EVERYWHERE, 70, mode=Mode.REPLAY),
    Action("faster", ("plus", "equals_sign"), "faster", "Twice as fast",
           REPLAY_GROUP, EVERYWHERE, 71, mode=Mode.REPLAY),
    Action("idle", ("i",), "waits", "Pass over times without events in two seconds, or live through them", REPLAY_GROUP,
           EVERYWHERE, 40, mode=Mode.REPLAY),
    Action("seek_share", tuple("0123456789"), "seek",
           "To 0 %, 10 % … 90 % of the events; views here: {view_plan}, {view_run}, {view_workers}, {view_table}, "
           "{view_log}, {view_timeline}, {view_pools}",
           REPLAY_GROUP, EVERYWHERE, mode=Mode.REPLAY),
    Action("begin", ("g",), "start", "To the first event", REPLAY_GROUP, EVERYWHERE, 50, mode=Mode.REPLAY),
    Action("end", ("G",), "end/live", "To the last event; back to the session, where it goes on", REPLAY_GROUP,
           EVERYWHERE, 88, mode=Mode.REPLAY),
    Action("seek_to", ("semicolon",), "go to", "To an event by its number, a time (5m, 1:02:03) or a mark (failure)",
           REPLAY_GROUP, EVERYWHERE, 80, mode=Mode.REPLAY),
)  # fmt: skip

FOOTER = (
    "toggle_play", "step_back", "step_on", "next_failure", "fork", "next_mark", "end", "view_run", "previous_mark",
    "view_timeline", "seek_to", "slower", "faster",
)  # fmt: skip
"""What the footer of a replay begins with, in this order: what one comes for."""
