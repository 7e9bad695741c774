"""The command line: one thin file per command, nothing heavy imported until a command runs."""
