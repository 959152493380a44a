"""The providers' own Python packages take what Gate makes for them.

Reads from standard input what `cargo run --example dialects -- --json` prints, and validates tool
lists, responses and replies with the types that the packages themselves use.
"""

import json
import sys

from anthropic.types import Message, MessageParam, TextBlockParam, ToolParam, ToolResultBlockParam
from google.genai import types as gemini
from mcp import types as mcp
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageParam,
)
from openai.types.responses import EasyInputMessageParam, FunctionToolParam, Response
from openai.types.responses.response_input_param import FunctionCallOutput
from openai.types.shared_params import FunctionDefinition
from pydantic import ConfigDict, TypeAdapter


def typed(kind):
    """Checks against one of the packages' dictionary types."""
    return TypeAdapter(kind).validate_python


def exact(model):
    """Checks against one of the packages' models; a member that it does not know is an error."""
    strict = type(model.__name__, (model,), {"model_config": ConfigDict(extra="forbid")})
    return strict.model_validate


def known(kind):
    """Checks against a dictionary type; a member that it does not know is an error."""
    members, check = set(kind.__annotations__), typed(kind)
    for base in kind.__orig_bases__:
        members |= set(getattr(base, "__annotations__", {}))

    def checked(value):
        unknown = set(value) - members
        assert not unknown, f"{kind.__name__} does not know {unknown}"
        return check(value)

    return checked


def openai_tool(value):
    known(ChatCompletionFunctionToolParam)(value)
    known(FunctionDefinition)(value["function"])


def mcp_tool(value):
    exact(mcp.Tool)(value)
    exact(mcp.ToolAnnotations)(value["annotations"])


def anthropic_reply(value):
    """The packages look into lists only when they are read."""
    typed(MessageParam)(value)
    for block in value["content"]:
        known(TextBlockParam if block["type"] == "text" else ToolResultBlockParam)(block)


CHECKS = {
    "openai": {
        "tools": openai_tool,
        "response": typed(ChatCompletion),
        "reply": typed(ChatCompletionMessageParam),
    },
    "openai_responses": {
        "tools": known(FunctionToolParam),
        "response": typed(Response),
        "reply": known(FunctionCallOutput),
        "late": known(EasyInputMessageParam),
    },
    "anthropic": {"tools": known(ToolParam), "response": typed(Message), "reply": anthropic_reply},
    "gemini": {
        "tools": exact(gemini.Tool),
        "response": gemini.GenerateContentResponse.model_validate,
        "reply": exact(gemini.Content),
    },
    "mcp": {
        "tools": mcp_tool,
        "response": exact(mcp.JSONRPCRequest),
        "reply": exact(mcp.CallToolResult),
    },
}


def main():
    dialects = json.load(sys.stdin)
    assert dialects.keys() == CHECKS.keys(), (
        f"checked are {list(CHECKS)}, given are {list(dialects)}"
    )
    checked = 0
    for dialect, parts in dialects.items():
        checks = CHECKS[dialect]
        checks |= {"plain": checks["tools"], "late": checks.get("late", checks["reply"])}
        for part, check in checks.items():
            values = parts[part] if isinstance(parts[part], list) else [parts[part]]
            # A request of MCP is answered once: there nothing comes late.
            assert values or (dialect, part) == ("mcp", "late"), f"{dialect} has no {part}"
            for value in values:
                try:
                    check(value)
                except Exception as error:
                    sys.exit(f"{dialect}, {part}: {error}\n{json.dumps(value, indent=2)}")
                checked += 1
    print(f"the official packages of {len(dialects)} dialects take {checked} values")


if __name__ == "__main__":
    main()
