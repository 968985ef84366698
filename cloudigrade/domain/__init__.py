"""The rules of metering: pure functions over facts, without clock, database or network."""
