"""Disks with a known answer: what systems have in files, on which layout, in which container, how damaged."""
