//! Suggestions for misspelt names.

/// The candidate that `name` was probably meant to be: the one with the fewest edits, if that is
/// at most a third of its length. Of equally near ones the first wins.
///
/// Case counts as half an edit; two neighbours that changed places count as one.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are not worth quadratic work.
    const MAX_LENGTH: usize = 64;
    let name: Vec<char> = name.chars().take(MAX_LENGTH + 1).collect();
    let near = candidates.into_iter().filter_map(|candidate| {
        let chars: Vec<char> = candidate.chars().take(MAX_LENGTH + 1).collect();
        let longer = name.len().max(chars.len());
        if longer > MAX_LENGTH || name.is_empty() {
            return None;
        }
        let halves = distance(&name, &chars);
        // Half edits: a third of the length, but always room for one whole edit.
        (halves <= (longer * 2 / 3).max(2) && halves < 2 * longer).then_some((halves, candidate))
    });
    near.reduce(|best, next| if next.0 < best.0 { next } else { best }).map(|(_, near)| near)
}

/// The number of half edits between two names.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).map(|count| 2 * count).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(2 * (i + 1));
        for (j, y) in b.iter().enumerate() {
            let replace = if x == y {
                0
            } else if x.to_lowercase().eq(y.to_lowercase()) {
                1
            } else {
                2
            };
            let mut least = (above[j] + replace).min(above[j + 1] + 2).min(row[j] + 2);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 2);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}
