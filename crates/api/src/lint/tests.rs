//! Findings with their places, for what the corpus of users' manifests does not hold.

use super::{Finding, Severity, lint};

fn spec(body: &str) -> String {
    let body: String = body.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  project: p\n{body}"
    )
}

const REST: &str = "destination: {server: s}\nsource: {repoURL: r, path: p}\n";

fn found(text: &str) -> Vec<String> {
    let show = |finding: &Finding| {
        format!("{}:{} {} {}: {finding}", finding.line, finding.column, finding.severity, finding.path)
    };
    lint(text).iter().map(show).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(found(text), expected, "\n{text}");
}

#[test]
fn a_good_application_has_no_findings() {
    check(&spec(REST), &[]);
}

#[test]
fn findings_name_line_and_column_of_the_field() {
    check(
        &spec(&format!("{REST}syncPolicy:\n  automated:\n    selfheal: true\n")),
        &[
            "10:7 error spec.syncPolicy.automated.selfheal: unknown field `selfheal`; did you mean `selfHeal`?",
        ],
    );
}

#[test]
fn a_field_in_the_wrong_place_is_shown_the_right_one() {
    check(
        &spec(&format!("{REST}automated: {{prune: true}}\nprune: true\n")),
        &[
            "8:3 error spec.automated: unknown field `automated`; did you mean `syncPolicy.automated`?",
            "9:3 error spec.prune: unknown field `prune`; did you mean `syncPolicy.automated.prune`?",
        ],
    );
    check(
        &spec("destination: {server: s}\nsource: {repoURL: r, path: p, ignoreDifferences: []}\n"),
        &[
            "7:33 error spec.source.ignoreDifferences: unknown field `ignoreDifferences`; it belongs further up, into `spec`",
        ],
    );
}

#[test]
fn well_known_mistakes_are_told_from_slips_of_the_pen() {
    check(
        &spec("destination: {cluster: c}\nsource: {repoURL: r, path: p, branch: main}\n"),
        &[
            "6:16 warning spec.destination: neither `server` nor `name` names the cluster; write `server: https://kubernetes.default.svc` for the cluster that the agent runs in",
            "6:17 error spec.destination.cluster: unknown field `cluster`; did you mean `name`?",
            "7:33 error spec.source.branch: unknown field `branch`; did you mean `targetRevision`?",
        ],
    );
}

#[test]
fn server_and_name_together_are_an_error_and_source_and_sources_a_warning() {
    check(
        &spec(
            "destination: {server: s, name: in-cluster}\nsource: {repoURL: r, path: p}\nsources: [{repoURL: r, ref: v}, {repoURL: r}]\n",
        ),
        &[
            "5:3 warning spec.source: `source` and `sources` are both set, and `source` is not read; keep one of them",
            "6:16 error spec.destination: `server` and `name` are both set; keep one of them: both name the cluster",
            "8:35 error spec.sources[1]: the source has no `path`, `chart` or `ref`; write `path: .` for the repository's root",
        ],
    );
}

#[test]
fn sync_options_are_checked_by_name_and_value() {
    check(
        &spec(&format!(
            "{REST}syncPolicy:\n  syncOptions:\n    - CreateNamespaces=true\n    - Prune=maybe\n    - Validate=false\n    - Colour=red\n"
        )),
        &[
            "10:9 error spec.syncPolicy.syncOptions[0]: unknown option `CreateNamespaces`; did you mean `CreateNamespace=true`?",
            "11:9 error spec.syncPolicy.syncOptions[1]: option `Prune` cannot be `maybe`; known: `true`, `false`, `confirm`",
            "13:9 error spec.syncPolicy.syncOptions[3]: unknown option `Colour`",
        ],
    );
}

#[test]
fn annotations_are_checked_on_every_kind() {
    let text = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\n  annotations:\n    argocd.argoproj.io/hook: PreSynk\n    argocd.argoproj.io/hook-delete-policy: BeforeSyncFinished\n    argocd.argoproj.io/sync-wave: first\n    argocd.argoproj.io/hook-sync-wave: \"1\"\n    argocd.argoproj.io/sync-options: Prune=false,CreateNamespace=true\n    helm.sh/hook-weight: 5\n";
    check(
        text,
        &[
            "6:30 error metadata.annotations[\"argocd.argoproj.io/hook\"]: unknown value `PreSynk`; did you mean `PreSync`?",
            "7:44 error metadata.annotations[\"argocd.argoproj.io/hook-delete-policy\"]: unknown value `BeforeSyncFinished`; known: `HookSucceeded`, `HookFailed`, `BeforeHookCreation`",
            "8:35 error metadata.annotations[\"argocd.argoproj.io/sync-wave\"]: the wave `first` is not a whole number",
            "9:5 warning metadata.annotations[\"argocd.argoproj.io/hook-sync-wave\"]: nobody reads the annotation `argocd.argoproj.io/hook-sync-wave`; did you mean `argocd.argoproj.io/sync-wave`?",
            "10:38 warning metadata.annotations[\"argocd.argoproj.io/sync-options\"]: `CreateNamespace` is an option of a whole application, not of one object; write it into the application's `spec.syncPolicy.syncOptions`",
            "11:26 error metadata.annotations[\"helm.sh/hook-weight\"]: must be a text, and is a number without quotes; put the value in quotes",
        ],
    );
}

