"""A session as files for others: events for another machine, a page, a summary or a recording for a reader.

One module per form: ``jsonl`` (everything, which :mod:`swarmtui.session.imports` reads back), ``page`` with its
``pictures`` and ``style``, ``markdown``, ``asciicast``. Nothing of the package above imports them: how a session is
shown to others is no part of what has happened.
"""
