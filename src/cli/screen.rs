//! Stderr as it is seen: lines, and bars at its end. With `progress`, the only user of
//! indicatif.

use std::io::Write as _;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Stderr with bars at its end, which other lines must go round.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: MultiProgress,
    shown: bool,
    pub(super) utf8: bool,
}

impl Screen {
    /// `bars`: they may be shown. `utf8`: with more than ASCII.
    pub(crate) fn new(bars: bool, utf8: bool) -> Self {
        let target = if bars {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            shown: bars,
            utf8,
        }
    }

    /// Prints lines on stderr.
    pub(crate) fn say(&self, text: &str) {
        // If stderr is closed there is nobody left to tell.
        self.aside(|| {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        });
    }

    /// Does something while no bar is in the way.
    pub(crate) fn aside(&self, act: impl FnOnce()) {
        self.bars.suspend(act);
    }

    pub(super) fn bar(&self, prefix: String) -> Option<ProgressBar> {
        if !self.shown {
            return None;
        }
        let bar = self.bars.add(ProgressBar::no_length());
        bar.set_style(style("{prefix}  {msg}", self.utf8));
        bar.set_prefix(prefix);
        Some(bar)
    }
}

pub(super) fn style(template: &str, utf8: bool) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates are written below and tested")
        .progress_chars(if utf8 { "█▌░" } else { "##-" })
}