#[test]
fn windows_need_a_schedule_that_cron_can_read() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p}\nspec:\n  sourceRepos: ['*']\n  destinations: [{server: '*', namespace: '*'}]\n  syncWindows:\n    - {kind: allow, schedule: 0 0 * * 7, duration: 1d, applications: ['*']}\n    - {kind: block, schedule: '@daily', duration: 1h}\n";
    check(
        text,
        &[
            "8:31 error spec.syncWindows[0].schedule: day of week `7`: there is no day 7; Sunday is 0",
            "8:52 error spec.syncWindows[0].duration: `1d` is not a duration such as `30s`, `5m` or `1h30m`; write `24h`",
            "9:7 error spec.syncWindows[1]: the window holds for nothing; list `applications`, `namespaces` or `clusters`; `'*'` is all",
            "9:14 error spec.syncWindows[1].kind: unknown value `block`; known: `allow`, `deny`",
            "9:31 error spec.syncWindows[1].schedule: `@daily` is a nickname, and five fields are wanted; write `0 0 * * *`",
        ],
    );
}

#[test]
fn a_kind_in_the_wrong_group_is_a_warning() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p}\nspec:\n  sourceRepos: ['*']\n  destinations: [{server: '*', namespace: '*'}]\n  namespaceResourceBlacklist:\n    - {group: '', kind: NetworkPolicy}\n    - {group: serving.knative.dev, kind: Service}\n";
    check(
        text,
        &[
            "8:15 warning spec.namespaceResourceBlacklist[0].group: there is no `NetworkPolicy` in the group ``, so the entry matches nothing; write `group: \"networking.k8s.io\"`",
        ],
    );
}

#[test]
fn a_nested_matrix_is_checked_though_the_crd_leaves_it_open() {
    let text = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: s}\nspec:\n  generators:\n    - matrix:\n        generators:\n          - clusters: {}\n          - matrix:\n              generators:\n                - list: {element: []}\n                - merge: {generators: [], mergeKeys: []}\n  template:\n    metadata: {name: 'a-{{name}}'}\n    spec: {project: p, destination: {name: '{{name}}'}, source: {repoURL: r, path: p}}\n";
    let found = found(text);
    assert!(
        found.iter().any(|it| it.contains(
            "matrix.generators[0].list.element: unknown field `element`; did you mean `elements`?"
        )),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|it| it.contains("generators[1].merge: a `merge` cannot be nested this deep")),
        "{found:#?}"
    );
}

#[test]
fn placeholders_of_the_other_template_language_are_told() {
    let set = |flag: &str, name: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: s}}\nspec:\n  goTemplate: {flag}\n  generators: [{{clusters: {{}}}}]\n  template:\n    metadata: {{name: '{name}'}}\n    spec: {{project: p, destination: {{server: s}}, source: {{repoURL: r, path: p}}}}\n"
        )
    };
    check(&set("true", "{{.name}}"), &[]);
    check(&set("false", "{{name}}"), &[]);
    check(&set("true", "{{ .name | lower }}"), &[]);
    check(
        &set("true", "{{name}}"),
        &[
            "8:22 error spec.template.metadata.name: `{{name}}` is no placeholder with `goTemplate: true`; did you mean `{{.name}}`?",
        ],
    );
    check(
        &set("false", "{{.name}}"),
        &[
            "8:22 error spec.template.metadata.name: `{{.name}}` is no placeholder without `goTemplate: true`; did you mean `{{name}}`?",
        ],
    );
}

#[test]
fn documents_before_broken_yaml_are_checked_all_the_same() {
    let text = format!("{}---\na: [\n", spec("destination: {server: s}\n"));
    let findings = lint(&text);
    assert_eq!(findings.first().map(|finding| finding.severity), Some(Severity::Warning));
    assert_eq!(findings.last().map(|finding| finding.path.as_str()), Some(""));
}

#[test]
fn objects_of_other_projects_are_left_alone() {
    check(
        "apiVersion: app.k8s.io/v1beta1\nkind: Application\nmetadata: {name: a}\nspec: {any: thing}\n",
        &[],
    );
    check("apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: a}\nspec: {any: thing}\n", &[]);
    check(
        "apiVersion: argoproj.io/v1alpha1\nkind: Project\nmetadata: {name: a}\n",
        &["2:7 error kind: unknown kind `Project` in `argoproj.io/v1alpha1`; did you mean `AppProject`?"],
    );
}

#[test]
fn templates_of_helm_charts_are_not_taken_for_broken_yaml() {
    check("kind: Service\nmetadata:\n  name: {{ include \"chart.name\" . }}\n", &[]);
    assert_eq!(
        found("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {{ name }}\n").len(),
        1
    );
}

#[test]
fn no_text_makes_the_linter_panic() {
    for text in [
        "",
        "---\n---\n",
        "- a\n- b\n",
        "42",
        "kind: Application\n",
        "kind: [Application]\napiVersion: {a: b}\n",
        "a: &a [*a]",
        "? [a]\n: b\n",
    ] {
        lint(text);
    }
}
