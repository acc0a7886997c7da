"""The process that runs a session, and its wire: protocol, server, client."""
