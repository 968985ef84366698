"""The commands: thin; each checks its options, calls a service and writes the answer."""
