//! Signing in by OAuth: the code for any device, the browser of this machine, the refresh of
//! access tokens, and what is said when one of them fails. The service of tokens is our own,
//! the mail server a Dovecot that asks it who a token belongs to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::dovecot::{Dovecot, Options};
use crate::support::output::Ended;
use crate::support::sandbox::Sandbox;
use crate::support::scene::{Account, sandbox};
use crate::support::tokens::{Tokens, fields};

const CODE: &str = r#"{"device_code":"device-secret","user_code":"AB-CD",
    "verification_uri":"https://id.example.org/code","expires_in":600,"interval":1}"#;
const PENDING: &str = r#"{"error":"authorization_pending"}"#;
const SLOW_DOWN: &str = r#"{"error":"slow_down"}"#;
const TOKENS: &str = r#"{"access_token":"access-ann","refresh_token":"refresh-1","expires_in":9}"#;
const NEXT: &str = r#"{"access_token":"access-ann","refresh_token":"refresh-2","expires_in":9}"#;
const SAME: &str = r#"{"access_token":"access-ann","expires_in":9}"#;
/// Nothing of these is for anybody's eyes.
const SECRETS: [&str; 5] = [
    "device-secret",
    "access-ann",
    "refresh-1",
    "refresh-2",
    "client-secret",
];

/// A Dovecot that asks this service about tokens; ann has one message.
fn dovecot(tokens: &Tokens) -> Option<(Dovecot, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("oauth2");
    let text = format!(
        "introspection_mode = post\nintrospection_url = {}\nusername_attribute = user\n\
         active_attribute = active\nactive_value = true\n",
        tokens.url("/introspect")
    );
    fs::write(&file, text).unwrap();
    let options = Options {
        mechanisms: "plain",
        extra: format!(
            "auth_mechanisms = plain xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  \
             mechanisms = xoauth2 oauthbearer\n  args = {}\n}}\n",
            file.display()
        ),
        ..Options::default()
    };
    let dovecot = Dovecot::start(&options)?;
    dovecot.deliver("ann", &["Subject: one\n\nHello\n"]);
    Some((dovecot, folder))
}

fn account(port: u16, tokens: &Tokens, more: &str) -> Account {
    let oauth = format!(
        "{{ client_id = \"client\", client_secret_file = \"~/cs\", token_url = \"{}\", \
         scope = \"mail offline\"{more} }}",
        tokens.url("/token")
    );
    Account::new("work", port, "ann")
        .without("password_file")
        .with("auth", "\"xoauth2\"")
        .with("token_file", "\"~/token\"")
        .with("oauth", &oauth)
}

fn device(tokens: &Tokens) -> String {
    format!(", device_url = \"{}\"", tokens.url("/device"))
}

fn home(account: Account) -> Sandbox {
    let sandbox = sandbox(&[account]);
    sandbox.write("cs", "client-secret\n", 0o600);
    sandbox
}

#[track_caller]
fn assert_silent(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in: {text}");
    }
}

