//! What programs can count on: the page and the schema of JSON lines. That each line of every run of
//! these tests fits the schema is looked at where they are run (`support/schema.rs`).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mailvault::sample::Sample;
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::scene::pulled;
use crate::support::schema::{read, types, wrong};

/// Begins what is made from the schema.
const MARK: &str = "<!-- What follows is made from json.schema.json by a test. -->\n";

#[test]
fn the_page_is_made_from_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once(MARK).unwrap();
    let made = format!("{head}{MARK}{}", page(&read()));
    if std::env::var_os("MAILVAULT_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == made,
        "it is an old one"
    );
}

fn page(schema: &Value) -> String {
    let defs = schema["$defs"].as_object().unwrap();
    let (lines, parts): (Vec<_>, Vec<_>) = defs.iter().partition(|(_, def)| !types(def).is_empty());
    let mut text = String::from("\n## Lines\n");
    for (name, def) in lines {
        let types = types(def).join("`, `");
        let anchor = if types == *name {
            String::new()
        } else {
            format!(" ({name})")
        };
        section(&mut text, &format!("`{types}`{anchor}"), def);
    }
    text += "\n## Parts of lines\n";
    for (name, def) in parts
        .into_iter()
        .filter(|(_, def)| def["properties"].is_object())
    {
        section(&mut text, &format!("`{name}`"), def);
    }
    text
}

fn section(text: &mut String, title: &str, def: &Value) {
    let _ = writeln!(
        text,
        "\n### {title}\n\n{}\n",
        def["description"].as_str().unwrap()
    );
    let required: BTreeSet<&str> = strings(&def["required"]).collect();
    let _ = writeln!(text, "| Field | Is | |\n| --- | --- | --- |");
    for (name, field) in def["properties"].as_object().unwrap() {
        if ["v", "type"].contains(&name.as_str()) {
            continue;
        }
        let maybe = if required.contains(name.as_str()) {
            ""
        } else {
            ", may be missing"
        };
        let _ = writeln!(
            text,
            "| `{name}` | {}{maybe} | {} |",
            form(field),
            field["description"].as_str().unwrap()
        );
    }
}

/// What a value is, in words.
fn form(field: &Value) -> String {
    if let Some(part) = field["$ref"].as_str() {
        let name = part.trim_start_matches("#/$defs/");
        return match name {
            "headers" | "any_summary" => "object".to_owned(),
            _ => format!("object [`{name}`](#{name})"),
        };
    }
    if let Some(any) = field["anyOf"].as_array() {
        return any.iter().map(form).collect::<Vec<_>>().join(" or ");
    }
    if let Some(value) = field.get("const") {
        return format!("`{value}`");
    }
    if let Some(words) = field["enum"].as_array() {
        let words = words.iter().map(|word| format!("`{word}`"));
        return words.collect::<Vec<_>>().join(", ");
    }
    let mut kinds: Vec<&str> = match &field["type"] {
        Value::String(kind) => vec![kind],
        kinds => strings(kinds).collect(),
    };
    if field["format"] == "date-time" {
        kinds[0] = "time";
    }
    if kinds[0] == "array" {
        return format!("list: {}", form(&field["items"]));
    }
    kinds.join(" or ")
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

#[test]
fn help_names_every_type_of_line() {
    let schema = read();
    let defs = schema["$defs"].as_object().unwrap().values();
    let mut described: BTreeSet<String> = defs.flat_map(types).collect();
    // It is for the program of [notify], and no command prints it.
    assert!(described.remove("notification"));
    let help = Sandbox::new()
        .run(&["help", "json"])
        .expect_code(0)
        .stdout();
    let (_, list) = help.split_once("Types:\n").unwrap();
    let named = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let words = named.map(|line| line.trim_start().split("  ").next().unwrap());
    let named: BTreeSet<String> = words
        .flat_map(|words| words.split(", "))
        .map(|word| word.trim_end_matches(',').to_owned())
        .collect();
    assert_eq!(named, described);
}

#[test]
fn a_line_that_is_not_as_described_is_found() {
    let (sandbox, _server) = pulled(Sample::of(1, 7));
    let output = sandbox.run(&["status", "--json"]).expect_code(0).stdout();
    let line: Value = serde_json::from_str(output.lines().next().unwrap()).unwrap();
    assert_eq!(wrong(&line), None);
    for (field, value) in [
        ("colour", json!(1)),
        ("messages", json!("1")),
        ("type", json!("x")),
    ] {
        let mut other = line.clone();
        other[field] = value;
        assert!(wrong(&other).is_some(), "{other}");
    }
    let mut less = line;
    less.as_object_mut().unwrap().remove("messages");
    assert!(wrong(&less).is_some(), "{less}");
}
