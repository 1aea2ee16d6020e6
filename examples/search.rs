//! Finds messages in a vault and copies the newest of them to stdout, byte for byte:
//! `cargo run --example search -- ~/Mail-vault from:bank year:2024 > newest.eml`
//!
//! It opens no connection. Below the vault it writes no more than the catalog and the index of words.
#![allow(clippy::print_stderr)]

use std::error::Error;
use std::path::PathBuf;
use std::{env, io};

use chrono::Utc;
use mailvault::mail::query;
use mailvault::vault::Vault;
use mailvault::vault::catalog::Order;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let root = PathBuf::from(args.next().unwrap_or_else(|| "vault".into()));
    let words: Vec<String> = args.map(|word| word.to_string_lossy().into()).collect();
    let query = query::parse(&words, Utc::now())?;

    let vault = Vault::open(&root)?;
    if query.needs_texts() {
        let coverage = vault.read_texts(&mut |_| {})?;
        let not_searched = coverage.behind + coverage.unread;
        if not_searched > 0 {
            eprintln!("the text of {not_searched} messages could not be read");
        }
    }
    let hits = vault.search(&query, Order::default(), None)?;
    eprintln!("{} messages match", hits.len());
    let Some(newest) = hits.rows().next() else {
        return Ok(());
    };
    let newest = newest?;
    eprintln!("{}: {}", newest.from, newest.subject);
    let mut message = vault.message(newest.id)?;
    io::copy(&mut message, &mut io::stdout().lock())?;
    Ok(())
}
