//! Compares the index with a reference model, which searches each text for each value, word by
//! word.

use std::sync::Arc;

use gate_core::call::Speaker;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::first_mentions::SpeakerKind;
use super::indexed_text::each_text;
use super::phrases::LONGEST;
use super::tests::{memory, words};
use super::tokens::{BareText, LINE_END, is_short_number, plain_number};
use super::*;

/// The texts of a run and of its nested runs, in the order in which they were first added.
#[derive(Clone, Default)]
struct ReferenceModel {
    known_messages: Vec<(SpeakerKind, Message)>,
}

impl ReferenceModel {
    fn hear(&mut self, message: &Message, is_nested: bool) {
        let kind = SpeakerKind::of(message.speaker(), is_nested);
        if !self
            .known_messages
            .iter()
            .any(|(known, text)| *known == kind && text.text() == message.text())
        {
            self.known_messages.push((kind, message.clone()));
        }
    }

    fn origin(&self, text: &str) -> Origin {
        let says_it = |(kind, message): &&(SpeakerKind, Message)| match kind {
            SpeakerKind::Trusted => says(message.text(), text),
            SpeakerKind::Tool | SpeakerKind::Agent => hints(message.text(), text),
        };
        let all: Vec<_> = self.known_messages.iter().filter(says_it).collect();
        let before: Vec<_> =
            all.iter().take_while(|(kind, _)| *kind != SpeakerKind::Trusted).collect();
        let tool = before.iter().find(|(kind, _)| *kind == SpeakerKind::Tool);
        match (tool, all.first()) {
            (Some((_, message)), _) => match message.speaker() {
                Speaker::Tool { tool } => Origin::Tool { tool: tool.clone() },
                _ => Origin::Agent,
            },
            (None, Some((SpeakerKind::Trusted, message))) => match message.speaker() {
                Speaker::User => Origin::User,
                _ => Origin::System,
            },
            _ => Origin::Agent,
        }
    }
}

fn says(text: &str, value: &str) -> bool {
    // In a call about which nothing is known, a short number may be an id, a day or an hour.
    if is_short_number(value.trim()) {
        return false;
    }
    let text = text.trim();
    let json = serde_json::from_str::<Value>(text).ok().filter(|_| text.starts_with(['{', '[']));
    parts(text, json.as_ref(), 0).iter().any(|part| has(&words(part), &value_of(value)))
}

fn hints(text: &str, value: &str) -> bool {
    let text = text.trim();
    let json = serde_json::from_str::<Value>(text).ok();
    let mut bare = bare_words(value);
    bare.truncate(LONGEST);
    let number = if let [word] = words(value).as_slice() { plain_number(word) } else { None };
    parts(text, json.as_ref(), 4).iter().any(|part| {
        let loosely = match &number {
            Some(number) => {
                let mut numbers = Vec::new();
                BareText::of(part).numbers(|number| numbers.push(number.to_owned()));
                numbers.contains(number)
            }
            None => has(&bare_words(part), &bare),
        };
        loosely || has(&words(part), &value_of(value))
    })
}

fn parts(text: &str, json: Option<&Value>, depth: usize) -> Vec<String> {
    let mut parts = Vec::new();
    match json {
        Some(json) => each_text(json, depth, &mut |part| parts.push(part.to_owned())),
        None => parts.push(text.to_owned()),
    }
    parts
}

fn value_of(text: &str) -> Vec<String> {
    let mut words = words(text);
    while words.last().is_some_and(|word| word == LINE_END) {
        words.pop();
    }
    if !words.iter().any(|word| word.contains(char::is_alphanumeric)) {
        words.clear();
    }
    words
}

fn bare_words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    BareText::of(text).words(|word| all.push(word.to_owned()));
    all
}

fn has(part: &[String], query: &[String]) -> bool {
    match query.len() {
        0 => false,
        1..=LONGEST => part.windows(query.len()).any(|words| words == query),
        _ => part == query || part.split(|word| word == LINE_END).any(|line| line == query),
    }
}

const TOKENS: [&str; 40] = [
    "alice@example.com",
    "Alice@Example.com,",
    "mallory@evil.example",
    "mаllory@evil.example",
    "mallory&#64;evil.example",
    r"mallory\u0040evil.example",
    "evil",
    "example",
    "A-1001",
    "1001",
    "$24.00",
    "24",
    "24.0",
    "2,400.00",
    "2400",
    "1 234",
    "234",
    "May",
    "20,",
    "2024",
    "2024-05-20",
    "DE89 3704 0044 0532 0130 00",
    "DE89370400440532013000",
    "10²",
    "102",
    "ＡＢＣ",
    "abc",
    "café",
    "cafe\u{301}",
    "a",
    "a",
    "b",
    ",",
    ".",
    "\n",
    "\n",
    "a\nb",
    "a b a b a b a b a b a b a b a b a b",
    r#"{"to":"a b","n":24}"#,
    "true",
];

