//! Help: the command line with its looks, `mailvault help`, and what is said to a word that is no
//! command.

mod groups;
mod style;
mod suggest;
pub(crate) mod texts;
mod topics;

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{ColorChoice, Command, CommandFactory as _};
use mailvault::base::suggest::nearest;
use serde_json::json;

use super::Done;
use super::args::{Cli, Help};
use super::output::Output;
use super::report::Failure;
use super::text::cut;
use style::{STYLES, heading};

pub(crate) use suggest::spare_the_mail;

/// Below the short help of everything.
const MORE: [(&str, &str); 3] = [
    ("help", "each command in a line, and the options of all"),
    (
        "help COMMAND",
        "one command, with examples; COMMAND -h is short",
    ),
    ("help TOPIC", ""),
];
const TEMPLATE: &str = "{before-help}{about-with-newline}\n{usage-heading} {usage}{after-help}";

/// The definition of the command line, as people see it.
pub(crate) fn command() -> Command {
    let plain = Cli::command();
    let options = plain
        .clone()
        .styles(STYLES)
        .help_template("{options}")
        .mut_args(|arg| arg.hide_short_help(false))
        .term_width(80)
        .render_help();
    let listing = format!(
        "{}{}\n{}\n{}",
        groups::listing(&plain),
        heading("Global options:"),
        options.ansi(),
        more()
    );
    let mut command = plain
        .styles(STYLES)
        .help_template(TEMPLATE)
        .after_help(format!("{}\n\n{}", groups::overview(), more()))
        .after_long_help(listing);
    let names: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    command = with_heading(command);
    for name in names {
        command = command.mut_subcommand(name, |inner| {
            let below: Vec<String> = inner
                .get_subcommands()
                .map(|inner| inner.get_name().to_owned())
                .collect();
            below.into_iter().fold(with_heading(inner), |inner, name| {
                inner.mut_subcommand(name, with_heading)
            })
        });
    }
    command
}

/// Makes the heading of the examples look like the others.
fn with_heading(command: Command) -> Command {
    let Some(examples) = command.get_before_help().map(StyledStr::to_string) else {
        return command;
    };
    command.before_help(examples.replacen("Examples:", &heading("Examples:"), 1))
}

fn more() -> String {
    let mut text = heading("Help:");
    for (words, meaning) in MORE {
        let topics;
        let meaning = match meaning {
            "" => {
                topics = topics::names().collect::<Vec<_>>().join(", ");
                &topics
            }
            meaning => meaning,
        };
        let _ = write!(text, "\n  mailvault {words:14}  {meaning}");
    }
    text
}

/// What `--color` on a line asks for, before the line is parsed.
pub(crate) fn color_choice(line: &[OsString]) -> ColorChoice {
    let words = line.iter().map(|word| word.to_str().unwrap_or_default());
    let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
    let mut values = words
        .iter()
        .enumerate()
        .filter_map(|(n, word)| match *word {
            "--color" => words.get(n + 1).copied(),
            word => word.strip_prefix("--color="),
        });
    match values.next_back() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// `mailvault help`: a command, a topic, or everything.
pub(crate) fn run(args: &Help, out: &Output) -> Result<Done, Failure> {
    let mut words = args.words.clone();
    if let [word] = &mut words[..]
        && let Some(whole) = whole(word)
    {
        *word = whole;
    }
    let text = match &words[..] {
        [word] if topics::find(word).is_some() => topics::find(word)
            .map(topics::Topic::render)
            .unwrap_or_default(),
        words => StyledStr::ansi(&of_command(words)?).to_string(),
    };
    let text = if out.colors() {
        text
    } else {
        StyledStr::from(text).to_string()
    };
    let text = text.trim_end();
    out.page();
    for line in text.lines() {
        out.line(line);
    }
    let line = json!({"about": args.words, "text": text});
    out.json("help", line, false);
    Ok(Done::new(0, json!({})))
}

/// The one command or topic that begins with a word and is longer.
fn whole(word: &str) -> Option<String> {
    let subjects = subjects().into_iter().map(|(name, _)| name);
    let mut found: Vec<String> = subjects.filter(|name| name.starts_with(word)).collect();
    found.pop().filter(|_| found.is_empty())
}

/// The help of a command, which is named by one word or more.
fn of_command(words: &[String]) -> Result<StyledStr, Failure> {
    let mut top = command();
    top.build();
    if let [topic, more, ..] = words
        && topics::find(topic).is_some()
    {
        return Err(Failure::usage(
            format!("there is no help about \"{}\" in {topic}", cut(more, 40)),
            format!("'mailvault help {topic}' shows all of it"),
        ));
    }
    let mut found = &mut top;
    for (n, word) in words.iter().enumerate() {
        if found.find_subcommand(word).is_none() {
            return Err(unknown(word, &words[..n], found));
        }
        found = found.find_subcommand_mut(word).expect("it was just found");
    }
    Ok(found.render_long_help())
}

/// All that there is help about, with what it is.
pub(crate) fn subjects() -> Vec<(String, Option<String>)> {
    let command = Cli::command();
    let commands = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set());
    let commands = commands.map(|inner| {
        let about = inner.get_about().map(ToString::to_string);
        (inner.get_name().to_owned(), about)
    });
    let topics = topics::titles().map(|(name, title)| (name.to_owned(), Some(title.to_owned())));
    commands.chain(topics).collect()
}

