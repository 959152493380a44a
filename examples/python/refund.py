"""Refunds an order, if the people behind GATE_API agree."""

import json
import sys

from gate_api import gate


def refund(order, cents):
    return {"refunded": cents, "order": order}  # here the money would move


order, cents = sys.argv[1], int(sys.argv[2])
call = gate(
    "POST",
    "/approvals",
    {
        "external_id": f"refund-{order}",
        "tool": "issue_refund",
        "arguments": {"order": order, "cents": cents},
        "summary": f"Refund ${cents / 100:.2f} for order {order}",
        "required_role": "manager",
        "expires_in": 1800,
    },
)
while call["status"] == "pending":
    call = gate("GET", f"/approvals/{call['id']}?wait=25")
if call["status"] != "approved":
    sys.exit(f"not refunded: {call['status']}: {call.get('message', '')}")
begun = gate(
    "POST", f"/approvals/{call['id']}/begin"
)  # on the record, once; the arguments are those that people approved
result = refund(**begun["arguments"])
gate("POST", f"/approvals/{call['id']}/outcome", {"result": result})
print(json.dumps(result))
