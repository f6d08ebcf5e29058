//! From an answer to a kind of failure. Where the API server has no reason of its own for something,
//! its wording is looked at; each such place says which version was seen to write so.

use std::time::Duration;

use super::{ApiError, ApiErrorKind, ApiStatus, FieldConflict, FieldProblem};

/// A body that is no `Status` is quoted up to this many characters.
const QUOTE: usize = 500;

pub(super) fn answer(operation: String, code: u16, body: &[u8], retry_after: Option<Duration>) -> ApiError {
    match serde_json::from_slice::<ApiStatus>(body) {
        Ok(mut found) if !found.reason.is_empty() || !found.message.is_empty() => {
            found.code = code;
            status(operation, &found, retry_after)
        }
        _ => plain(operation, code, body, retry_after),
    }
}

/// What proxies, load balancers and the API server's router answer.
fn plain(operation: String, code: u16, body: &[u8], retry_after: Option<Duration>) -> ApiError {
    let text: String = String::from_utf8_lossy(body).trim().chars().take(QUOTE).collect();
    let kind = match code {
        404 => ApiErrorKind::KindNotServed,
        _ => by_code(code, retry_after),
    };
    let message = match (&kind, text.is_empty()) {
        (ApiErrorKind::KindNotServed, _) => "the server does not serve this kind".to_owned(),
        (_, true) => format!("HTTP status {code}"),
        (_, false) => text,
    };
    ApiError { status: code, ..ApiError::new(kind, operation, message) }
}

pub(super) fn status(operation: String, status: &ApiStatus, retry_after: Option<Duration>) -> ApiError {
    let asked = (status.details.retry_after_seconds > 0)
        .then(|| Duration::from_secs(status.details.retry_after_seconds));
    let kind = kind(status, retry_after.or(asked));
    let message = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
    ApiError { status: status.code, ..ApiError::new(kind, operation, message) }
}

fn kind(status: &ApiStatus, retry_after: Option<Duration>) -> ApiErrorKind {
    let causes = &status.details.causes;
    // A namespace that is going away refuses creations with a cause of its own since 1.13.
    if causes.iter().any(|cause| cause.reason == "NamespaceTerminating") {
        return ApiErrorKind::NamespaceTerminating;
    }
    if let Some(by) = denied_by(&status.message) {
        return ApiErrorKind::AdmissionDenied { by };
    }
    if let Some(webhook) = unavailable(&status.message) {
        return ApiErrorKind::AdmissionUnavailable { webhook };
    }
    // etcd's own limit comes through as an internal error (1.36: "etcdserver: request is too large";
    // gRPC's limit before it: "trying to send message larger than max").
    if status.message.contains("request is too large") || status.message.contains("larger than max") {
        return ApiErrorKind::TooLarge;
    }
    // Server-side apply has no reason of its own for fields that the schema lacks (1.36: status 500).
    if status.message.starts_with("failed to create typed patch object") {
        return ApiErrorKind::Invalid { fields: undeclared(&status.message) };
    }
    match status.reason.as_str() {
        "AlreadyExists" => ApiErrorKind::AlreadyExists,
        "Conflict" => ApiErrorKind::Conflict { fields: conflicts(status) },
        "NotFound" if status.details.kind == "namespaces" && !status.details.name.is_empty() => {
            ApiErrorKind::NamespaceNotFound
        }
        "NotFound" if status.details.name.is_empty() => ApiErrorKind::KindNotServed,
        "NotFound" => ApiErrorKind::NotFound,
        "Invalid" => ApiErrorKind::Invalid { fields: problems(status) },
        "BadRequest" => ApiErrorKind::Invalid { fields: strict_problems(&status.message) },
        "MethodNotAllowed" | "UnsupportedMediaType" | "NotAcceptable" => {
            ApiErrorKind::Invalid { fields: Vec::new() }
        }
        "Forbidden" => ApiErrorKind::Forbidden,
        "Unauthorized" => ApiErrorKind::Unauthorized,
        "RequestEntityTooLarge" => ApiErrorKind::TooLarge,
        "Expired" | "Gone" => ApiErrorKind::Expired,
        "Timeout" => ApiErrorKind::Timeout,
        "TooManyRequests" | "ServerTimeout" => ApiErrorKind::Throttled { retry_after },
        _ => by_code(status.code, retry_after),
    }
}

fn by_code(code: u16, retry_after: Option<Duration>) -> ApiErrorKind {
    match code {
        400 | 405 | 406 | 415 | 422 => ApiErrorKind::Invalid { fields: Vec::new() },
        401 => ApiErrorKind::Unauthorized,
        403 => ApiErrorKind::Forbidden,
        404 => ApiErrorKind::NotFound,
        409 => ApiErrorKind::Conflict { fields: Vec::new() },
        410 => ApiErrorKind::Expired,
        413 => ApiErrorKind::TooLarge,
        408 | 504 => ApiErrorKind::Timeout,
        429 => ApiErrorKind::Throttled { retry_after },
        _ => ApiErrorKind::Server,
    }
}

