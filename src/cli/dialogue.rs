//! `-vv`: the dialogue with the server on stderr, past the bars. The library masks secrets.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::screen::Screen;
use super::text::escape_bytes;

/// Shows what is traced as dialogue from now on.
pub(crate) fn show(screen: &Screen) {
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_writer(DialogueLines(screen.clone()));
    let dialogue = Targets::new().with_target("dialogue", LevelFilter::DEBUG);
    // It fails only if there is a subscriber already.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(dialogue)
        .try_init();
}

/// Makes a line of every event.
struct DialogueLines(Screen);

impl<'a> MakeWriter<'a> for DialogueLines {
    type Writer = DialogueLine<'a>;

    fn make_writer(&'a self) -> DialogueLine<'a> {
        DialogueLine(&self.0)
    }
}

/// One event; it is written at once.
struct DialogueLine<'a>(&'a Screen);

impl io::Write for DialogueLine<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        self.0.say(&format!("  {}", escape_bytes(line)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
