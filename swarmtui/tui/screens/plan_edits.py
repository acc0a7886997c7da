"""What is done with a plan on its screen: it is approved, sent back, edited node by node or as a whole."""

from __future__ import annotations

from swarmtui.plan.risks import unsandboxed
from swarmtui.tui import commands, content
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view.deliberate import why_not_meant
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.revisions import maker_of
from swarmtui.tui.view.status import can_act
from swarmtui.tui.view.wiring import removal, users_of
from swarmtui.tui.widgets.looks import workbench

NAMED = 8


class PlanEdits(SessionScreen):
    """Part of the plan screen: deciding and editing. `_shown_rev` is the revision that is on the screen."""

    _shown_rev = 0
    _shown_at = 0.0

    # -- deciding ---------------------------------------------------------------------------------------------

    def do_approve(self) -> None:
        """A: the revision that is shown, once it could have been read; what leaves the sandbox is asked once more."""
        app = workbench(self)
        state, rev = app.state, self._shown_rev
        why = why_not_meant(self._shown_at, app.keyboard.press)
        if why is not None:
            content.notice(app, why, "warning")
            return
        if rev != state.plan_rev:
            who = maker_of(state, state.plan_rev)
            told = f"{who} made revision {state.plan_rev} meanwhile: look at it, then press {app.key_of('approve')}"
            content.notice(app, told, "warning")
            return
        outside = [] if state.plan is None else unsandboxed(state.plan)
        if not outside:
            self.send(commands.approve(rev))
            return
        names = ", ".join(name_of(name) for name in outside[:NAMED])
        more = f" and {len(outside) - NAMED} more" if len(outside) > NAMED else ""
        runs = "runs" if len(outside) == 1 else "run"
        app.confirm(
            "Approve what runs outside the sandbox?",
            f"{names}{more} {runs} as you do: with your files, your keys and the network.",
            f"approve revision {rev} and run it",
            lambda: self.send(commands.approve(rev)),
        )

    def do_change(self) -> None:
        """c."""
        workbench(self).asking.send_back(self._shown_rev)

    # -- editing ----------------------------------------------------------------------------------------------

    def do_edit(self) -> None:
        """e."""
        workbench(self).edit_plan()

    @property
    def why_not_form(self) -> str | None:
        """Why a node is looked at rather than edited: the plan runs, or is not ours to change."""
        app = workbench(self)
        return can_act(app.state, app.status) or commands.why_not_decide(app.state)

    def open_selected(self) -> None:
        """The selected node as a form while the plan waits; else everything about it."""
        app = workbench(self)
        if self.why_not_form is not None:
            app.open_node(app.selected)
        elif app.selected in app.state.plan_nodes:
            self._form(app.selected)

    def _form(self, node: str | None, needs: tuple[str, ...] = ()) -> None:
        from swarmtui.tui.screens.node_form import NodeForm  # the task-file language: not everybody edits

        self.app.push_screen(NodeForm(node, needs))

    def do_add_node(self) -> None:
        """O: behind the selected one."""
        app = workbench(self)
        self._form(None, (app.selected,) if app.selected in app.state.plan_nodes else ())

    def do_remove_node(self) -> None:
        """W; asked only where other nodes lose a need."""
        app = workbench(self)
        plan, name, rev = app.state.plan, app.selected, self._shown_rev
        if plan is None or name not in app.state.plan_nodes:
            return
        waiting, reading = users_of(plan, name)
        if reading:
            users = ", ".join(name_of(user) for user in reading[:NAMED])
            told = f"remove: {users} {'looks' if len(reading) == 1 else 'look'} {name_of(name)} up: change that first"
            content.notice(app, told, "warning")
            return
        runs = app.state.approved_rev == app.state.plan_rev
        request = commands.patch(rev, removal(plan, name), f"{name} removed", runs=runs)
        if not waiting and not runs:
            self.send(request)
            return
        users = ", ".join(name_of(user) for user in waiting[:NAMED])
        told = f"{users} {'waits' if len(waiting) == 1 else 'wait'} for it, and no longer would." if waiting else ""
        app.confirm(f"Remove {name_of(name)}?", told or "The plan runs without it.", "remove it",
                    lambda: self.send(request))  # fmt: skip

    def do_connect(self) -> None:
        """J."""
        from swarmtui.tui.screens.connecting import ConnectScreen

        self.app.push_screen(ConnectScreen(workbench(self).selected))

    def do_redo(self) -> None:
        """Z."""
        self.send(commands.redo(workbench(self).state))
