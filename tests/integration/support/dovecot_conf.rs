//! The configuration of a Dovecot of the tests, in the languages of 2.3 and 2.4.

use std::path::PathBuf;

use super::dovecot::{Options, Owner, PASSWORD, Release, name_of};

/// What the Dovecot is not asked for.
pub(super) struct Site {
    /// Its folder, as it knows it.
    pub(super) dir: PathBuf,
    /// Who owns the mail.
    pub(super) owner: Owner,
    /// The ports of POP3, POP3S, IMAP and IMAPS.
    pub(super) ports: [u16; 4],
}

/// The text of `dovecot.conf`.
pub(super) fn configuration(site: &Site, options: &Options) -> String {
    let text = match (&options.guide, options.release) {
        (Some(text), _) => of_guide(text, site),
        (None, Release::V2_3) => old(site, options),
        (None, Release::V2_4) => new(site, options),
    };
    format!("{text}\n{}\n", options.extra)
}

/// The text of a guide with the paths, user and port of a test.
fn of_guide(text: &str, site: &Site) -> String {
    let (dir, uid, gid) = (site.dir.display(), site.owner.uid, site.owner.gid);
    let mut text = text.to_owned();
    for (theirs, ours) in [
        (
            "/home/ann/.local/share/mailvault/mail",
            format!("{dir}/mail"),
        ),
        ("/var/lib/dovecot-vault", format!("{dir}/control")),
        ("/run/dovecot-vault", format!("{dir}/run")),
        ("/dev/stderr", format!("{dir}/log")),
        ("port = 1143", format!("port = {}", site.ports[2])),
    ] {
        assert!(
            text.contains(theirs),
            "{theirs} is not in the guide:\n{text}"
        );
        text = text.replace(theirs, &ours);
    }
    for (name, id) in [("uid", uid), ("gid", gid)] {
        text = text.replace(&format!("{name}=ann"), &format!("{name}={id}"));
        text = text.replace(&format!("{name} = ann"), &format!("{name} = {id}"));
    }
    text + &processes(site)
}

/// An ordinary user can neither change to Dovecot's own users nor to a new root.
fn processes(site: &Site) -> String {
    let owner = site.owner;
    if owner.root {
        return String::new();
    }
    let (me, group) = (name_of("passwd", owner.uid), name_of("group", owner.gid));
    let mut lines = format!(
        "default_internal_user = {me}\ndefault_internal_group = {group}\n\
         default_login_user = {me}\n"
    );
    for service in ["pop3-login", "imap-login", "anvil", "stats"] {
        lines.push_str(&format!("service {service} {{\n  chroot =\n}}\n"));
    }
    lines
}

/// For 2.3.
fn old(site: &Site, options: &Options) -> String {
    let (dir, host, mechanisms) = (site.dir.display(), options.host, options.mechanisms);
    let (uid, gid, [pop3, pop3s, imap, imaps]) = (site.owner.uid, site.owner.gid, site.ports);
    let serves_vault = options.vault.is_some();
    let elsewhere = format!(":INDEX={dir}/index/%u:CONTROL={dir}/control/%u");
    let elsewhere = if serves_vault { elsewhere.as_str() } else { "" };
    let plugins = if serves_vault { "zlib listescape" } else { "" };
    let processes = processes(site);
    // A token is a password that only the token mechanisms look up.
    let (words, tokens): (Vec<&str>, Vec<&str>) = mechanisms
        .split_whitespace()
        .partition(|m| !["xoauth2", "oauthbearer"].contains(m));
    let passdb = |mechanisms: &[&str], password: &str| {
        let names = mechanisms.join(" ");
        let text = format!(
            "passdb {{\n  driver = static\n  mechanisms = {names}\n  args = password={password}\n}}\n"
        );
        if mechanisms.is_empty() {
            String::new()
        } else {
            text
        }
    };
    let passdbs = passdb(&words, PASSWORD) + &passdb(&tokens, "tok-%u");
    format!(
        "\
protocols = pop3 imap
listen = {host}
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = yes
ssl_cert = <{dir}/cert.pem
ssl_key = <{dir}/key.pem
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
{passdbs}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u
}}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{dir}/mail/%u{elsewhere}
mail_plugins = {plugins}
mail_fsync = never
mail_max_userip_connections = 1000
default_vsz_limit = 1G
namespace inbox {{
  inbox = yes
  separator = /
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
{processes}
"
    )
}

/// For 2.4.
fn new(site: &Site, options: &Options) -> String {
    let (dir, host, mechanisms) = (site.dir.display(), options.host, options.mechanisms);
    let (uid, gid, [pop3, pop3s, imap, imaps]) = (site.owner.uid, site.owner.gid, site.ports);
    assert!(!mechanisms.contains("oauth"), "only for 2.3");
    let of_vault = if options.vault.is_some() {
        format!(
            "mail_index_path = {dir}/index/%{{user}}\nmail_control_path = {dir}/control/%{{user}}\n\
             mailbox_list_storage_escape_char = \"\\\\\"\nmail_plugins {{\n  mail_compress = yes\n}}\n"
        )
    } else {
        String::new()
    };
    format!(
        "\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols = pop3 imap
listen = {host}
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = yes
ssl_server_cert_file = {dir}/cert.pem
ssl_server_key_file = {dir}/key.pem
auth_allow_cleartext = yes
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
passdb static {{
  password = {PASSWORD}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {dir}/mail/%{{user}}
  }}
}}
first_valid_uid = 1
first_valid_gid = 1
mail_driver = maildir
mail_path = {dir}/mail/%{{user}}
mail_fsync = never
mail_max_userip_connections = 1000
{of_vault}
namespace inbox {{
  inbox = yes
  separator = /
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
"
    )
}
