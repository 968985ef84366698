"""Identity headers as the platform's gateway makes them."""

import base64
import json

HEADER = "X-RH-IDENTITY"


def encoded(content: object) -> dict[str, str]:
    return {HEADER: base64.b64encode(json.dumps(content).encode()).decode()}


def of(**names: object) -> dict[str, str]:
    return encoded({"identity": names})