fn any_text() -> impl Strategy<Value = String> {
    let tokens = prop::collection::vec(
        (prop::sample::select(&TOKENS[..]), prop::sample::select(&[" ", " ", "", "\n"][..])),
        0..14,
    );
    let text = tokens.prop_map(|tokens| {
        tokens.iter().flat_map(|(token, gap)| [*token, *gap]).collect::<String>()
    });
    (text, 0..8_u8).prop_map(|(text, form)| match form {
        0 => json!({"body": text, "24": [text, 24, 2400.5, null]}).to_string(),
        1 => json!([{"json": json!({"inner": text}).to_string()}]).to_string(),
        2 => json!(text).to_string(),
        _ => text,
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    (any_text(), 0..6_u8).prop_map(|(text, speaker)| match speaker {
        0 => Message::system(text),
        1 | 2 => Message::user(text),
        3 => Message::agent(text),
        4 => Message::tool("read_mail", text),
        _ => Message::tool("search", text),
    })
}

#[derive(Clone, Debug)]
enum ConversationChange {
    Hear(Message),
    /// The whole conversation, as new copies of its texts.
    Again,
    /// The conversation with another first message, like a system prompt that contains the time.
    First(Message),
    Window(usize),
    Without(Index),
    With(Index, Message),
    Swapped(Index, Index),
}

fn any_step() -> impl Strategy<Value = ConversationChange> {
    prop_oneof![
        4 => any_message().prop_map(ConversationChange::Hear),
        1 => Just(ConversationChange::Again),
        2 => any_message().prop_map(ConversationChange::First),
        2 => (0..6_usize).prop_map(ConversationChange::Window),
        1 => any::<Index>().prop_map(ConversationChange::Without),
        1 => (any::<Index>(), any_message())
            .prop_map(|(at, message)| ConversationChange::With(at, message)),
        1 => any::<(Index, Index)>()
            .prop_map(|(one, other)| ConversationChange::Swapped(one, other)),
    ]
}

impl ConversationChange {
    /// Returns the conversation after the change; empty if a message is only added.
    fn conversation(self, known: &[Message]) -> Vec<Message> {
        let mut all: Vec<Message> =
            known.iter().map(|message| message.with_text(message.text())).collect();
        let count = all.len();
        match self {
            Self::Hear(message) => all.push(message),
            Self::First(message) if count > 0 => all[0] = message,
            Self::Window(size) => drop(all.drain(..count.saturating_sub(size))),
            Self::Without(at) if count > 0 => drop(all.remove(at.index(count))),
            Self::With(at, message) => all.insert(at.index(count + 1), message),
            Self::Swapped(one, other) if count > 0 => {
                all.swap(one.index(count), other.index(count));
            }
            _ => {}
        }
        all
    }
}

/// Generates a value that may occur in a message: tokens, or a piece of a message.
fn any_value() -> impl Strategy<Value = (Vec<&'static str>, Index, Index, usize)> {
    let tokens = prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..3);
    (tokens, any::<Index>(), any::<Index>(), 1..20_usize)
}

fn value(of: &(Vec<&'static str>, Index, Index, usize), messages: &[Message]) -> String {
    let (tokens, message, from, count) = of;
    if !tokens.is_empty() || messages.is_empty() {
        return tokens.join(" ");
    }
    let text = messages[message.index(messages.len())].text();
    let pieces: Vec<&str> = text.split(' ').collect();
    pieces.iter().skip(from.index(pieces.len())).take(*count).copied().collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_origin_is_that_of_the_definition(
        steps in prop::collection::vec((any::<bool>(), any_step()), 1..16),
        values in prop::collection::vec(any_value(), 6),
    ) {
        let memory = memory();
        let mut runs =
            [false, true].map(|is_nested| RunConversation::new(Arc::clone(&memory), is_nested));
        let mut reference = ReferenceModel::default();
        let mut moments = Vec::new();
        for (is_inner, step) in steps {
            let run = &mut runs[usize::from(is_inner)];
            if let ConversationChange::Hear(message) = &step {
                run.push(message.clone());
                reference.hear(message, is_inner);
            } else {
                let conversation = step.conversation(run.history().messages());
                for message in &conversation {
                    reference.hear(message, is_inner);
                }
                run.replace(conversation);
            }
            let spoken: Vec<Message> =
                reference.known_messages.iter().map(|(_, message)| message.clone()).collect();
            let query: Vec<String> = values.iter().map(|of| value(of, &spoken)).collect();
            for run in &runs {
                let history = run.history();
                history.set_outputs();
                moments.push((history, reference.clone(), query.clone()));
            }
            // Some moments are queried at once, others after the conversation has continued.
            if moments.len() % 3 != 0 {
                continue;
            }
            for (history, reference, wanted) in moments.iter().rev().take(2) {
                for text in wanted {
                    prop_assert_eq!(
                        history.origin_alone(&json!(text)),
                        reference.origin(text),
                        "{:?}",
                        text
                    );
                }
            }
        }
        // After enough queries, the combined index is used.
        for (history, reference, wanted) in &moments {
            for text in wanted {
                let origin = reference.origin(text);
                for _ in 0..8 {
                    prop_assert_eq!(&history.origin_alone(&json!(text)), &origin, "{:?}", text);
                }
            }
        }
    }
}
