"""The keys of dialogs, once: their bindings, their help, ``docs/keys.md`` and what ``workbench.keys`` takes.

A dialog declares ``DIALOG = "confirm"`` and has an ``action_…`` for what each of its keys does.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding

from swarmtui.frozen import frozen


@frozen
class DialogKey:
    """One thing that keys of a dialog do."""

    id: str
    """Unique among dialogs and actions: ``confirm.yes``."""
    keys: tuple[str, ...]
    does: str
    """The action of the screen, as Textual calls it."""
    description: str
    priority: bool = False
    """Whether it comes before what the focused widget makes of the key."""
    ours: bool = True
    """Whether the dialog carries it out; else it is told only, and the focused widget does it."""


@frozen
class DialogKeys:
    """All keys of one kind of dialog."""

    name: str
    title: str
    keys: tuple[DialogKey, ...]
    leave: str
    """What ctrl+c does in it: one of the above, as Textual calls it."""
    typed: bool = False
    """Whether one types in it, so that letters and signs cannot be keys."""
    explained: bool = True
    """Whether f1 tells its keys; not where they are told anyway."""


def _told(id: str, keys: tuple[str, ...], description: str) -> DialogKey:
    """What the focused widget does by itself."""
    return DialogKey(id, keys, "", description, ours=False)


def _scrolling(name: str, what: str) -> tuple[DialogKey, ...]:
    return (
        DialogKey(f"{name}.down", ("down",), "scroll(1)", f"Down in {what}"),
        DialogKey(f"{name}.up", ("up",), "scroll(-1)", f"Up in {what}"),
        DialogKey(f"{name}.page_down", ("pagedown",), "page(1)", f"A page down in {what}"),
        DialogKey(f"{name}.page_up", ("pageup",), "page(-1)", f"A page up in {what}"),
    )


DIALOGS: tuple[DialogKeys, ...] = (
    DialogKeys("confirm", "A question before what cannot be taken back", (
        DialogKey("confirm.yes", ("y",), "answer(True)", "Do it"),
        DialogKey("confirm.no", ("n", "escape", "enter", "q"), "answer(False)", "Leave it"),
    ), "answer(False)"),
    DialogKeys("line", "A line of text", (
        _told("line.enter", ("enter",), "Take what is written"),
        DialogKey("line.leave", ("escape",), "leave", "Leave without an answer"),
    ), "leave", typed=True),
    DialogKeys("command", "A command line", (
        DialogKey("command.run", ("enter",), "run", "Carry it out, where that can be done from here"),
        DialogKey("command.copy", ("y",), "answer('copy')", "Copy it"),
        DialogKey("command.leave", ("escape", "n", "q"), "answer('')", "Leave it"),
    ), "answer('')"),
    DialogKeys("question", "A question of the session", (
        _told("question.enter", ("enter",), "Answer with what is written or marked"),
        DialogKey("question.next", ("j",), "next(1)", "The next choice, where there are some"),
        DialogKey("question.previous", ("k",), "next(-1)", "The choice before"),
        DialogKey("question.leave", ("escape",), "leave", "Put it off: the question stays"),
    ), "leave"),
    DialogKeys("permission", "A tool that an agent wants to call", (
        DialogKey("permission.once", ("Y",), "once", "Allow this call"),
        DialogKey("permission.always", ("A",), "always", "Allow this tool from now on"),
        DialogKey("permission.deny", ("n", "N", "d"), "deny", "Deny it"),
        DialogKey("permission.leave", ("escape", "q"), "leave", "Put it off: it stays"),
    ), "leave"),
    DialogKeys("change", "A change of the running plan", (
        DialogKey("change.accept", ("A",), "accept", "Take the change as it is shown"),
        DialogKey("change.edit", ("e",), "edit", "Edit it first"),
        DialogKey("change.change", ("c",), "change", "Send it back with words"),
        DialogKey("change.leave", ("escape", "q"), "leave", "Put it off: it stays"),
    ), "leave"),
    DialogKeys("concurrency", "How many at once", (
        DialogKey("concurrency.down", ("j", "down"), "move(1)", "The next row"),
        DialogKey("concurrency.up", ("k", "up"), "move(-1)", "The row before"),
        DialogKey("concurrency.more", ("plus", "equals_sign", "l", "right"), "change(1)", "One more"),
        DialogKey("concurrency.fewer", ("minus", "left"), "change(-1)", "One fewer"),
        DialogKey("concurrency.halve", ("h",), "halve", "Half as many"),
        DialogKey("concurrency.double", ("d",), "double", "Twice as many"),
        DialogKey("concurrency.auto", ("a",), "auto", "Leave the number to swarmtui"),
        _told("concurrency.number", tuple("0123456789"), "So many"),
        DialogKey("concurrency.rub_out", ("backspace",), "rub_out", "A digit less; in the end, as it was"),
        DialogKey("concurrency.hold", ("f",), "hold", "Hold the provider's window where it is, or let it go"),
        DialogKey("concurrency.send", ("enter",), "send", "Send what was changed"),
        DialogKey("concurrency.leave", ("escape", "q"), "leave", "Leave it as it is"),
    ), "leave"),
    DialogKeys("columns", "Columns of a table", (
        DialogKey("columns.down", ("j", "down"), "go(1)", "The next column"),
        DialogKey("columns.up", ("k", "up"), "go(-1)", "The column before"),
        DialogKey("columns.turn", ("space",), "turn", "Show it, or hide it"),
        DialogKey("columns.later", ("J", "plus"), "move(1)", "Put it further right"),
        DialogKey("columns.earlier", ("K", "minus"), "move(-1)", "Put it further left"),
        DialogKey("columns.reset", ("r",), "reset", "The columns of the beginning"),
        DialogKey("columns.keep", ("enter",), "keep", "Show the table so"),
        DialogKey("columns.leave", ("escape", "q"), "leave", "Leave the columns as they are"),
    ), "leave"),
    DialogKeys("queue", "What waits for you", (
        DialogKey("queue.open", ("enter", "a"), "open", "Answer the marked one"),
        DialogKey("queue.several", ("T",), "several", "Answer all permissions for the same tool at once"),
        DialogKey("queue.find", ("slash",), "find", "Show those in which all words occur; !word must not"),
        DialogKey("queue.go", ("n",), "go", "To the node that asks"),
        DialogKey("queue.down", ("j", "down"), "move(1)", "The next one"),
        DialogKey("queue.up", ("k", "up"), "move(-1)", "The one before"),
        DialogKey("queue.page_down", ("pagedown",), "page(1)", "A page down in what is asked"),
        DialogKey("queue.page_up", ("pageup",), "page(-1)", "A page up in what is asked"),
        DialogKey("queue.leave", ("escape", "q"), "leave", "Out of the filter; then leave them waiting"),
    ), "leave"),
    DialogKeys("several", "Several calls of one tool", (
        DialogKey("several.once", ("Y",), "once", "Allow each of the calls shown, once"),
        DialogKey("several.deny", ("n", "N", "d"), "deny", "Deny all of them"),
        DialogKey("several.leave", ("escape", "q"), "leave", "Put them off: they stay"),
    ), "leave"),
    DialogKeys("caught", "What was cut short", (
        DialogKey("caught.retry", ("R",), "again", "Run it again"),
        DialogKey("caught.done", ("M",), "done", "Say that it had been done"),
        DialogKey("caught.skip", ("S",), "skip", "Do without it"),
        DialogKey("caught.leave", ("escape", "q"), "leave", "Put it off: it stays"),
    ), "leave"),
    DialogKeys("node", "A node of the plan as a form", (
        DialogKey("node.propose", ("f2", "ctrl+s"), "submit", "Propose what was written, as one revision",
                  priority=True),
        DialogKey("node.editor", ("f4",), "editor", "Go on with its text in $EDITOR", priority=True),
        _told("node.next", ("tab",), "The next field; shift+tab the one before"),
        _told("node.choose", ("left", "right"), "Another of the choices"),
        DialogKey("node.leave", ("escape",), "leave", "Leave; what was written is kept", priority=True),
    ), "leave", typed=True),
    DialogKeys("connect", "Which node needs which", (
        _told("connect.pick", ("enter",), "Draw the edge, or take it away; typing filters"),
        DialogKey("connect.turn", ("tab",), "turn", "What needs the node, instead of what it needs", priority=True),
        DialogKey("connect.leave", ("escape",), "leave", "Leave it", priority=True),
    ), "leave", typed=True),
    DialogKeys("against", "Which session this one is compared with", (
        _told("against.pick", ("enter",), "Hold both against each other; typing finds sessions by ID and title"),
        DialogKey("against.leave", ("escape",), "leave", "Leave it", priority=True),
    ), "leave", typed=True),
    DialogKeys("edit", "The editor inside the workbench", (
        DialogKey("edit.propose", ("f2", "ctrl+s"), "submit", "Propose the text as the plan", priority=True),
        DialogKey("edit.editor", ("f4",), "editor", "Go on in $EDITOR", priority=True),
        DialogKey("edit.leave", ("escape",), "leave", "Leave; the text is kept", priority=True),
    ), "leave", typed=True),
    DialogKeys("bulk", "What is done with several sessions", (
        DialogKey("bulk.yes", ("y",), "begin", "Do it with those that it says"),
        DialogKey("bulk.retry", ("r",), "again", "Once more with those with which it failed"),
        DialogKey("bulk.down", ("down", "j"), "scroll(1)", "Down in the list"),
        DialogKey("bulk.up", ("up", "k"), "scroll(-1)", "Up in the list"),
        DialogKey("bulk.page_down", ("pagedown",), "page(1)", "A page down"),
        DialogKey("bulk.page_up", ("pageup",), "page(-1)", "A page up"),
        DialogKey("bulk.leave", ("n", "escape", "q"), "leave", "Close it; what has begun is carried to its end"),
    ), "leave"),
    DialogKeys("hosts", "Other machines whose sessions are listed", (
        DialogKey("hosts.add", ("a", "n"), "add", "Add one: its name as ssh knows it; → takes what is offered"),
        DialogKey("hosts.switch", ("space", "enter"), "switch", "List its sessions, or not"),
        DialogKey("hosts.remove", ("W", "delete"), "remove", "Forget it; one of the config file is switched off"),
        DialogKey("hosts.down", ("down", "j"), "move(1)", "Down in the list"),
        DialogKey("hosts.up", ("up", "k"), "move(-1)", "Up in the list"),
        DialogKey("hosts.leave", ("escape", "q"), "leave", "Close it"),
    ), "leave"),
    DialogKeys("help", "The list of keys", (
        DialogKey("help.leave", ("escape", "f1", "enter"), "leave", "Close it", priority=True),
        *_scrolling("help", "the list"),
    ), "leave", typed=True, explained=False),
    DialogKeys("fork", "A fork", (
        DialogKey("fork.run", ("enter",), "run", "Fork, and let it run"),
        DialogKey("fork.edit", ("e",), "answer('edit')", "Fork, its plan edited in $EDITOR before anything runs"),
        DialogKey("fork.paused", ("p",), "answer('paused')", "Fork, and let nothing of it run yet"),
        DialogKey("fork.copy", ("y",), "answer('copy')", "Copy the command"),
        DialogKey("fork.leave", ("escape", "q", "n"), "answer('')", "Leave it"),
    ), "answer('')"),
    DialogKeys("said", "What was said", (
        DialogKey("said.leave", ("escape", "q", "quotation_mark"), "leave", "Close it"),
        *_scrolling("said", "the list"),
    ), "leave"),
    DialogKeys("palette", "All commands and names", (
        _told("palette.enter", ("enter",), "Do what is marked, or go there"),
        DialogKey("palette.down", ("down", "ctrl+n"), "move(1)", "The next one", priority=True),
        DialogKey("palette.up", ("up", "ctrl+p"), "move(-1)", "The one before", priority=True),
        DialogKey("palette.page_down", ("pagedown",), "page(1)", "A page on", priority=True),
        DialogKey("palette.page_up", ("pageup",), "page(-1)", "A page back", priority=True),
        DialogKey("palette.leave", ("escape",), "leave", "Close it", priority=True),
    ), "leave", typed=True, explained=False),
    DialogKeys("theme", "The themes", (
        _told("theme.enter", ("enter",), "Keep the theme that is shown"),
        DialogKey("theme.down", ("down", "ctrl+n"), "move(1)", "The next one, shown at once", priority=True),
        DialogKey("theme.up", ("up", "ctrl+p"), "move(-1)", "The one before", priority=True),
        DialogKey("theme.page_down", ("pagedown",), "page(1)", "A page on", priority=True),
        DialogKey("theme.page_up", ("pageup",), "page(-1)", "A page back", priority=True),
        DialogKey("theme.leave", ("escape",), "leave", "Restore the theme there was", priority=True),
    ), "leave", typed=True),
    DialogKeys("jump", "Labels to jump to", (
        _told("jump.label", (), "A label's letters go to what it stands on"),
        DialogKey("jump.leave", ("escape",), "leave", "Stay where you are"),
    ), "leave", typed=True, explained=False),
    DialogKeys("tour", "The tour", (
        DialogKey("tour.next", ("enter", "space", "right", "l"), "step(1)", "The next part"),
        DialogKey("tour.back", ("backspace", "left", "h"), "step(-1)", "The part before"),
        DialogKey("tour.leave", ("escape", "q", "s"), "leave", "Skip the rest"),
    ), "leave", explained=False),
)  # fmt: skip
ANYWHERE = DialogKeys("anywhere", "On every screen and in every dialog", (
    DialogKey("anywhere.leave", ("ctrl+q",), "leave", "Leave at once; what runs goes on", priority=True),
    DialogKey("anywhere.suspend", ("ctrl+z",), "suspend", "Back to the shell for a while; fg there leads back. While "
              "text is edited: undo", priority=True),
), "leave")  # fmt: skip
"""What comes before all else. ctrl+c, which nobody can give to something else, is told beside it."""
INTERRUPT = "Copies what is selected; else closes a dialog; on a screen it leaves when pressed twice"
"""What ctrl+c does, everywhere."""

BY_NAME: Mapping[str, DialogKeys] = {one.name: one for one in DIALOGS}
DIALOG_KEYS: Mapping[str, DialogKey] = {key.id: key for group in (*DIALOGS, ANYWHERE) for key in group.keys}
HELP = "f1"
"""The keys of a dialog, in all of them."""


def bindings_of(name: str, own: Mapping[str, tuple[str, ...]]) -> list[Binding]:
    """The bindings of a dialog, with the user's `own` keys, by ID, where there are some."""
    group = BY_NAME[name]
    bound = [
        Binding(key, one.does, one.description, show=False, id=one.id, priority=one.priority)
        for one in group.keys
        if one.ours
        for key in own.get(one.id, one.keys)
    ]
    if group.explained:
        bound.append(Binding(HELP, "app.dialog_help", "keys", show=False, priority=True))
    return bound
