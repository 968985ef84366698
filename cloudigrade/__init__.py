"""Meters Red Hat Enterprise Linux in public clouds, without agents."""
