//! What a person at a terminal sees: the pager, lines that fit, marks and colours.

use mailvault::sample::{Message, Sample};

use crate::support::missing;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, message, pulled, sandbox, server};

/// What a terminal of so many columns shows of a command.
fn shown(sandbox: &Sandbox, columns: usize, line: &str) -> String {
    let program = env!("CARGO_BIN_EXE_mailvault");
    let line = format!("stty cols {columns} rows 24; unset COLUMNS; {program} {line}");
    let mut script = sandbox.tool("script");
    script
        .env("TERM", "xterm")
        .args(["-qec", &line, "/dev/null"]);
    sandbox.spawn(script).wait().stdout().replace('\r', "")
}

/// The text without what only a terminal acts on.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once('\x1b') {
        text.push_str(before);
        rest = match after.strip_prefix("]8;;") {
            Some(link) => link.split_once("\x1b\\").unwrap().1,
            None => after.split_once('m').unwrap().1,
        };
    }
    text + rest
}

fn mail() -> Vec<Message> {
    let long = "word ".repeat(60);
    let address = format!("https://example.org/{}", "a".repeat(120));
    let text = format!(
        "From: Ann <ann@example.org>\nSubject: The invoice of March\n\n\
         {long}\n> {long}\n{address}\nshort line, with Invoice in it\n"
    );
    let mut mail = Sample::of(30, 7);
    mail.push(message("march", &text));
    mail
}

#[test]
fn long_results_go_through_the_pager_of_a_terminal_only() {
    if missing("script") {
        return;
    }
    let (mut sandbox, _server) = pulled(mail());
    sandbox
        .env("PAGER", "false")
        .env("MAILVAULT_PAGER", "A=1 sed s/^/paged:/");
    let id = sandbox
        .run(&["list", "subject:march"])
        .expect_code(0)
        .stdout();
    assert!(!id.contains("paged:"), "a pipe needs no pager: {id}");
    let id = id
        .lines()
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    for line in [
        "list",
        "help query",
        &format!("show {id}"),
        &format!("show {id} --headers"),
    ] {
        let text = shown(&sandbox, 80, line);
        assert!(
            text.lines().all(|line| line.starts_with("paged:")),
            "{text}"
        );
        let text = shown(&sandbox, 80, &format!("--no-input {line}"));
        assert!(!text.contains("paged:"), "{text}");
    }
    sandbox.env("MAILVAULT_PAGER", "");
    assert!(!shown(&sandbox, 80, "list").contains("paged:"));
    sandbox.env("MAILVAULT_PAGER", "no-such-pager -x");
    let text = shown(&sandbox, 80, "list");
    let note = "note: the pager \"no-such-pager\" was not found\n";
    assert!(
        text.starts_with(note) && plain(&text).contains("20 of 31 messages"),
        "{text}"
    );
}

#[test]
fn what_a_pager_that_fails_was_to_show_is_shown_without_it() {
    if missing("script") {
        return;
    }
    let (mut sandbox, _server) = pulled(mail());
    sandbox.env("PAGER", "cat");
    let list = shown(&sandbox, 80, "list -l 31");
    // It may fail before anything is written, or after all of it is.
    for pager in [
        "false",
        "sleep 0.3; false",
        "sh -c 'exec <&-; sleep 0.3; exit 1'",
    ] {
        sandbox.env("PAGER", pager);
        let text = shown(&sandbox, 80, "list -l 31; echo ended with $?");
        let (text, end) = text.split_once("note: ").unwrap();
        assert_eq!(text, list, "{pager}");
        assert!(
            end.ends_with("failed with exit status 1\nended with 0\n"),
            "{end}"
        );
        let named = format!("the pager \"{}\" ", pager.split([' ', ';']).next().unwrap());
        assert!(end.starts_with(&named), "{end}");
    }
}

#[test]
fn a_pager_that_is_left_early_is_no_failure() {
    if missing("script") {
        return;
    }
    let (mut sandbox, _server) = pulled(mail());
    sandbox.env("MAILVAULT_PAGER", "head -n 1");
    let text = shown(&sandbox, 80, "list -l 31; echo ended with $?");
    assert_eq!(plain(&text).lines().count(), 2, "{text}");
    assert!(text.ends_with("ended with 0\n"), "{text}");
}

#[test]
fn a_list_that_is_cut_says_of_how_many() {
    if missing("script") {
        return;
    }
    let (mut sandbox, _server) = pulled(mail());
    sandbox.env("PAGER", "cat");
    for (line, end) in [
        ("list", "20 of 31 messages; -l N shows more\n"),
        (
            "list -l 2 -- -subject:march",
            "2 of 30 messages; -l N shows more\n",
        ),
        ("list invoice -l 31", " messages\n"),
    ] {
        let text = shown(&sandbox, 80, line);
        assert!(plain(&text).ends_with(end), "{text}");
    }
}

