//! Text that came from outside, made fit to be shown.

/// The most characters of a foreign value that an error or a log line shows.
const SHOWN_CHARACTERS: usize = 80;

/// A foreign value between quotes, control characters escaped, cut after 80 characters with its full length told.
#[must_use]
pub fn shown(value: &str) -> String {
    let mut characters = value.chars();
    let head: String = characters.by_ref().take(SHOWN_CHARACTERS).flat_map(char::escape_debug).collect();
    if characters.next().is_none() {
        format!("\"{head}\"")
    } else {
        format!("\"{head}…\" ({} characters)", value.chars().count())
    }
}

/// One line of at most `characters` characters: control characters become spaces, so that nothing can open a new line.
#[must_use]
pub fn one_line(value: &str, characters: usize) -> String {
    let flat = value.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let flat = flat.trim();
    if flat.chars().count() <= characters {
        return flat.to_owned();
    }
    let mut cut: String = flat.chars().take(characters.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_is_shown_between_quotes() {
        assert_eq!(shown("webapp1"), "\"webapp1\"");
    }

    #[test]
    fn control_characters_and_long_values_are_tamed() {
        assert_eq!(shown("a\nb\u{1b}[31m\""), "\"a\\nb\\u{1b}[31m\\\"\"");
        let long = "x".repeat(300);
        assert_eq!(shown(&long), format!("\"{}…\" (300 characters)", "x".repeat(80)));
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(one_line("moved\r\nActor: root\u{0}", 80), "moved Actor: root");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
