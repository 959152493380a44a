"""Calls the API of `gate inbox`. Standard library only; GATE_AGENT_TOKEN is from `gate agent`."""

import json
import os
import urllib.request


def gate(method, path, body=None):
    """Sends a request to the people behind GATE_API, and returns the answer."""
    request = urllib.request.Request(
        os.environ.get("GATE_API", "http://127.0.0.1:8484") + "/api/v1" + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["GATE_AGENT_TOKEN"],
            "Content-Type": "application/json",
        },
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
