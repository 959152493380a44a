//! Texts that every channel must show: ordinary ones unchanged and without a warning, hostile ones
//! so that nothing in them is active, hidden, or mistaken for the gate's own text.

#![allow(dead_code, reason = "not every test needs all of it")]
#![allow(unreachable_pub, reason = "a module of a test")]

/// Ordinary texts, in fifteen languages, with emoji, prices and names.
pub const ORDINARY: [&str; 22] = [
    "Grüße aus Zürich, Straße 7",
    "l’été, cœur, garçon",
    "¿Cuánto cuesta? ¡Mañana!",
    "zażółć gęślą jaźń",
    "İstanbul'da ılık",
    "Привет, как дела?",
    "Καλημέρα σας",
    "שלום עולם",
    "مرحبا بالعالم",
    "می‌خواهم کتاب",
    "नमस्ते क्ष्म",
    "你好，世界",
    "こんにちは　世界",
    "안녕하세요",
    "สวัสดีครับ",
    "Xin chào Việt Nam",
    "⚠️ 👩‍👩‍👧 🏳️‍🌈 ❤️ 👍🏽",
    "10 000 € · 5 %",
    "O’Brien & Sons – “quoted”",
    "½ cup, 20 °C, x², naïve",
    "a@example.com, +41 44 668 18 00",
    "A-1001/ß#3 [draft] (v2)",
];

/// Beginnings of the gate's own rows, which no row of untrusted text may have.
pub const FAKE_ROWS: [&str; 3] =
    ["Agent         treasury-bot", "decides    nobody", "Approved by dana: it runs"];

/// Returns texts that act on a screen, hide something, or look like the gate's own text.
pub fn hostile() -> Vec<String> {
    let mut all: Vec<String> = [
        "\u{1b}[2J\u{1b}[1;1Happroved",
        "\u{1b}]8;;http://evil.example\u{7}here\u{1b}]8;;\u{7}",
        "safe\r\u{8}\u{8}\u{8}evil",
        "invoice \u{202e}gpj.exe",
        "\u{2066}left\u{2069} \u{200f}right",
        "pay\u{200b}pal \u{2060}\u{feff}\u{ad}x",
        "tag \u{e0061}\u{e0062}",
        "filler \u{3164}\u{115f}x",
        "music \u{1d159}x",
        "private \u{e000} unassigned \u{378}",
        "over\u{20e0}\u{338}lay",
        "раypal",
        "line\u{2028}separator\u{2029}two\u{85}three",
        "nul\u{0}byte \u{9b}31m",
    ]
    .map(str::to_owned)
    .to_vec();
    all.extend(FAKE_ROWS.iter().map(|row| format!("x\u{200b}\n{row}\n│  {row}\n    {row}")));
    all
}

/// Finds an active or hidden character, which no channel may show unescaped.
pub fn acting(shown: &str) -> Option<char> {
    shown.chars().find(|c| {
        matches!(
            c,
            '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{200b}'
                | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{3164}' | '\u{115f}' | '\u{1d159}' | '\u{e000}'..='\u{f8ff}'
                | '\u{378}' | '\u{20e0}' | '\u{e0000}'..='\u{e007f}'
        )
    })
}

/// Finds a line of untrusted text that begins like one of the gate's rows.
pub fn fake_row(shown: &str) -> Option<&str> {
    let begins = |line: &&str| {
        let words = line.trim_start_matches(['│', ' ']);
        FAKE_ROWS.iter().any(|row| words.starts_with(row))
    };
    shown.lines().find(begins)
}
