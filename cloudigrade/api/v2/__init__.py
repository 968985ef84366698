"""The API of cloudigrade 1.0.0: the public one, read-only, as the wire contract has it."""
