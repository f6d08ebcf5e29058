//! Policy lines of a project's roles.

/// What is wrong with a line, and what to write.
pub(super) fn problem(project: &str, role: &str, line: &str) -> Option<(String, Option<String>)> {
    let parts: Vec<&str> = line.split(',').map(str::trim).collect();
    let [head, subject, resource, action, object, effect] = parts[..] else {
        let says = format!("a policy has six parts, not {}", parts.len());
        return Some((says, Some(form(project, role))));
    };
    if head != "p" {
        return Some((format!("a policy begins with `p`, not `{head}`"), Some(form(project, role))));
    }
    let own = format!("proj:{project}:{role}");
    if subject != own {
        return Some((format!("the subject `{subject}` is not this role"), Some(format!("write `{own}`"))));
    }
    if !RESOURCES.contains(&resource) {
        let near = crate::nearest::nearest(resource, RESOURCES.iter().copied());
        let hint = near.map_or_else(
            || format!("known: `{}`", RESOURCES.join("`, `")),
            |near| format!("did you mean `{near}`?"),
        );
        return Some((format!("a project's role has no rights on `{resource}`"), Some(hint)));
    }
    let is_pattern = ["action/", "update/", "delete/"].iter().any(|start| action.starts_with(start));
    if !ACTIONS.contains(&action) && !is_pattern {
        let near = crate::nearest::nearest(action, ACTIONS.iter().copied());
        let hint = near.map_or_else(
            || format!("known: `{}`", ACTIONS.join("`, `")),
            |near| format!("did you mean `{near}`?"),
        );
        return Some((format!("unknown action `{action}`"), Some(hint)));
    }
    if !is_object_of(project, object) {
        let says = format!("the object `{object}` is not in this project");
        return Some((says, Some(format!("write `{project}/*`, or `{project}/<application>`"))));
    }
    if !matches!(effect, "allow" | "deny") {
        return Some((format!("the effect `{effect}` is neither `allow` nor `deny`"), None));
    }
    None
}

const RESOURCES: &[&str] = &["applications", "applicationsets", "repositories", "clusters", "exec", "logs"];
const ACTIONS: &[&str] = &["get", "create", "update", "delete", "sync", "override", "rollback", "*"];

fn form(project: &str, role: &str) -> String {
    format!("write `p, proj:{project}:{role}, applications, get, {project}/*, allow`")
}

/// `project/name` or `project/namespace/name`, of letters, digits, `_`, `-`, `.` and `*`.
fn is_object_of(project: &str, object: &str) -> bool {
    let Some(rest) = object.strip_prefix(project).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.*".contains(&byte))
    };
    let names: Vec<&str> = rest.split('/').collect();
    names.len() <= 2 && names.into_iter().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn lines_that_argo_cd_takes_are_taken() {
        for line in [
            "p, proj:fruit:farmer, applications, *, fruit/*, allow",
            "p,proj:fruit:farmer,applications,action/apps/Deployment/restart,fruit/orchard/press,deny",
            "p, proj:fruit:farmer, logs, get, fruit/press-*, allow",
        ] {
            assert_eq!(problem("fruit", "farmer", line), None, "{line}");
        }
    }

    #[test]
    fn others_are_told_with_what_is_wrong() {
        for (line, says) in [
            ("p, proj:fruit:farmer, applications, get, fruit/*", "six parts"),
            ("g, proj:fruit:farmer, applications, get, fruit/*, allow", "begins with `p`"),
            ("p, role:farmer, applications, get, fruit/*, allow", "not this role"),
            ("p, proj:fruit:farmer, application, get, fruit/*, allow", "no rights on `application`"),
            ("p, proj:fruit:farmer, applications, synch, fruit/*, allow", "unknown action"),
            ("p, proj:fruit:farmer, applications, get, *, allow", "not in this project"),
            ("p, proj:fruit:farmer, applications, get, fruits/*, allow", "not in this project"),
            ("p, proj:fruit:farmer, applications, get, fruit/*, yes", "neither"),
        ] {
            let (said, _) = problem("fruit", "farmer", line).expect("a problem");
            assert!(said.contains(says), "{line}: {said}");
        }
    }
}
