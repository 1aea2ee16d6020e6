//! The JSON schema of the configuration file, for editors: made from the types that read it, and
//! compared with the file that is kept.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::RawConfig;

/// A program: a command for a shell, or its words.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum ProgramForm {
    Shell(String),
    Words(Vec<String>),
}

/// A time: seconds, or a text such as "60s".
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is only described")]
pub(super) enum TimeForm {
    Seconds(u64),
    Text(String),
}

/// The schema, with the bounds that the types do not have.
fn schema() -> Value {
    let mut schema = serde_json::to_value(schemars::schema_for!(RawConfig)).unwrap();
    schema["title"] = json!("mailvault's configuration");
    let account = &mut schema["$defs"]["RawAccount"]["properties"];
    for (key, least, most) in [
        ("retries", 0, 100),
        ("zstd_level", 1, 9),
        ("connections", 1, 4),
    ] {
        account[key]["minimum"] = json!(least);
        account[key]["maximum"] = json!(most);
    }
    schema
}

/// `MAILVAULT_BLESS=1` writes the file.
#[test]
fn the_schema_that_is_kept_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("MAILVAULT_BLESS").is_some() {
        #[allow(clippy::disallowed_methods, reason = "it is a file of the source tree")]
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == text,
        "it is an old one"
    );
}

#[test]
fn the_schema_has_the_keys_and_words_that_the_parser_takes() {
    let schema = schema();
    let account = &schema["$defs"]["RawAccount"];
    assert_eq!(account["additionalProperties"], false);
    let keys = account["properties"].as_object().unwrap().keys();
    let mut keys: Vec<String> = keys.cloned().collect();
    let mut known = super::account_keys();
    keys.sort_unstable();
    known.sort_unstable();
    assert_eq!(keys, known);
    let text = schema.to_string();
    for word in [
        "starttls",
        "scram-sha-256-plus",
        "message-id",
        "pop3",
        "inbox",
    ] {
        assert!(text.contains(&format!("\"{word}\"")), "{word}");
    }
}
