//! `mailvault offsite`: the second copy of the vault.

mod gate;
mod heal;
mod identity;
mod init;
mod list;
mod meter;
mod missing;
mod part;
mod push;
mod restore;
mod source;
mod status;
mod verify;
mod words;

use mailvault::account::config::OffsiteSettings;
use mailvault::base::error::Error;
use mailvault::base::suggest;
use mailvault::offsite::access::{PlaceAccess, open_place};
use mailvault::offsite::heads::StrayHeads;
use mailvault::offsite::init::PlaceNotes;
use mailvault::offsite::pack::Recipients;
use mailvault::offsite::place::ObjectStore;
use mailvault::offsite::push::of_other_keys;

use super::Done;
use super::args::{Global, OffsiteArgs, OffsiteCommand};
use super::output::Output;
use super::report::{self, Failure};
use super::secrets;
use super::settings::{self, Settings};
use super::signals::Stop;
use super::text::plural;

pub(crate) use gate::RequiredCopy;
pub(crate) use heal::put_back;
use meter::CopyMeter;
pub(crate) use push::push_all;

/// Fails where there is no place for a second copy.
pub(crate) fn refuse_without_place(settings: &Settings) -> Result<(), Failure> {
    places(&[], settings).map(|_| ())
}

pub(crate) fn run(args: &OffsiteArgs, global: &Global, out: &Output) -> Result<Done, Failure> {
    let settings = &Settings::load(global)?;
    match &args.command {
        OffsiteCommand::Init(args) => init::run(args, settings, global, out),
        OffsiteCommand::Push(args) => push::run(args, settings, global, out),
        OffsiteCommand::List(args) => list::run(args, settings, global, out),
        OffsiteCommand::Status(args) => status::run(args, settings, out),
        OffsiteCommand::Verify(args) => verify::run(args, settings, global, out),
        OffsiteCommand::Restore(args) => restore::run(args, settings, global, out),
    }
}

/// The place of this name.
fn place<'s>(name: &str, settings: &'s Settings) -> Result<&'s OffsiteSettings, Failure> {
    let places = &settings.config.offsite;
    if let Some(place) = places.get(name) {
        return Ok(place);
    }
    let names: Vec<&str> = places.keys().map(String::as_str).collect();
    Err(Error::Config {
        message: format!("no second copy is called \"{name}\""),
        hint: Some(match suggest::nearest(name, names.iter().copied(), 2) {
            Some(near) => format!("did you mean {near}?"),
            None if names.is_empty() => no_place().to_owned(),
            None => format!("the configuration has {}", names.join(", ")),
        }),
    }
    .into())
}

/// The places of these names, or all.
fn places<'s>(
    names: &[String],
    settings: &'s Settings,
) -> Result<Vec<&'s OffsiteSettings>, Failure> {
    if names.is_empty() && settings.config.offsite.is_empty() {
        return Err(Error::Config {
            message: "the configuration has no place for a second copy".to_owned(),
            hint: Some(no_place().to_owned()),
        }
        .into());
    }
    if names.is_empty() {
        return Ok(settings.config.offsite.values().collect());
    }
    let mut chosen: Vec<&OffsiteSettings> = Vec::new();
    for name in names {
        let place = place(name, settings)?;
        if !chosen.iter().any(|other| other.name == place.name) {
            chosen.push(place);
        }
    }
    Ok(chosen)
}

fn no_place() -> &'static str {
    "'mailvault config edit': add a table [offsite.NAME] with url and recipients. See \
     mailvault-config(5)"
}

/// Opens a place; nothing is sent yet. With `asks`, a program that gives its keys may use the
/// terminal.
fn open(
    place: &OffsiteSettings,
    settings: &Settings,
    asks: bool,
    stop: &Stop,
) -> Result<ObjectStore, Failure> {
    let notes = PlaceNotes::read(&settings.vault, &place.name)?;
    let notes = notes.filter(|notes| notes.url == place.url.to_string());
    let access = PlaceAccess {
        env: settings::storage_env(settings.home.clone(), &place.credentials),
        asks,
        proxy: settings::https_proxy(),
        abilities: notes.map(|notes| notes.abilities()),
        stop: stop.flag.clone(),
    };
    Ok(open_place(place, access)?)
}

/// What in a place does not belong to the copy.
fn strays(strays: &StrayHeads, out: &Output) {
    if strays.newer_format {
        let text =
            "a newer version of mailvault went on with this copy; what it pushed is not seen here";
        report::warn(out, text, Some("use that version"));
    } else if strays.after > 0 {
        let text = format!(
            "{} there that {} not continue the copy: somebody else has put {}",
            match strays.after {
                1 => "1 head is".to_owned(),
                several => format!("{} are", plural(several, "head")),
            },
            if strays.after == 1 { "does" } else { "do" },
            if strays.after == 1 { "it" } else { "them" },
        );
        report::warn(out, &text, Some("the copy itself is read without them"));
    }
    if strays.replaced > 0 {
        let text = format!(
            "{} overwritten or deleted; the earlier versions were read",
            match strays.replaced {
                1 => "1 head was".to_owned(),
                several => format!("{} were", plural(several, "head")),
            }
        );
        report::warn(out, &text, Some("somebody else can write to this place"));
    }
}

/// Says so if only other private keys than the configured ones can read part of the copy.
fn warn_of_other_keys(
    place: &OffsiteSettings,
    keys: &Recipients,
    settings: &Settings,
    out: &Output,
) -> Result<u64, Failure> {
    let name = place.name.as_str();
    let others = of_other_keys(&settings.vault, name, keys);
    let others = others.map_err(|error| words::failure(error, name))?;
    if others > 0 {
        let text = format!(
            "{name}: {} can be read there only with keys that were configured before, and count as \
             not copied",
            plural(others, "message")
        );
        let hint = format!("'mailvault offsite push {name} --rebuild' sends everything once more");
        report::warn(out, &text, Some(&hint));
    }
    Ok(others)
}

/// A place of the configuration, open.
struct NamedPlace<'s> {
    settings: &'s OffsiteSettings,
    store: ObjectStore,
    stop: Stop,
}

/// Opens the place of this name.
fn open_named<'s>(
    name: &str,
    settings: &'s Settings,
    global: &Global,
    out: &Output,
) -> Result<NamedPlace<'s>, Failure> {
    let place = place(name, settings)?;
    let stop = Stop::watch(out, "stopping (press Ctrl-C again to quit now)");
    Ok(NamedPlace {
        store: open(place, settings, secrets::may_ask(global, out), &stop)?,
        settings: place,
        stop,
    })
}

/// The public keys of a place.
fn recipients(place: &OffsiteSettings) -> Result<Recipients, Failure> {
    Recipients::parse(&place.recipients).map_err(|error| words::recipients(&error, place))
}
