"""How much of an rpm database is read at most."""

from typing import Final

LARGEST_DATABASE: Final = 512 * 1024 * 1024
LONGEST_HEADER: Final = 16 * 1024 * 1024
"""A kernel's with 20,000 files has about 3 MiB."""
MOST_PACKAGES: Final = 50_000
LARGEST_LOG: Final = 32 * 1024 * 1024
"""Of sqlite, beside its database; it is emptied at 4 MiB as a rule."""
