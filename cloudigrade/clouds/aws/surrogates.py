"""JSON in, the same JSON without halves of surrogate pairs out: they are no characters, and decoders refuse it all."""

import re
from typing import Final

# Everything after a backslash is taken together, so that an escaped backslash before a `u` is not mistaken.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def replaced(content: bytes | bytearray) -> bytes | bytearray:
    """The JSON with a replacement character for each half that stands alone."""
    if b"\\ud" not in content and b"\\uD" not in content:
        return content
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], content)
