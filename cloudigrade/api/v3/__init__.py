"""The public API, version 3: ours."""
