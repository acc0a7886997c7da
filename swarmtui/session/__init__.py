"""WHAT has happened: events, the fold, the SQLite log, export."""