/// Refuses a word below a command, or below none.
fn unknown(word: &str, above: &[String], command: &Command) -> Failure {
    let topics = topics::names().filter(|_| above.is_empty());
    let mut known: Vec<&str> = topics.collect();
    known.extend(command.get_subcommands().map(Command::get_name));
    let above = above
        .iter()
        .fold(String::new(), |all, word| all + " " + word);
    let hint = match nearest(word, known, usize::MAX) {
        Some(near) => format!("did you mean 'mailvault help{above} {near}'?"),
        None if above.is_empty() => "'mailvault help' lists the commands".to_owned(),
        None => format!("'mailvault help{above}' shows what there is"),
    };
    Failure::usage(
        format!("there is no help about \"{}\"", cut(word, 40)),
        hint,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn help(line: &[&str]) -> String {
        let error = command()
            .term_width(80)
            .try_get_matches_from(line)
            .unwrap_err();
        error.render().to_string()
    }

    #[test]
    fn the_first_screen_fits_24_lines_of_80_columns() {
        for line in [&["mailvault"][..], &["mailvault", "-h"]] {
            let text = help(line);
            assert!(text.lines().count() <= 24, "{text}");
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn a_short_help_leaves_out_the_options_of_all_commands() {
        let [short, long] = ["-h", "--help"].map(|flag| help(&["mailvault", "pull", flag]));
        assert!(!short.contains("--no-input"), "{short}");
        assert!(long.contains("--no-input"), "{long}");
        assert!(short.contains("--limit <N>"), "{short}");
    }

    #[test]
    fn every_help_begins_with_examples_and_fits_80_columns() {
        let mut top = command().term_width(80);
        top.build();
        let commands = top.get_subcommands();
        for command in commands.chain([&top]) {
            for text in [
                command.clone().render_help(),
                command.clone().render_long_help(),
            ] {
                let text = text.to_string();
                assert!(text.starts_with("Examples:\n  mailvault "), "{text}");
                for line in text.lines() {
                    assert!(line.chars().count() <= 80, "{line}");
                }
            }
        }
    }

    #[test]
    fn the_beginning_of_one_subject_is_enough() {
        for (word, name) in [
            ("environ", Some("environment")),
            ("exp", Some("export")),
            ("exit", Some("exit-codes")),
            // Several begin so, or none does.
            ("s", None),
            ("list", None),
            ("nothing", None),
        ] {
            assert_eq!(whole(word).as_deref(), name, "{word}");
        }
    }

    #[test]
    fn the_last_wish_for_colour_counts() {
        let choice = |line: &str| {
            let line: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            color_choice(&line)
        };
        assert_eq!(choice("m pul"), ColorChoice::Auto);
        assert_eq!(choice("m --color never pul"), ColorChoice::Never);
        assert_eq!(
            choice("m --color never pul --color=always"),
            ColorChoice::Always
        );
        assert_eq!(choice("m search -- --color=always"), ColorChoice::Auto);
    }
}
