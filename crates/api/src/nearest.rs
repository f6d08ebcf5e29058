//! Which known name somebody may have meant.

/// The known name nearest to the word by edits of one letter (insert, delete, replace, swap neighbours), case
/// aside; none where even the nearest needs more than a third of the word's letters to be edited.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = (lower.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, name)| (*edits, name.len().abs_diff(word.len())))
        .map(|(_, name)| name)
}

fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, r) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(l != r);
            let mut edits = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *l == right[j - 1] && left[i - 1] == *r {
                edits = edits.min(before[j - 1] + 1);
            }
            row.push(edits);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found_whatever_its_case() {
        let known = ["repoURL", "path", "targetRevision", "ref"];
        assert_eq!(nearest("repoUrl", known), Some("repoURL"));
        assert_eq!(nearest("targetRevison", known), Some("targetRevision"));
        assert_eq!(nearest("paht", known), Some("path"));
    }

    #[test]
    fn a_word_that_resembles_nothing_has_no_nearest_name() {
        assert_eq!(nearest("branch", ["repoURL", "path"]), None);
        assert_eq!(nearest("xy", ["ab"]), None);
    }
}