#[track_caller]
fn kept(sandbox: &Sandbox) -> String {
    let path = sandbox.path("token");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_code_is_waited_for_and_the_token_works_with_a_real_server() {
    let tokens = Tokens::start(&[CODE, PENDING, SLOW_DOWN, TOKENS, SAME]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    for (protocol, port) in [
        ("pop3", dovecot.pop3().port()),
        ("imap", dovecot.imap().port()),
    ] {
        let tokens = Tokens::start(match protocol {
            "pop3" => &[CODE, PENDING, SLOW_DOWN, TOKENS, SAME],
            _ => &[CODE, TOKENS, SAME],
        });
        let account = account(port, &tokens, &device(&tokens));
        let account = account.with("protocol", &format!("\"{protocol}\""));
        let sandbox = home(match protocol {
            "pop3" => account,
            _ => account.with("auth", "\"oauthbearer\""),
        });
        let login = sandbox.run(&["login", "work", "-vv"]).expect_code(0);
        let (stdout, stderr) = (login.stdout(), login.stderr());
        assert!(stdout.starts_with("Signed in: 1 message.\n"), "{stdout}");
        assert!(stdout.contains("Wrote ~/token (mode 600)."), "{stdout}");
        assert!(stderr.contains("https://id.example.org/code"), "{stderr}");
        assert!(stderr.contains("AB-CD"), "{stderr}");
        assert_silent(&(stdout + &stderr));
        assert_eq!(kept(&sandbox), "refresh-1\n");
        assert_eq!(tokens.requests("/device")[0].field("scope"), "mail offline");
        for request in tokens.requests("/token") {
            assert_eq!(request.field("device_code"), "device-secret");
            assert_eq!(request.field("client_id"), "client");
            assert_eq!(request.field("client_secret"), "client-secret");
        }
        let pull = sandbox.run(&["pull", "--create", "-vv"]).expect_code(0);
        assert_eq!(sandbox.messages("work").len(), 1);
        assert_silent(&(pull.stdout() + &pull.stderr()));
        let asked = tokens.requests("/token");
        let last = asked.last().unwrap();
        assert_eq!(last.field("grant_type"), "refresh_token");
        assert_eq!(last.field("refresh_token"), "refresh-1");
    }
}

/// A home without a configuration, and flags for `init` of ann's account at a mail server, with
/// tokens from this service.
fn init_scene(port: u16, tokens: &Tokens) -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new();
    sandbox.write("cs", "client-secret\n", 0o600);
    let mut flags: Vec<String> = [
        "init",
        "--pop3",
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--tls",
        "none",
        "--user",
        "ann",
        "--name",
        "work",
    ]
    .map(str::to_owned)
    .to_vec();
    for line in [
        "client_id=client".to_owned(),
        "client_secret_file=~/cs".to_owned(),
        "scope=mail offline".to_owned(),
        format!("token_url={}", tokens.url("/token")),
        format!("device_url={}", tokens.url("/device")),
    ] {
        flags.extend(["--oauth".to_owned(), line]);
    }
    (sandbox, flags)
}

#[test]
fn init_signs_in_with_a_code_at_once_and_what_it_writes_can_be_pulled() {
    let tokens = Tokens::start(&[CODE, PENDING, TOKENS, SAME]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let (sandbox, flags) = init_scene(dovecot.pop3().port(), &tokens);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let init = sandbox.run(&flags).expect_code(0);
    assert!(init.stderr().contains("AB-CD"), "{init}");
    assert_silent(&(init.stdout() + &init.stderr()));
    let secret = sandbox.path(".config/mailvault/secret-work");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "refresh-1\n");
    let mode = fs::metadata(&secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let pulled = sandbox.run(&["pull"]).expect_code(0).stdout();
    assert!(pulled.starts_with("work  1 new"), "{pulled}");
    // A file that is in the way is told before anybody signs in.
    let config = sandbox.path(".config/mailvault/config.toml");
    fs::remove_file(config).unwrap();
    let taken = sandbox.run(&flags).expect_code(2);
    assert!(
        taken.stderr().contains("secret-work already exists"),
        "{taken}"
    );
    assert_eq!(tokens.requests("/device").len(), 1);
}

#[test]
fn init_writes_nothing_if_the_mail_server_refuses_the_token() {
    let tokens = Tokens::start(&[CODE, &TOKENS.replace("access-ann", "access-eve")]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let (sandbox, flags) = init_scene(dovecot.pop3().port(), &tokens);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let _ = sandbox.run(&flags).expect_code(12);
    assert!(!sandbox.path(".config/mailvault").exists());
}

#[test]
fn init_refuses_what_is_no_line_of_the_oauth_table() {
    let sandbox = Sandbox::new();
    for (line, said) in [
        ("client", "--oauth takes KEY=VALUE"),
        ("client_secret=x", "the keys are client_id"),
        ("client_id=", "client_id is empty"),
        ("token_url=http://id.example.org", "no https:// address"),
    ] {
        let mut flags = vec!["init", "ann@outlook.com", "--imap", "--print"];
        flags.extend(["--oauth", "client_id=x", "--oauth", line]);
        let refused = sandbox.run(&flags);
        assert!(
            [Ended::Exit(2), Ended::Exit(15)].contains(&refused.ended),
            "{refused}"
        );
        assert!(refused.stderr().contains(said), "{line}: {refused}");
    }
    let flags = [
        "init",
        "ann@outlook.com",
        "--imap",
        "--oauth",
        "client_id=x",
    ];
    let refused = sandbox.run(&[&flags[..], &["--no-input"]].concat());
    let refused = refused.expect_code(2).stderr();
    assert!(refused.contains("needs a person"), "{refused}");
    let pin = "00".repeat(32);
    let print = ["--print", "--tls-pin-sha256", &pin];
    let printed = sandbox.run(&[&flags[..], &print].concat()).expect_code(0);
    let printed = printed.stdout();
    let read: toml::Table = printed.parse().unwrap();
    let account = &read["accounts"]["outlook"];
    assert_eq!(account["tls_pin_sha256"].as_str(), Some(&pin[..]));
    assert_eq!(account["oauth"]["client_id"].as_str(), Some("x"));
    let token = account["token_file"].as_str();
    assert_eq!(token, Some("~/.config/mailvault/secret-outlook"));
}

#[test]
fn a_new_refresh_token_takes_the_place_of_the_old_one() {
    let tokens = Tokens::start(&[NEXT, SAME]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let sandbox = home(account(dovecot.pop3().port(), &tokens, ""));
    sandbox.write("token", "refresh-1\n", 0o600);
    let _ = sandbox.run(&["pull", "--create"]).expect_code(0);
    assert_eq!(kept(&sandbox), "refresh-2\n");
    let _ = sandbox.run(&["pull"]).expect_code(0);
    assert_eq!(kept(&sandbox), "refresh-2\n");
    let sent: Vec<_> = tokens.requests("/token");
    let sent: Vec<_> = sent.iter().map(|r| r.field("refresh_token")).collect();
    assert_eq!(sent, ["refresh-1", "refresh-2"]);
}

#[test]
fn a_sign_in_that_was_revoked_names_login() {
    let tokens = Tokens::start(&[
        r#"{"error":"invalid_grant","error_description":"refresh-1 has expired.\r\nTrace 7"}"#,
    ]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let mut sandbox = home(account(dovecot.pop3().port(), &tokens, ""));
    sandbox.write("token", "refresh-1\n", 0o600);
    sandbox.mask_port(tokens.port());
    sandbox.run(&["pull", "--create"]).expect(
        12,
        "",
        "\
error: work: 127.0.0.1:$PORT issued no access token for ann: the stored sign-in has expired or \
was revoked
  server said: invalid_grant: **** has expired.
  hint: 'mailvault login work' signs in again
",
    );
    let doctor = sandbox.run(&["doctor", "work"]).expect_code(12);
    assert_silent(&(doctor.stdout() + &doctor.stderr()));
}

#[test]
fn before_the_first_sign_in_the_way_to_it_is_told() {
    let tokens = Tokens::start(&[SAME]);
    let sandbox = home(account(1, &tokens, ""));
    sandbox.run(&["pull", "--create"]).expect(
        15,
        "",
        "\
error: work: nobody has signed in to work yet
  hint: 'mailvault login work' signs in with a browser, and keeps the token in
        ~/token
",
    );
    assert!(tokens.requests("/token").is_empty());
}

#[test]
fn trouble_with_the_service_is_not_taken_for_a_server_without_pop3() {
    // The first answer is for POP3; with the next it would work over IMAP.
    let tokens = Tokens::start(&["no object", SAME]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let account = account(dovecot.pop3().port(), &tokens, "");
    let account = account
        .with("protocol", "\"auto\"")
        .with("imap_port", &dovecot.imap().port().to_string());
    let sandbox = home(account);
    sandbox.write("token", "refresh-1\n", 0o600);
    let failed = sandbox.run(&["pull", "--create", "--json"]).expect_code(1);
    let stdout = failed.stdout();
    assert!(!stdout.contains("over_imap"), "{stdout}");
    assert!(stdout.contains("neither a token nor an error"), "{stdout}");
    assert_eq!(tokens.requests("/token").len(), 1);
    let pull = sandbox.run(&["pull", "--json", "-vv"]).expect_code(0);
    assert!(!pull.stdout().contains("over_imap"), "{pull}");
    assert!(pull.stderr().contains("LIST, UIDL"), "{pull}");
}

#[test]
fn a_service_that_is_away_is_told_from_the_mail_server() {
    let tokens = Tokens::start(&[SAME]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let away = tokens
        .url("/token")
        .replace(&tokens.port().to_string(), "1");
    let account = account(dovecot.pop3().port(), &tokens, "");
    let oauth = format!("{{ client_id = \"client\", token_url = \"{away}\", scope = \"mail\" }}");
    let sandbox = home(account.with("oauth", &oauth));
    sandbox.write("token", "refresh-1\n", 0o600);
    sandbox.run(&["pull", "--create"]).expect(
        13,
        "",
        "\
error: work: 127.0.0.1:1 issued no access token for ann: Connection refused
  hint: check the network, and any addresses in the oauth table of work
",
    );
}

#[test]
fn a_file_of_authorities_that_is_missing_or_none_is_named() {
    let tokens = Tokens::start_tls(&[TOKENS]);
    let sandbox = home(account(
        1,
        &tokens,
        &format!("{}, ca_file = \"~/authority\"", device(&tokens)),
    ));
    let output = sandbox.run(&["login", "work"]).expect_code(1);
    assert!(output.stderr().contains("cannot read"), "{output}");
    assert!(output.stderr().contains("authority"), "{output}");
    sandbox.write("authority", "none\n", 0o600);
    let output = sandbox.run(&["login", "work"]).expect_code(15);
    assert!(
        output.stderr().contains("holds no PEM certificate"),
        "{output}"
    );
}

#[test]
fn a_browser_that_is_asked_for_is_not_replaced_by_a_code() {
    let tokens = Tokens::start(&[CODE, TOKENS]);
    let sandbox = home(account(1, &tokens, &device(&tokens)));
    let output = sandbox.run(&["login", "work", "--browser"]).expect_code(15);
    assert!(output.stderr().contains("has no authorize_url"), "{output}");
    assert!(tokens.requests("/device").is_empty());
}

/// Signs in with a code for which these answers come; nothing is kept.
#[track_caller]
fn assert_not_signed_in(answers: &[&str], code: i32, said: &str) {
    let tokens = Tokens::start(answers);
    let sandbox = home(account(1, &tokens, &device(&tokens)));
    let output = sandbox.run(&["login", "work"]).expect_code(code);
    let stderr = output.stderr();
    assert!(stderr.contains(said), "{stderr}");
    assert_silent(&stderr);
    assert!(!sandbox.path("token").exists());
}

#[test]
fn a_code_that_is_declined_or_too_late_signs_nobody_in() {
    let declined = r#"{"error":"access_denied","error_description":"device-secret declined"}"#;
    assert_not_signed_in(&[CODE, PENDING, declined], 12, "the sign-in was declined");
    let late = r#"{"error":"expired_token"}"#;
    assert_not_signed_in(&[CODE, late], 12, "the code was not used in time");
    let short = CODE.replace("600", "1");
    assert_not_signed_in(&[&short, PENDING], 12, "the code was not used in time");
    let client = r#"{"error":"unauthorized_client"}"#;
    assert_not_signed_in(&[client], 15, "check client_id");
    assert_not_signed_in(&[CODE, SAME], 15, "it gave no refresh token");
    assert_not_signed_in(&["no object"], 1, "neither a token nor an error");
}

/// What a server of this machine answers to a path.
fn get(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_browser_brings_the_code_and_an_answer_with_another_state_counts_for_nothing() {
    let tokens = Tokens::start(&[TOKENS]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let page = format!(
        ", authorize_url = \"{}?prompt=consent\"",
        tokens.url("/page")
    );
    let both = format!("{}{page}", device(&tokens));
    let sandbox = home(account(dovecot.pop3().port(), &tokens, &both));
    let mut command = sandbox.command(&["login", "work", "--browser", "--json", "-vv"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ask: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(ask["type"], "authorize");
    let (page, query) = ask["url"].as_str().unwrap().split_once('?').unwrap();
    assert_eq!(page, tokens.url("/page"));
    let asked = fields(query);
    assert_eq!(asked["prompt"], "consent");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["response_type"], "code");
    let port = u16::try_from(ask["port"].as_u64().unwrap()).unwrap();
    assert_eq!(asked["redirect_uri"], format!("http://127.0.0.1:{port}"));

    assert!(get(port, "/favicon.ico").starts_with("HTTP/1.1 404"));
    let foreign = get(port, "/?code=stolen&state=another");
    assert!(foreign.starts_with("HTTP/1.1 400"), "{foreign}");
    assert!(tokens.requests("/token").is_empty());
    let state = &asked["state"];
    let done = get(port, &format!("/?code=right%2Fone&state={state}"));
    assert!(done.contains("Signed in."), "{done}");

    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{rest:?}");
    let redeemed = tokens.requests("/token");
    assert_eq!(redeemed.len(), 1);
    assert_eq!(redeemed[0].field("code"), "right/one");
    assert_eq!(redeemed[0].field("redirect_uri"), asked["redirect_uri"]);
    let verifier = redeemed[0].field("code_verifier");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    assert_eq!(challenge, asked["code_challenge"]);
    assert_eq!(kept(&sandbox), "refresh-1\n");
    let said = rest.concat() + &String::from_utf8(output.stderr).unwrap();
    assert_silent(&said);
    assert!(
        !said.contains(verifier) && !said.contains("right/one"),
        "{said}"
    );
}

#[test]
fn a_browser_that_declines_ends_the_sign_in() {
    let tokens = Tokens::start(&[TOKENS]);
    let page = format!(", authorize_url = \"{}\"", tokens.url("/page"));
    let sandbox = home(account(1, &tokens, &page));
    let mut command = sandbox.command(&["login", "work", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ask: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let asked = fields(ask["url"].as_str().unwrap().split_once('?').unwrap().1);
    let port = u16::try_from(ask["port"].as_u64().unwrap()).unwrap();
    let target = format!("/?error=access_denied&state={}", asked["state"]);
    assert!(get(port, &target).contains("declined"));
    let _: Vec<_> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(12));
    assert!(tokens.requests("/token").is_empty());
}

#[test]
fn the_service_is_trusted_by_its_own_authority_or_not_at_all() {
    let tokens = Tokens::start_tls(&[TOKENS]);
    let Some((dovecot, _folder)) = dovecot(&tokens) else {
        return;
    };
    let strange = home(account(dovecot.pop3().port(), &tokens, ""));
    strange.write("token", "refresh-1\n", 0o600);
    let output = strange.run(&["pull", "--create"]).expect_code(14);
    let stderr = output.stderr();
    assert!(
        stderr.contains("its certificate is not trusted"),
        "{stderr}"
    );
    assert!(stderr.contains("set ca_file"), "{stderr}");
    assert!(tokens.requests("/token").is_empty());

    // Dovecot is not told of the authority, so a token is not looked at there; the program
    // has it, though.
    let known = account(dovecot.pop3().port(), &tokens, ", ca_file = \"~/ca.pem\"");
    let sandbox = home(known);
    sandbox.write("token", "refresh-1\n", 0o600);
    let _ = sandbox.run(&["pull", "--create"]);
    assert_eq!(tokens.requests("/token").len(), 1);
}

#[test]
fn a_password_does_not_go_where_a_token_belongs() {
    let tokens = Tokens::start(&[TOKENS]);
    let sandbox = home(account(1, &tokens, &device(&tokens)));
    let output = sandbox.run(&["login", "work", "--stdin"]).expect_code(2);
    assert!(output.stderr().contains("has a token_file"), "{output}");
    let output = sandbox.run(&["login", "work", "--no-input"]).expect_code(2);
    assert!(output.stderr().contains("needs a person"), "{output}");
    assert!(tokens.requests("/device").is_empty());
}
