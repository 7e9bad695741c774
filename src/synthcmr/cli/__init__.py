"""The command line: commands whose flags are the options of a verb; nothing heavy is imported until a command runs."""
