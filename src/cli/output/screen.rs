//! Text that is drawn over and over in the same place.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use super::table::{Look, cut};
use super::{Failure, Output};
use crate::job::one_line;

/// The terminal's other screen, from which what was there before comes back in the end.
pub struct Screen<'a> {
    output: &'a Output,
    is_open: bool,
}

/// The other screen, without a cursor.
const OPEN: &str = "\x1b[?1049h\x1b[?25l";
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";
/// To the upper left; to the end of a line; to the end of the screen.
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST: &str = "\x1b[J";

impl Output {
    /// `None`: there is no terminal to draw at, or JSON is wanted.
    pub fn screen(&self) -> Option<Screen<'_>> {
        let is_there = !self.json && io::stdout().is_terminal();
        is_there.then_some(Screen { output: self, is_open: false })
    }
}

impl Screen<'_> {
    /// Draws as many lines as there is room for, and notes below them.
    pub fn draw<'n>(
        &mut self,
        text: &str,
        notes: impl Iterator<Item = &'n String>,
    ) -> Result<(), Failure> {
        let look = self.output.look();
        let notes: Vec<_> = notes.map(|note| fitted(&one_line(note), look)).collect();
        let room = height().saturating_sub(notes.len() + 1).max(2);
        let mut drawn = String::from(if self.is_open { HOME } else { OPEN });
        if !self.is_open {
            drawn.push_str(HOME);
        }
        let lines = text.lines().take(room).chain(notes.iter().map(String::as_str));
        for line in lines {
            // Writing to a String can't fail.
            let _ = write!(drawn, "{line}{REST_OF_LINE}\r\n");
        }
        drawn.push_str(REST);
        self.is_open = true;
        self.output.data(drawn.as_bytes())
    }

    /// Back to what was there before, until something is drawn again.
    pub fn close(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.is_open) { self.output.data(CLOSE.as_bytes()) } else { Ok(()) }
    }
}

fn fitted(text: &str, look: Look) -> String {
    look.width.map_or_else(|| text.to_owned(), |width| cut(text, width))
}

/// Lines of the terminal.
fn height() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    size.ok().map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0).unwrap_or(24)
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        // There is nobody left to tell that the terminal is gone.
        let _ = self.close();
    }
}
