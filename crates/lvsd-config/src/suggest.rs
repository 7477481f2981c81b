//! "Did you mean": the nearest of the words that could stand there.

/// The known word that a mistyped one most likely was meant to be.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong; more is another word.
    let most = (word.chars().count() / 3).min(4);
    if word.len() > 100 {
        return None;
    }
    let near = known.filter_map(|candidate| Some((distance(word, candidate, most)?, candidate)));
    near.min_by_key(|&(distance, candidate)| (distance, candidate)).map(|(_, candidate)| candidate)
}

/// The number of letters to insert, delete, replace or swap, ignoring case; `None` above the limit.
fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let fold = |text: &str| text.chars().map(|c| c.to_ascii_lowercase()).collect::<Vec<_>>();
    let (a, b) = (fold(a), fold(b));
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before = vec![0; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            if swapped {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().filter(|&cost| cost <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["weight", "virtual_server", "vrrp_script", "unicast_src_ip", "retry"];
        for (word, expected) in [
            ("weigth", Some("weight")),
            ("vvrp_script", Some("vrrp_script")),
            ("unicasti_src_ip", Some("unicast_src_ip")),
            ("Virtual_Server", Some("virtual_server")),
            ("nat_mask", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known.into_iter()), expected, "{word}");
        }
    }
}
