#!/usr/bin/env bash
# Lets schemathesis try every operation of the HTTP API by its OpenAPI document: valid and broken
# requests, with the tokens of an agent, of a person, and of nobody. Arguments: the command `gate`,
# and the command `schemathesis`.
set -euo pipefail
# Checks wrong tokens in the place of `ignored_auth`.
SCHEMATHESIS_HOOKS=$(realpath "$(dirname "$0")/wrong_tokens.py")
export SCHEMATHESIS_HOOKS
gate=$(realpath "$1") schemathesis=$(realpath "$2")
work=$(mktemp -d)
trap 'kill "$inbox" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
person=$("$gate" person dana --role manager 2>&1 >people.toml | tail -n 1)
agent=$("$gate" agent bot 2>&1 >>people.toml | tail -n 1)
echo "at_once = 1000000" >>people.toml
"$gate" inbox --listen 127.0.0.1:0 >said &
inbox=$!
while [ ! -s said ]; do sleep 0.1; done
url=$(sed -n 's/^The inbox is at \([^,]*\).*/\1/p' said)

# A call that there is, so that not everything is only not found.
call=$(curl --silent --fail "$url/api/v1/approvals" \
    -H "Authorization: Bearer $agent" -H "Content-Type: application/json" \
    --data '{"external_id": "1", "tool": "refund", "arguments": {"cents": 50}}' |
    sed 's/.*"id":"\([^"]*\)".*/\1/')
printf '[parameters]\n"path.id" = "%s"\n' "$call" >known.toml
printf '' >any.toml

# Not every request that fits the schemas can be done: a role may be nobody's. What cannot must be
# refused with a problem, which is checked.
try() {
    "$schemathesis" --config-file "$1" run "$url/api/openapi.json" --include-tag "$2" \
        --header "Authorization: Bearer $3" \
        --phases coverage,fuzzing --max-examples 50 \
        --exclude-checks positive_data_acceptance,ignored_auth --no-color \
        --generation-database none >log 2>&1 ||
        { cat log; exit 1; }
    printf '%-7s %-10s %s\n' "$2" "$1" "$(sed -n 's/^ *\([0-9]* generated.*\)/\1/p' log)"
}
for ids in any.toml known.toml; do
    try "$ids" agent "$agent"
    try "$ids" person "$person"
done
