//! What an image must be like before a rule looks at it.

use std::time::Duration;

use super::TagPattern;
use crate::image::{Image, is_candidate_tag};
use crate::names::{ImageTag, Platform};
use crate::time::Timestamp;

/// What a container's images must be like to be candidates. None of it keeps an image from running that git says already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The tags that may name a candidate; all where absent.
    pub allow: Option<TagPattern>,
    /// The tags that name none.
    pub ignore: Option<TagPattern>,
    /// The platform that it must be built for; any where absent.
    pub platform: Option<Platform>,
    /// How long an image must have been in its registry: time for scans, and for a tag that was pushed by mistake.
    pub minimum_age: Duration,
}

impl Conditions {
    /// The images as far as they may be candidates: those that are old enough, each with the tags that may name it.
    #[must_use]
    pub fn admitted(&self, images: &[Image], now: Timestamp) -> Vec<Image> {
        let old_enough = |image: &&Image| self.is_old_enough(image.pushed_at, now);
        let with_tags = |image: &Image| {
            let is_allowed = |tag: &ImageTag| {
                self.allow.as_ref().is_none_or(|allow| allow.matches(tag))
                    && !self.ignore.as_ref().is_some_and(|ignore| ignore.matches(tag))
            };
            // What speaks of an image, such as an approval, is not what names it.
            let may_name = |tag: &&ImageTag| !is_candidate_tag(tag) || is_allowed(tag);
            Image { tags: image.tags.iter().filter(may_name).cloned().collect(), ..image.clone() }
        };
        images.iter().filter(old_enough).map(with_tags).collect()
    }

    /// Whether an image that was pushed then is old enough.
    #[must_use]
    pub fn is_old_enough(&self, pushed_at: Timestamp, now: Timestamp) -> bool {
        self.minimum_age.is_zero() || now.since(pushed_at) >= self.minimum_age
    }
}

/// The duration in a text such as `90s`, `30m`, `12h` or `7d`; none if it is no such text.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number =
        !number.is_empty() && number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    Some(Duration::from_secs(number * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_duration_is_none() {
        for text in ["", "m", "30", "-3m", "+3m", "3 m", "3w", "1e3s", "9999999d", "٣m", "m€"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        let seconds: Vec<u64> = ["0s", "90s", "30m", "12h", "7d"]
            .iter()
            .filter_map(|text| Some(duration(text)?.as_secs()))
            .collect();
        assert_eq!(seconds, [0, 90, 1_800, 43_200, 604_800]);
    }
}
