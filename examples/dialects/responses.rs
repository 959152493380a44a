//! The responses of models, in each provider's shape: a look-up, a parcel, and a call that is not
//! right.

use serde_json::{Value, json};

const FIND: &str = r#"{"tracking_id":"T-9"}"#;
const SEND: &str = r#"{"to":"Mia","weight":900,"speed":null}"#;
const WRONG: &str = r#"{"to":"Mia","weight":"heavy","speed":null}"#;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

pub fn openai() -> Value {
    let call = |id: &str, name: &str, arguments: &str| {
        json!({
            "id": id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        })
    };
    let message = json!({
        "role": "assistant", "content": null, "refusal": null,
        "tool_calls": [
            call("call_1", "find_parcel", FIND),
            call("call_2", "send_parcel", SEND),
            call("call_3", "send_parcel", WRONG),
        ],
    });
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_741_570_283,
        "model": "gpt-4o",
        "choices": [{
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": null,
            "message": message,
        }],
    })
}

pub fn openai_responses() -> Value {
    let call = |id: &str, name: &str, arguments: &str| {
        json!({
            "type": "function_call",
            "id": format!("fc_{id}"),
            "call_id": id,
            "name": name,
            "arguments": arguments,
            "status": "completed",
        })
    };
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_741_570_283, "model": "gpt-4o",
        "status": "completed", "error": null, "incomplete_details": null, "instructions": null,
        "metadata": {}, "parallel_tool_calls": true,
        "temperature": 1.0, "top_p": 1.0, "tool_choice": "auto", "tools": [],
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": []},
            call("call_1", "find_parcel", FIND),
            call("call_2", "send_parcel", SEND),
            call("call_3", "send_parcel", WRONG),
        ],
    })
}

pub fn anthropic() -> Value {
    let call = |id: &str, name: &str, input: &str| {
        json!({
            "type": "tool_use",
            "id": id,
            "name": name,
            "input": parsed(input),
        })
    };
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "stop_reason": "tool_use",
        "stop_sequence": null, "usage": {"input_tokens": 80, "output_tokens": 40},
        "content": [
            {"type": "text", "text": "I look it up.", "citations": null},
            call("toolu_1", "find_parcel", FIND),
            call("toolu_2", "send_parcel", SEND),
            call("toolu_3", "send_parcel", WRONG),
        ],
    })
}

pub fn gemini() -> Value {
    let call =
        |name: &str, args: &str| json!({"functionCall": {"name": name, "args": parsed(args)}});
    let parts = [call("find_parcel", FIND), call("send_parcel", SEND), call("send_parcel", WRONG)];
    json!({
        "responseId": "qd1", "modelVersion": "gemini-2.5-pro",
        "candidates": [{
            "index": 0,
            "finishReason": "STOP",
            "content": {"role": "model", "parts": parts},
        }],
    })
}

pub fn mcp() -> Value {
    let call = |id: u32, name: &str, arguments: &str| {
        json!({
            "jsonrpc": "2.0",
            "id": id,
            "method": "tools/call",
            "params": {"name": name, "arguments": parsed(arguments)},
        })
    };
    json!([
        call(1, "find_parcel", FIND),
        call(2, "send_parcel", SEND),
        call(3, "send_parcel", WRONG)
    ])
}
