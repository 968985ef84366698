"""The clouds, one folder each: what they report comes out as the values of protocol.py."""
