"""WHAT has happened: events, the fold, the SQLite log; and in packages of their own, exports and imports."""
