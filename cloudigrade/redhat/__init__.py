"""The platform around us."""
