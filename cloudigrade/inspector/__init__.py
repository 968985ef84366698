"""Stands alone: disks or snapshots in, what they say of Red Hat Enterprise Linux out. Imports nothing of the rest."""