/// The text between `before` and `after`, if both are there in this order.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let start = text.find(before)? + before.len();
    let length = text[start..].find(after)?;
    Some(&text[start..start + length])
}

/// `admission webhook "N" denied the request…`, and of policies: `ValidatingAdmissionPolicy 'N' with
/// binding 'B' denied request…` (1.30 and later).
fn denied_by(message: &str) -> Option<String> {
    between(message, "admission webhook \"", "\" denied the request")
        .or_else(|| between(message, "ValidatingAdmissionPolicy '", "' with binding"))
        .map(str::to_owned)
}

/// `Internal error occurred: failed calling webhook "N": …`
fn unavailable(message: &str) -> Option<String> {
    between(message, "failed calling webhook \"", "\"").map(str::to_owned)
}

fn problems(status: &ApiStatus) -> Vec<FieldProblem> {
    status
        .details
        .causes
        .iter()
        .map(|cause| FieldProblem {
            field: cause.field.clone(),
            reason: cause.reason.clone(),
            message: cause.message.clone(),
        })
        .collect()
}

/// Strict field validation has no causes: `… strict decoding error: unknown field "spec.x", duplicate
/// field "spec.y"`.
fn strict_problems(message: &str) -> Vec<FieldProblem> {
    let Some((_, list)) = message.split_once("strict decoding error: ") else { return Vec::new() };
    list.split("\", ")
        .filter_map(|item| {
            let (what, field) = item.trim_end_matches('"').split_once(" field \"")?;
            let reason = match what {
                "unknown" => "UnknownField",
                "duplicate" => "DuplicateField",
                _ => "StrictField",
            };
            Some(FieldProblem {
                field: field.to_owned(),
                reason: reason.to_owned(),
                message: format!("{what} field"),
            })
        })
        .collect()
}

/// `…: .spec.replica: field not declared in schema`, or several such lines after `errors:`.
fn undeclared(message: &str) -> Vec<FieldProblem> {
    message
        .split([' ', '\n'])
        .zip(message.split([' ', '\n']).skip(1))
        .filter(|(path, next)| path.starts_with('.') && path.ends_with(':') && *next == "field")
        .map(|(path, _)| FieldProblem {
            field: path.trim_start_matches('.').trim_end_matches(':').to_owned(),
            reason: "UnknownField".to_owned(),
            message: "unknown field".to_owned(),
        })
        .collect()
}

/// `conflict with "manager" using apps/v1`, one cause per field.
fn conflicts(status: &ApiStatus) -> Vec<FieldConflict> {
    status
        .details
        .causes
        .iter()
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| FieldConflict {
            field: cause.field.clone(),
            manager: between(&cause.message, "conflict with \"", "\"").unwrap_or(&cause.message).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind_of(code: u16, body: &serde_json::Value) -> ApiErrorKind {
        answer("try".to_owned(), code, body.to_string().as_bytes(), None).kind
    }

    #[test]
    fn unknown_fields_are_named_one_by_one() {
        let body = json!({"kind": "Status", "reason": "BadRequest", "message":
            "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replica\", duplicate field \"spec.paused\""});
        let ApiErrorKind::Invalid { fields } = kind_of(400, &body) else { panic!("not invalid") };
        let found: Vec<_> = fields.iter().map(|problem| (&*problem.field, &*problem.reason)).collect();
        assert_eq!(found, [("spec.replica", "UnknownField"), ("spec.paused", "DuplicateField")]);
    }

    #[test]
    fn a_missing_namespace_is_not_a_missing_object() {
        let body = json!({"reason": "NotFound", "message": "namespaces \"shop\" not found",
            "details": {"name": "shop", "kind": "namespaces"}});
        assert_eq!(kind_of(404, &body), ApiErrorKind::NamespaceNotFound);
        let body = json!({"reason": "NotFound", "message": "pods \"web\" not found",
            "details": {"name": "web", "kind": "pods"}});
        assert_eq!(kind_of(404, &body), ApiErrorKind::NotFound);
    }

    #[test]
    fn a_webhook_that_refuses_is_named_and_told_from_one_that_is_gone() {
        let body =
            json!({"message": "admission webhook \"policy.example.com\" denied the request: no latest tag"});
        assert_eq!(
            kind_of(403, &body),
            ApiErrorKind::AdmissionDenied { by: "policy.example.com".to_owned() }
        );
        let body = json!({"reason": "InternalError",
            "message": "Internal error occurred: failed calling webhook \"policy.example.com\": connection refused"});
        let expected = ApiErrorKind::AdmissionUnavailable { webhook: "policy.example.com".to_owned() };
        assert_eq!(kind_of(500, &body), expected);
    }

    #[test]
    fn a_proxys_page_is_quoted_and_an_unknown_path_is_a_kind_not_served() {
        let error = answer("try".to_owned(), 502, b"<html>bad gateway</html>", None);
        assert_eq!((error.kind, error.message.as_str()), (ApiErrorKind::Server, "<html>bad gateway</html>"));
        assert_eq!(
            answer("try".to_owned(), 404, b"404 page not found\n", None).kind,
            ApiErrorKind::KindNotServed
        );
    }
}
