"""Everything that a key does, once: bindings, footer, help, command palette and ``docs/keys.md`` derive from it."""
