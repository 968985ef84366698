"""HTTP for operators and neighbours: every customer's rows, so on a port of its own and never without a key."""
