"""The command line: one module a command, and nothing heavy imported before a command needs it."""
