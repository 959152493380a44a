"""Calls a provider; where it fails, a person says whether to retry, skip or cancel."""

import sys
import urllib.error
import urllib.request
import uuid

from gate_api import gate


def ask(question, choices):
    call = gate(
        "POST",
        "/questions",
        {
            "external_id": str(uuid.uuid4()),
            "question": question,
            "kind": "choice",
            "choices": choices,
            "priority": "high",
        },
    )
    while call["status"] == "pending":
        call = gate("GET", f"/approvals/{call['id']}?wait=25")
    return call.get("answer", "cancel")  # rejected, expired: nobody said to go on


while True:
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
        break
    except (urllib.error.URLError, TimeoutError) as error:
        answer = ask(f"{sys.argv[1]} failed: {error}. What now?", ["retry", "skip", "cancel"])
        if answer != "retry":
            sys.exit(0 if answer == "skip" else 1)
