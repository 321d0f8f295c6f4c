"""The command line: `bodycascade COMMAND`; one module per command, loaded when it is called."""
