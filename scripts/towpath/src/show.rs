//! What is written to the terminal. Text that came from outside can hold anything: nothing of it reaches the terminal as
//! a command.

use crate::ending::Ending;
use crate::failure::Failure;
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;

/// Characters that are no control characters and still rearrange or hide what stands around them.
fn misleads(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
    )
}

/// One line fit for a terminal: what is not plain text is written as `\u{…}`.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || misleads(character) {
            plain.extend(character.escape_debug());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// At most so many characters of a line fit for a terminal.
pub(crate) fn cut(text: &str, characters: usize) -> String {
    let plain = plain(text);
    if plain.chars().count() <= characters {
        return plain;
    }
    plain.chars().take(characters.saturating_sub(1)).chain(['…']).collect()
}

/// Writes to the standard output. A reader that went away, such as `head`, is no error.
pub(crate) fn print(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Writes to the standard error.
pub(crate) fn print_error(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// JSON for programs, which a person may look at too: control characters are escaped beyond what JSON asks for.
pub(crate) fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && (character.is_control() || misleads(character)) {
            // All of these are in the plane that four digits reach.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    print(&format!("{escaped}\n"));
}

/// Rows under headings, without borders, so that they can be read by `grep` and `awk` as well.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headings).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// Why a command failed: for people on the standard error, for programs on the standard output.
pub(crate) fn print_failure(failure: &Failure, as_json: bool) -> Ending {
    let Failure { ending, problem, hint } = failure;
    if as_json {
        print_json(&json!({ "ending": ending, "error": problem, "hint": hint }));
    }
    let mut text = format!("error: {}\n", plain(problem));
    if let Some(hint) = hint {
        let _ = writeln!(text, "hint: {}", plain(hint));
    }
    print_error(&text);
    *ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(plain(""), "");
        assert_eq!(table(&["A", "B"], Vec::new()), "A  B\n");
    }

    #[test]
    fn no_sequence_reaches_the_terminal() {
        assert_eq!(plain("a\u{1b}[31m\u{9b}2J\u{202e}b\r\n"), "a\\u{1b}[31m\\u{9b}2J\\u{202e}b\\r\\n");
        assert_eq!(plain("für „Größe“ → 日本"), "für „Größe“ → 日本");
        assert_eq!(cut("abcdef", 4), "abc…");
    }

    #[test]
    fn rows_stand_below_their_headings() {
        let rows =
            vec![vec!["one\ntwo".to_owned(), "1".to_owned()], vec!["three".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["NAME", "N"], rows), "NAME   N\none    1\ntwo\nthree  2\n");
    }
}
