//! `*` and `?` as policies use them.

/// Whether the text fits the pattern: `*` stands for any run of characters, `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go on when the last `*` has to take one more character.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(character) = text.get(at_text) {
        match pattern.get(at_pattern) {
            Some('*') => {
                retry = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                at_pattern = star + 1;
                at_text = taken + 1;
            }
        }
    }
    pattern.iter().skip(at_pattern).all(|rest| *rest == '*')
}

/// Whether an ARN fits a pattern, component by component: no `*` reaches over a colon of the first five,
/// and the service is written out, as AWS has it.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == 6
        && parts.len() == 6
        && patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_takes_any_run_and_a_question_mark_one_character() {
        assert!(matches("deploy-*", "deploy-"));
        assert!(matches("deploy-*", "deploy-cluster1-webapp1"));
        assert!(matches("*/webapp?", "cluster1/webapp1"));
        assert!(matches("a*b*c", "a-b-b-c"));
        assert!(!matches("a*b*c", "a-b-b"));
        assert!(!matches("webapp?", "webapp"));
        assert!(!matches("", "x"));
    }

    #[test]
    fn a_star_in_an_arn_stays_within_its_component() {
        let arn = "arn:aws:ecr:eu-west-1:111111111111:repository/team/webapp1";
        assert!(matches_arn("arn:aws:ecr:*:111111111111:repository/team/*", arn));
        assert!(!matches_arn("arn:aws:ecr:*:repository/team/*", arn));
        assert!(!matches_arn("arn:aws:ecr:eu-west-1:222222222222:*", arn));
        assert!(matches_arn("*", arn));
    }
}
