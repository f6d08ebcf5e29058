//! Which cluster a resource's `kubernetes` block names, whatever else it says of the way there.

use tfplug::attr::Attr as _;
use tfplug::value::Value;

use super::OwnKubernetes;

/// What names the cluster. A proxy, certificates and credentials come and go, and so may a role be another.
const NAMES: [&[&str]; 5] =
    [&["host"], &["config_path"], &["config_context"], &["eks", "cluster_name"], &["eks", "region"]];

/// Whether a planned block surely names another cluster than the prior one. What is not known yet is taken for
/// the same: an endpoint that is read again during the apply must not plan to replace every object in it.
pub(crate) fn is_another_cluster(prior: &Value, planned: &Value) -> bool {
    if planned.is_unknown() {
        return false;
    }
    // The provider's cluster on one side.
    if prior.is_null() || planned.is_null() {
        return prior.is_null() != planned.is_null();
    }
    NAMES.iter().any(|path| differ(path, at(prior, path), at(planned, path)))
}

fn differ(path: &[&str], prior: &Value, planned: &Value) -> bool {
    if planned.is_unknown() {
        return false;
    }
    match (prior.as_str(), planned.as_str()) {
        (Some(prior), Some(planned)) => prior.trim_end_matches('/') != planned.trim_end_matches('/'),
        // To name the region that the environment has named so far changes nothing.
        (None, Some(_)) | (Some(_), None) => path != ["eks", "region"],
        (None, None) => false,
    }
}

/// The value at a path; the unknown one above it, if there is one.
fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, name| if value.is_unknown() { value } else { value.attribute(name) })
}

/// The names of the cluster as one text.
pub(crate) fn cluster_named_by(own: Option<&OwnKubernetes>) -> String {
    let Some(own) = own else { return "the provider's".to_owned() };
    let own = own.to_value();
    NAMES
        .iter()
        .filter_map(|path| Some(format!("{}={}", path.join("."), at(&own, path).as_str()?)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Eks, Exec};

    fn host(host: &str) -> OwnKubernetes {
        OwnKubernetes { host: Some(host.to_owned()), ..OwnKubernetes::default() }
    }

    fn eks(name: &str, region: Option<&str>, role: Option<&str>) -> OwnKubernetes {
        let eks = Eks {
            cluster_name: name.to_owned(),
            region: region.map(str::to_owned),
            profile: None,
            role_arn: role.map(str::to_owned),
            external_id: None,
        };
        OwnKubernetes { eks: Some(eks), ..OwnKubernetes::default() }
    }

    fn another(prior: &OwnKubernetes, planned: &OwnKubernetes) -> bool {
        is_another_cluster(&prior.to_value(), &planned.to_value())
    }

    #[test]
    fn another_way_to_a_cluster_leads_to_the_same_one() {
        let first = host("https://a:6443");
        let exec = Exec { api_version: "v1".to_owned(), command: "login".to_owned(), args: None, env: None };
        let second = OwnKubernetes {
            host: Some("https://a:6443/".to_owned()),
            cluster_ca_certificate: Some("rotated".to_owned()),
            proxy_url: Some("http://proxy".to_owned()),
            exec: Some(exec),
            ..OwnKubernetes::default()
        };
        assert!(!another(&first, &second));
        assert!(!another(&eks("a", None, None), &eks("a", Some("eu-west-1"), Some("role"))));
        assert_eq!(
            cluster_named_by(Some(&eks("a", Some("eu-west-1"), None))),
            cluster_named_by(Some(&eks("a", Some("eu-west-1"), Some("role"))))
        );
    }

    #[test]
    fn another_name_or_place_is_another_cluster() {
        let first = host("https://a:6443");
        assert!(another(&first, &host("https://b:6443")));
        assert!(another(&first, &eks("a", None, None)));
        assert!(another(&eks("a", Some("eu-west-1"), None), &eks("a", Some("eu-west-2"), None)));
        assert!(is_another_cluster(&Value::Null, &first.to_value()));
        assert!(is_another_cluster(&first.to_value(), &Value::Null));
        assert!(!is_another_cluster(&Value::Null, &Value::Null));
    }

    #[test]
    fn what_is_not_known_yet_is_taken_for_the_same() {
        let prior = eks("a", None, None).to_value();
        let mut planned = prior.clone();
        planned.entries_mut().unwrap().insert("eks".to_owned(), Value::unknown());
        assert!(!is_another_cluster(&prior, &planned));
        assert!(!is_another_cluster(&prior, &Value::unknown()));
        planned.entries_mut().unwrap().insert("host".to_owned(), Value::string("https://a:6443"));
        assert!(is_another_cluster(&prior, &planned), "a host is given, and none was");
    }
}
