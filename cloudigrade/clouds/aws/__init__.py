"""Amazon Web Services: what its logs and descriptions say, as our own values."""
