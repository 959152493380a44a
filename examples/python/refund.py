"""Refunds an order, if the people behind GATE_API agree. Standard library only; GATE_AGENT_TOKEN is from `gate agent`."""

import json
import os
import sys
import urllib.request


def gate(method, path, body=None):
    request = urllib.request.Request(
        os.environ.get("GATE_API", "http://127.0.0.1:8484") + "/api/v1" + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + os.environ["GATE_AGENT_TOKEN"], "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def refund(order, cents):
    return {"refunded": cents, "order": order}  # here the money would move


order, cents = sys.argv[1], int(sys.argv[2])
call = gate("POST", "/approvals", {
    "external_id": f"refund-{order}", "tool": "issue_refund", "arguments": {"order": order, "cents": cents},
    "summary": f"Refund ${cents / 100:.2f} for order {order}", "required_role": "manager", "expires_in": 1800,
})
while call["status"] == "pending":
    call = gate("GET", f"/approvals/{call['id']}?wait=25")
if call["status"] != "approved":
    sys.exit(f"not refunded: {call['status']}: {call.get('message', '')}")
begun = gate("POST", f"/approvals/{call['id']}/begin")  # on the record, once; the arguments are those that people approved
result = refund(**begun["arguments"])
gate("POST", f"/approvals/{call['id']}/outcome", {"result": result})
print(json.dumps(result))
