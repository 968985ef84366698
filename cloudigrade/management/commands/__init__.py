"""One module per command of `cloudigrade`."""
