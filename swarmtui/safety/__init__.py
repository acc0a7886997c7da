"""What keeps hostile input harmless: text cleaning, redaction, sandbox, paths, permissions."""
