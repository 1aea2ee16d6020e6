//! The schema of JSON lines, `docs/json.schema.json`, held against what a run printed. What the
//! schema does not name is an error here, though programs are told to ignore it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// The kinds of lines of a type, each with its name.
type Kinds = Vec<(String, Validator)>;

static LINES: LazyLock<BTreeMap<String, Kinds>> = LazyLock::new(|| {
    let mut defs = read()["$defs"].take();
    for def in defs.as_object_mut().unwrap().values_mut() {
        if def["properties"].is_object() {
            def["additionalProperties"] = json!(false);
        }
    }
    let mut lines: BTreeMap<String, Kinds> = BTreeMap::new();
    for (name, def) in defs.as_object().unwrap() {
        for kind in types(def) {
            let whole = json!({"$ref": format!("#/$defs/{name}"), "$defs": defs});
            let validator = jsonschema::validator_for(&whole).unwrap();
            let kinds = lines.entry(kind).or_default();
            kinds.push((name.clone(), validator));
        }
    }
    lines
});

/// Where the schema is.
pub(crate) fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/json.schema.json")
}

/// The schema as it is.
pub(crate) fn read() -> Value {
    serde_json::from_slice(&fs::read(path()).unwrap()).unwrap()
}

/// The types of lines that a definition describes; none if it is not one of lines.
pub(crate) fn types(def: &Value) -> Vec<String> {
    let of = &def["properties"]["type"];
    let words = of["enum"].as_array().cloned();
    let words = words.unwrap_or_else(|| vec![of["const"].clone()]);
    words
        .iter()
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

/// What is wrong with a line, if anything.
pub(crate) fn wrong(line: &Value) -> Option<String> {
    let kind = line["type"].as_str().unwrap_or_default();
    let Some(kinds) = LINES.get(kind) else {
        return Some(format!("no line has the type \"{kind}\""));
    };
    if kinds.iter().any(|(_, validator)| validator.is_valid(line)) {
        return None;
    }
    let faults = kinds.iter().map(|(name, validator)| {
        let errors = validator.iter_errors(line).map(|error| error.to_string());
        format!("not {name}: {}", errors.collect::<Vec<_>>().join("; "))
    });
    Some(faults.collect::<Vec<_>>().join("\n"))
}

/// Panics unless each line of a run with `--json` is as the schema says. A run that was killed may
/// have left its last line unfinished.
#[track_caller]
pub(crate) fn check(stdout: &[u8], ended_by_itself: bool, shown: &str) {
    let text = std::str::from_utf8(stdout).unwrap_or_else(|e| panic!("{e}\n{shown}"));
    for whole in text.split_inclusive('\n') {
        if !whole.ends_with('\n') && !ended_by_itself {
            continue;
        }
        let line: Value = serde_json::from_str(whole)
            .unwrap_or_else(|e| panic!("{shown}\nno line of JSON: {e}\n{whole}"));
        if let Some(wrong) = wrong(&line) {
            panic!("{shown}\nnot as docs/json.schema.json says:\n{whole}{wrong}");
        }
    }
}
