"""Workloads, and what they cost, side by side in one run."""
