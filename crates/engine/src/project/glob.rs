//! Globs as Argo CD matches them: `*` and `**`, `?`, `[abc]`, `[!abc]`, `{one,two}`, `\` before a character
//! that stands for itself.

/// Alternatives within alternatives that are still read.
const DEEPEST: u32 = 4;

/// True if the text matches. With a separator, `*` and `?` stop at it and `**` does not.
pub(super) fn matches(pattern: &str, text: &str, separator: Option<char>) -> bool {
    if pattern == "*" {
        return true;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    alternatives(&pattern, DEEPEST).iter().any(|pattern| simple(pattern, &text, separator))
}

/// The pattern without braces: one for each choice.
fn alternatives(pattern: &[char], deeper: u32) -> Vec<Vec<char>> {
    let Some(open) = position(pattern, 0, '{').filter(|_| deeper > 0) else { return vec![pattern.to_vec()] };
    let mut depth = 0;
    let mut parts = Vec::new();
    let mut start = open + 1;
    for index in open..pattern.len() {
        match pattern[index] {
            '{' => depth += 1,
            ',' if depth == 1 => {
                parts.push(&pattern[start..index]);
                start = index + 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    parts.push(&pattern[start..index]);
                    let after = &pattern[index + 1..];
                    return parts
                        .into_iter()
                        .flat_map(|part| alternatives(&[&pattern[..open], part, after].concat(), deeper - 1))
                        .collect();
                }
            }
            _ => {}
        }
    }
    vec![pattern.to_vec()]
}

/// The next such character that no backslash precedes.
fn position(pattern: &[char], from: usize, wanted: char) -> Option<usize> {
    (from..pattern.len())
        .find(|index| pattern[*index] == wanted && (*index == 0 || pattern[*index - 1] != '\\'))
}

/// Matching with one place to come back to for each kind of star: time is at most the product of the lengths
/// of pattern and text.
fn simple(pattern: &[char], text: &[char], separator: Option<char>) -> bool {
    // reached[i]: the pattern's first i characters match the text read so far.
    let tokens = tokens(pattern);
    let mut reached = vec![false; tokens.len() + 1];
    reached[0] = true;
    skip_stars(&tokens, &mut reached);
    for character in text {
        let mut next = vec![false; tokens.len() + 1];
        for (index, token) in tokens.iter().enumerate() {
            if !reached[index] {
                continue;
            }
            let stops = Some(*character) == separator;
            match token {
                Token::Star { crosses } => next[index] |= *crosses || !stops,
                Token::Any => next[index + 1] |= !stops,
                Token::One(own) => next[index + 1] |= own == character,
                Token::Class { ranges, negated } => {
                    let inside = ranges.iter().any(|(low, high)| (low..=high).contains(&character));
                    next[index + 1] |= inside != *negated;
                }
            }
        }
        skip_stars(&tokens, &mut next);
        reached = next;
    }
    reached[tokens.len()]
}

/// A star may stand for nothing.
fn skip_stars(tokens: &[Token], reached: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if reached[index] && matches!(token, Token::Star { .. }) {
            reached[index + 1] = true;
        }
    }
}

enum Token {
    Star { crosses: bool },
    Any,
    One(char),
    Class { ranges: Vec<(char, char)>, negated: bool },
}

fn tokens(pattern: &[char]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < pattern.len() {
        match pattern[index] {
            '*' => {
                let crosses = pattern.get(index + 1) == Some(&'*');
                while pattern.get(index + 1) == Some(&'*') {
                    index += 1;
                }
                tokens.push(Token::Star { crosses });
            }
            '?' => tokens.push(Token::Any),
            '\\' if index + 1 < pattern.len() => {
                index += 1;
                tokens.push(Token::One(pattern[index]));
            }
            '[' => match position(pattern, index + 1, ']') {
                Some(end) => {
                    tokens.push(class(&pattern[index + 1..end]));
                    index = end;
                }
                None => tokens.push(Token::One('[')),
            },
            other => tokens.push(Token::One(other)),
        }
        index += 1;
    }
    tokens
}

fn class(inside: &[char]) -> Token {
    let negated = matches!(inside.first(), Some('!' | '^'));
    let inside = &inside[usize::from(negated)..];
    let mut ranges = Vec::new();
    let mut index = 0;
    while index < inside.len() {
        if index + 2 < inside.len() && inside[index + 1] == '-' {
            ranges.push((inside[index], inside[index + 2]));
            index += 3;
        } else {
            ranges.push((inside[index], inside[index]));
            index += 1;
        }
    }
    Token::Class { ranges, negated }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stop_at_the_separator_unless_doubled() {
        assert!(matches("https://git/*", "https://git/a", Some('/')));
        assert!(!matches("https://git/*", "https://git/a/b", Some('/')));
        assert!(matches("https://git/**", "https://git/a/b", Some('/')));
        assert!(matches("team-*", "team-a/b", None));
        assert!(matches("*", "a/b", Some('/')));
    }

    #[test]
    fn classes_choices_and_escapes_work() {
        assert!(matches("team-[ab]", "team-a", None));
        assert!(!matches("team-[!ab]", "team-a", None));
        assert!(matches("v[0-9]?", "v1x", None));
        assert!(matches("{dev,test}-*", "test-1", None));
        assert!(matches("a{b,{c,d}}e", "ade", None));
        assert!(matches(r"a\*b", "a*b", None) && !matches(r"a\*b", "axb", None));
        assert!(!matches("team", "team-a", None));
        assert!(matches("a*b*c", "aXbXbXc", None));
        assert!(matches("", "", None) && !matches("", "a", None));
    }
}
