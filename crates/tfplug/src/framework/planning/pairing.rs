//! Which element of a set was which before.

use crate::value::Value;

/// For each element of a configured set the element of the prior set that it fits, none twice and as
/// many as can be.
///
/// An element that leaves much to the provider fits many prior ones, so the first that fits may be the
/// only one that fits another: pairs that stand are changed to make room (augmenting paths). All of a set
/// that was applied find their partners again, and so nothing is to be changed.
pub(super) fn partners(
    given: &[Value],
    before: &[Value],
    fits: &dyn Fn(&Value, &Value) -> bool,
) -> Vec<Option<usize>> {
    let candidates: Vec<Vec<usize>> = given
        .iter()
        .map(|given| (0..before.len()).filter(|index| fits(given, &before[*index])).collect())
        .collect();
    let mut taken_by: Vec<Option<usize>> = vec![None; before.len()];
    for element in 0..given.len() {
        let mut tried = vec![false; before.len()];
        find(element, &candidates, &mut taken_by, &mut tried);
    }
    let mut partners = vec![None; given.len()];
    for (prior, element) in taken_by.into_iter().enumerate() {
        if let Some(element) = element {
            partners[element] = Some(prior);
        }
    }
    partners
}

/// Finds a partner for the element, moving others to other partners where need be.
fn find(
    element: usize,
    candidates: &[Vec<usize>],
    taken_by: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for &prior in &candidates[element] {
        if std::mem::replace(&mut tried[prior], true) {
            continue;
        }
        let free = taken_by[prior].is_none_or(|other| find(other, candidates, taken_by, tried));
        if free {
            taken_by[prior] = Some(element);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_that_fits_many_leaves_room_for_one_that_fits_few() {
        let given = [Value::Null, Value::from("x")];
        let before = [Value::from("x"), Value::from("made")];
        let fits = |given: &Value, before: &Value| given.is_null() || given == before;
        assert_eq!(partners(&given, &before, &fits), [Some(1), Some(0)]);
    }

    #[test]
    fn nobody_has_two_partners() {
        let fits = |_: &Value, _: &Value| true;
        assert_eq!(partners(&[Value::Null, Value::Null], &[Value::Null], &fits).iter().flatten().count(), 1);
    }
}
