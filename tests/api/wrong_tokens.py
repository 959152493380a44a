"""A check of schemathesis: whatever an operation does for a token, it does for no other token and
for none.

It stands for its own `ignored_auth`, which wants 401 or 403 each time: the inbox keeps an address
waiting (429) that comes with wrong tokens too often.
"""

import copy

import requests
import schemathesis


@schemathesis.check
def wrong_tokens_are_refused(ctx, response, case):
    if response.status_code >= 400:
        return
    for token, refusals in [(None, {401}), ("Bearer gate_wrong", {401, 429})]:
        again = copy.deepcopy(response.request)
        again.headers.pop("Authorization", None)
        if token:
            again.headers["Authorization"] = token
        with requests.Session() as session, session.send(again, timeout=10, stream=True) as answer:
            assert answer.status_code in refusals, f"{answer.status_code} for {token or 'no token'}"
