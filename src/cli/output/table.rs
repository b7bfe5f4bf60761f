//! Tables that fit the terminal: what matters least goes first.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::job::one_line;

/// How much room there is, and whether there are colours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// In columns; without it as many as it takes.
    pub width: Option<usize>,
    pub colour: bool,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub heading: &'static str,
    /// What happens to it where there is no room.
    pub give: Give,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Give {
    /// It stays as it is.
    Nothing,
    /// It is cut, down to so many columns.
    To(usize),
    /// It goes; the higher number sooner.
    All(u8),
    /// It is cut, and then it goes.
    ToThenAll(usize, u8),
}

impl Give {
    const fn least(self) -> Option<usize> {
        match self {
            Self::To(least) | Self::ToThenAll(least, _) => Some(least),
            Self::Nothing | Self::All(_) => None,
        }
    }

    const fn turn(self) -> Option<u8> {
        match self {
            Self::All(turn) | Self::ToThenAll(_, turn) => Some(turn),
            Self::Nothing | Self::To(_) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Colour {
    #[default]
    Plain,
    Good,
    Bad,
    Warning,
    Busy,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Warning => "\x1b[33m",
            Self::Busy => "\x1b[36m",
        }
    }
}

/// What goes back to the colour of all.
pub const PLAIN: &str = "\x1b[0m";

#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    colour: Colour,
}

impl Cell {
    pub fn new(text: &str, colour: Colour) -> Self {
        // What others chose moves no cursor.
        Self { text: one_line(text.lines().next().unwrap_or_default()), colour }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text.as_ref(), Colour::Plain)
    }
}

/// Between two columns.
const GAP: usize = 2;

/// The lines of a table, each with its end.
pub fn table(columns: &[Column], rows: &[Vec<Cell>], look: Look) -> String {
    let natural: Vec<usize> = (columns.iter().enumerate())
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|row| Some(row.get(index)?.text.width()));
            cells.chain([column.heading.width()]).max().unwrap_or_default()
        })
        .collect();
    let gives: Vec<_> = columns.iter().map(|column| column.give).collect();
    let widths = fit(&natural, &gives, look.width);
    let heading = columns.iter().map(|column| Cell::from(column.heading)).collect();
    let mut text = String::new();
    for row in std::iter::once(&heading).chain(rows) {
        line(&mut text, row, &widths, look);
    }
    text
}

/// How wide each column is; `None` for one that has gone.
fn fit(natural: &[usize], gives: &[Give], room: Option<usize>) -> Vec<Option<usize>> {
    let mut widths: Vec<_> = natural.iter().copied().map(Some).collect();
    let Some(room) = room else { return widths };
    let all = |widths: &[Option<usize>]| {
        let there = widths.iter().flatten();
        there.clone().sum::<usize>() + GAP * there.count().saturating_sub(1)
    };
    let least = |widths: &[Option<usize>]| {
        let cut = widths.iter().zip(gives).map(|(width, give)| {
            width.map(|width| give.least().map_or(width, |least| width.min(least)))
        });
        cut.collect::<Vec<_>>()
    };
    while all(&least(&widths)) > room {
        let there = (0..gives.len()).filter(|index| widths[*index].is_some());
        let first = there.filter_map(|index| Some((gives[index].turn()?, index))).max();
        let Some((_, first)) = first else { break };
        widths[first] = None;
    }
    // What is too much is taken from the widest that can be cut, column by column.
    while all(&widths) > room {
        let can_be_cut = |index: &usize| {
            let width = widths[*index].zip(gives[*index].least());
            width.is_some_and(|(width, least)| width > least)
        };
        let Some(widest) = (0..gives.len()).filter(can_be_cut).max_by_key(|it| widths[*it]) else {
            break;
        };
        widths[widest] = widths[widest].map(|width| width - 1);
    }
    widths
}

fn line(text: &mut String, row: &[Cell], widths: &[Option<usize>], look: Look) {
    let mut line = String::new();
    let mut blank = 0;
    for (cell, width) in row.iter().zip(widths) {
        let Some(width) = width else { continue };
        let shown = cut(&cell.text, *width);
        let rest = width.saturating_sub(shown.width()) + GAP;
        if shown.is_empty() {
            blank += rest;
            continue;
        }
        let (on, off) = match cell.colour {
            colour if look.colour && colour != Colour::Plain => (colour.code(), PLAIN),
            _ => ("", ""),
        };
        // Writing to a String can't fail.
        let _ = write!(line, "{:blank$}{on}{shown}{off}", "");
        blank = rest;
    }
    text.push_str(&line);
    text.push('\n');
}

/// The beginning of a text that is too wide, with a sign that it is one.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut room = width.saturating_sub(1);
    for c in text.chars() {
        let wide = c.width().unwrap_or_default();
        if wide > room {
            break;
        }
        room -= wide;
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 5] = [
        Column { heading: "JOB", give: Give::Nothing },
        Column { heading: "NAME", give: Give::To(6) },
        Column { heading: "TRY", give: Give::All(2) },
        Column { heading: "QUEUE", give: Give::All(1) },
        Column { heading: "WHY", give: Give::ToThenAll(8, 0) },
    ];

    fn shown(width: usize) -> String {
        let row = ["1234", "a-long-name", "1/1", "default", "exit code 1, or so"];
        let row = row.map(Cell::from).to_vec();
        let look = Look { width: Some(width), colour: false };
        let text = table(&COLUMNS, &[row], look);
        let line = text.lines().nth(1).unwrap_or_default().to_owned();
        assert!(line.width() <= width, "{line:?} is wider than {width}");
        line
    }

    #[test]
    fn what_matters_least_goes_first() {
        let lines = [80, 50, 40, 38, 30, 24, 18, 12].map(shown).join("\n");
        insta::assert_snapshot!(lines, @"
        1234  a-long-name  1/1  default  exit code 1, or so
        1234  a-long-name  1/1  default  exit code 1, or …
        1234  a-long-n…  1/1  default  exit cod…
        1234  a-long-…  1/1  default  exit co…
        1234  a-long-name  exit code …
        1234  a-long-…  exit co…
        1234  a-long-name
        1234  a-lon…
        ");
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("short", 8), "short");
        assert_eq!(cut("rather long", 8), "rather …");
    }

    #[test]
    fn colours_take_no_room_and_control_characters_have_no_effect() {
        let columns = [COLUMNS[0], COLUMNS[1]];
        let row = vec![Cell::new("ok", Colour::Good), Cell::from("a\x1b[31mb\nc")];
        let text = table(&columns, &[row], Look { width: None, colour: true });
        assert_eq!(text, "JOB  NAME\n\x1b[32mok\x1b[0m   a\\x1b[31mb\n");
    }
}