#[test]
fn lines_fit_the_terminal_and_addresses_stay_whole() {
    if missing("script") {
        return;
    }
    let (mut sandbox, _server) = pulled(mail());
    sandbox.env("PAGER", "cat");
    let list = sandbox.run(&["list", "subject:march"]).stdout();
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    for columns in [50, 80, 160] {
        let text = plain(&shown(&sandbox, columns, &format!("show {id}")));
        let (longest, others): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with("https://"));
        assert_eq!(longest[0].len(), 140, "{text}");
        assert!(others.iter().all(|line| line.len() <= columns), "{text}");
        assert!(
            others
                .iter()
                .filter(|line| line.starts_with("> word"))
                .count()
                > 1
        );
        let text = plain(&shown(&sandbox, columns, "list"));
        assert!(
            text.lines().all(|line| line.chars().count() <= columns),
            "{text}"
        );
        assert_eq!(
            text.lines().next().unwrap().contains("Folder"),
            columns == 160
        );
    }
    let piped = sandbox.run(&["show", id]).stdout();
    assert!(piped.lines().any(|line| line.len() >= 299), "{piped}");
}

#[test]
fn what_was_looked_for_is_marked_and_nothing_where_no_colour_is_wanted() {
    if missing("script") {
        return;
    }
    let (mut sandbox, _server) = pulled(mail());
    sandbox.env("PAGER", "cat");
    let text = shown(&sandbox, 80, "search INVOICE subject:march");
    for marked in [
        "\x1b[1;4minvoice\x1b[0m of",
        "\x1b[1;4mMarch\x1b[0m",
        "\x1b[1;4mInvoice\x1b[0m in it",
    ] {
        assert!(text.contains(marked), "{marked}: {text}");
    }
    sandbox.env("NO_COLOR", "1");
    let text = shown(&sandbox, 80, "search INVOICE subject:march");
    assert!(
        !text.contains('\x1b') && text.contains("The invoice of March"),
        "{text}"
    );
}

#[test]
fn the_path_of_a_saved_file_is_a_link_at_a_terminal() {
    if missing("script") {
        return;
    }
    let (sandbox, _server) = pulled(Sample::messages());
    let list = sandbox
        .run(&["list", "has:attachment", "boarding"])
        .expect_code(0)
        .stdout();
    let id = list.lines().nth(1).unwrap().split(' ').next().unwrap();
    let text = shown(&sandbox, 80, &format!("show {id} --save kept"));
    let link = "\x1b]8;;file://$HOME/kept/";
    assert!(text.starts_with(link), "{text:?}");
    assert!(plain(&text).starts_with("kept/"), "{text:?}");
    let piped = sandbox.run(&["show", id, "--save", "kept"]).expect_code(0);
    assert!(!piped.stdout().contains('\x1b'), "{piped}");
}

/// What was drawn on a terminal, piece by piece: between the codes that move its cursor or erase.
fn pieces(drawn: &str) -> Vec<&str> {
    let mut pieces: Vec<&str> = Vec::new();
    for part in drawn.split('\x1b') {
        let code = part.strip_prefix('[').map_or(0, |codes| {
            let end = codes.find(|c: char| c.is_ascii_alphabetic());
            end.map_or(0, |end| end + 2)
        });
        pieces.extend(part[code..].split('\n').filter(|piece| !piece.is_empty()));
    }
    pieces
}

/// The lines of accounts that are drawn at once: all but the last are filled up with blanks, so that
/// the terminal breaks them.
fn broken(piece: &str, names: &[&str], columns: usize) -> Vec<String> {
    let chars: Vec<char> = piece.chars().collect();
    let lines = chars.chunks(columns).map(|line| line.iter().collect());
    let lines: Vec<String> = lines.collect();
    // One that is too long goes on with other words.
    let begins = |line: &String| {
        let mut names = names.iter();
        names.any(|name| line.starts_with(&format!("{:12}", name.get(..12).unwrap_or(name))))
    };
    if lines.iter().all(begins) {
        lines
    } else {
        vec![piece.to_owned()]
    }
}

#[test]
fn of_each_account_that_is_done_a_line_stays_and_none_is_wider_than_the_terminal() {
    if missing("script") {
        return;
    }
    let names = ["a", "b", "c", "d", "with-a-long-name"];
    let mut seed = 0;
    let servers = names.map(|_| {
        seed += 1;
        server(Sample::of(200, seed))
    });
    let accounts: Vec<Account> = names
        .iter()
        .zip(&servers)
        .map(|(name, server)| Account::of(name, server))
        .collect();
    for columns in [40, 80] {
        let sandbox = sandbox(&accounts);
        let drawn = shown(&sandbox, columns, "--color never pull --create");
        let pieces = pieces(&drawn).into_iter();
        let pieces: Vec<String> = pieces
            .flat_map(|piece| broken(piece, &names, columns))
            .collect();
        for piece in &pieces {
            let is_result = piece.contains("new  ") || piece.contains("messages in ");
            let fits = piece.chars().count() <= columns;
            assert!(fits || is_result, "{columns}: {piece:?}");
        }
        for name in names {
            let begin = format!("{name:16}  200 new, ");
            let begin = if columns == 80 {
                begin
            } else {
                format!(
                    "{:13}",
                    name.get(..12)
                        .map_or(name.to_owned(), |name| format!("{name}…"))
                )
            };
            let stays = pieces.iter().filter(|piece| {
                piece.starts_with(&begin) && piece.contains(" new, ") && piece.contains(" in ")
            });
            assert_eq!(stays.count(), 1, "{name}: {pieces:#?}");
        }
    }
    // One account has its result at once.
    let sandbox = sandbox(&[Account::of("a", &servers[0])]);
    let drawn = shown(&sandbox, 80, "--color never pull --create");
    assert!(
        !drawn.contains(" new, ") && drawn.contains("200 new"),
        "{drawn:?}"
    );
}
