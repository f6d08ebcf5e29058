//! What a directory renders to, on local repositories.

mod support;

use std::sync::Arc;

use bridgehead_api::application::{ApplicationSource, ApplicationSourceHelm, ApplicationSourceKustomize};
use bridgehead_sources::{ErrorKind, Limits, RenderRequest, Rendered, RepoAccess};
use bridgehead_test_harness::git::{Repository, git};

use support::{Bench, config_map, directory, limits, listed, report, request, source};

struct Local {
    bench: Bench,
    repository: Repository,
    _folder: tempfile::TempDir,
}

impl Local {
    fn new() -> Self {
        Self::with(limits())
    }

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = Repository::local(folder.path(), "app").expect("a repository");
        Self { bench: Bench::with(limits), repository, _folder: folder }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        self.repository.write(path, content).expect("a file");
    }

    fn link(&self, path: &str, target: &str) {
        let link = self.repository.tree().join(path);
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        std::os::unix::fs::symlink(target, link).expect("a link");
    }

    fn commit(&mut self) -> String {
        self.repository.commit("next").expect("a commit")
    }

    fn request(&self, commit: &str, source: ApplicationSource) -> RenderRequest {
        request(&RepoAccess::anonymous(self.repository.url()), commit, source)
    }

    async fn render(&mut self, source: ApplicationSource) -> Arc<Rendered> {
        let commit = self.commit();
        let request = self.request(&commit, source);
        self.bench.repositories.render(&request).await.unwrap_or_else(|error| panic!("{}", error.report()))
    }

    async fn fails(&mut self, source: ApplicationSource) -> String {
        let commit = self.commit();
        let request = self.request(&commit, source);
        report(self.bench.repositories.render(&request).await)
    }
}

#[tokio::test]
async fn a_local_repository_is_read_where_it_is() {
    let mut local = Local::new();
    local.write("a.yaml", config_map("a", "1"));
    let commit = local.commit();
    local.repository.tag("v1", Some("text")).expect("a tag");
    let by_url = RepoAccess::anonymous(format!("file://{}", local.repository.url()));
    let by_tree = RepoAccess::anonymous(local.repository.tree().display().to_string());
    for access in [RepoAccess::anonymous(local.repository.url()), by_url, by_tree] {
        let refs = local.bench.repositories.advertise(&access).await.expect("refs");
        assert_eq!(refs.head.as_ref().map(AsRef::as_ref), Some(commit.as_str()));
        assert_eq!(refs.refs["refs/heads/main"].as_str(), commit);
        assert_eq!(refs.refs["refs/tags/v1"].as_str(), commit);
        let rendered =
            local.bench.repositories.render(&request(&access, &commit, source(""))).await.expect("manifests");
        assert_eq!(listed(&rendered), ["a a.yaml:1"]);
    }
    let nowhere = RepoAccess::anonymous("/nowhere/at/all");
    let message = report(local.bench.repositories.advertise(&nowhere).await);
    assert!(message.contains("`/nowhere/at/all` is not a Git repository"), "{message}");
    let unknown = request(
        &RepoAccess::anonymous(local.repository.url()),
        "1234567890123456789012345678901234567890",
        source(""),
    );
    let message = report(local.bench.repositories.render(&unknown).await);
    assert!(message.contains("does not have commit"), "{message}");
}

#[tokio::test]
async fn subfolders_are_read_where_asked_and_globs_choose() {
    let mut local = Local::new();
    for path in
        ["app/a.yaml", "app/b.yml", "app/c.json", "app/sub/d.yaml", "app/sub/deep/e.yaml", "app/z.txt"]
    {
        let name = path.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        let content = match path.rsplit('.').next() {
            Some("json") => {
                format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#)
            }
            _ => config_map(name, "1"),
        };
        local.write(path, content);
    }
    let names = |rendered: Arc<Rendered>| -> Vec<String> {
        rendered.manifests.iter().map(|(manifest, _)| manifest.name().to_owned()).collect()
    };
    assert_eq!(names(local.render(source("app")).await), ["a", "b", "c"]);
    assert_eq!(names(local.render(source("./app/")).await), ["a", "b", "c"]);
    let recursive = |include: &str, exclude: &str| {
        directory("app", |directory| {
            directory.recurse = true;
            directory.include = include.into();
            directory.exclude = exclude.into();
        })
    };
    assert_eq!(names(local.render(recursive("", "")).await), ["a", "b", "c", "d", "e"]);
    assert_eq!(names(local.render(recursive("*.yaml", "")).await), ["a", "d", "e"]);
    assert_eq!(names(local.render(recursive("{a.yaml,sub/*}", "")).await), ["a", "d", "e"]);
    assert_eq!(names(local.render(recursive("", "sub/*")).await), ["a", "b", "c"]);
    assert_eq!(names(local.render(recursive("**/*.yaml", "*/deep/*")).await), ["d"]);
    let message = local.fails(recursive("{a", "")).await;
    assert!(message.contains("the glob in `directory.include` cannot be read"), "{message}");
    let every = directory("app", |directory| directory.disable_extension_filter = true);
    assert_eq!(names(local.render(every).await), ["a", "b", "c", "z"]);
}

#[tokio::test]
async fn lists_are_taken_apart() {
    let mut local = Local::new();
    let item = |name: &str| config_map(name, "1").replace('\n', "\n  ").trim_end().to_owned();
    local.write("a.yaml", format!("apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n", item("a"), item("b")));
    local.write("b.yaml", "apiVersion: v1\nkind: ConfigMapList\nitems: []\n");
    local.write("c.yaml", "apiVersion: v1\nkind: ConfigMapList\nmetadata: {}\nitems:\n");
    let rendered = local.render(source("")).await;
    assert_eq!(listed(&rendered), ["a a.yaml:4", "b a.yaml:10"]);
}

#[tokio::test]
async fn every_broken_place_is_told_with_file_and_line() {
    let mut local = Local::new();
    local.write("app/a.yaml", format!("{}---\nkind: [\n---\n{}", config_map("a", "1"), config_map("b", "1")));
    local.write("app/b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n bad: y\n");
    local.write("app/c.json", "{\"kind\": \"ConfigMap\",\n}");
    local.write("app/d.yaml", format!("{}---\napiVersion: v1\nmetadata: {{}}\n", config_map("d", "1")));
    let message = local.fails(source("app")).await;
    for place in ["app/a.yaml:8:", "app/b.yaml:5:", "app/c.json:2:", "app/d.yaml:8: the object has no `kind`"]
    {
        assert!(message.contains(place), "{place} in {message}");
    }
    let commit = local.commit();
    let request = local.request(&commit, source("app"));
    let error = local.bench.repositories.render(&request).await.expect_err("it fails");
    assert_eq!(error.kind(), ErrorKind::User);
}

#[tokio::test]
async fn other_yaml_is_left_alone() {
    let mut local = Local::new();
    local.write("a.yaml", config_map("a", "1"));
    local.write("values.yaml", "replicas: 3\n");
    local.write("template.yaml", "{{ if .Values.x }}\nfoo: [\n{{ end }}\n");
    local.write("empty.yaml", "\n# nothing\n---\n");
    local.write("skipped.yaml", format!("# +argocd:skip-file-rendering\n{}", config_map("skipped", "1")));
    assert_eq!(listed(local.render(source("")).await.as_ref()), ["a a.yaml:1"]);
}

#[tokio::test]
async fn equal_keys_are_warned_of() {
    let mut local = Local::new();
    local.write("a.yaml", format!("{}  key: 2\n", config_map("a", "1")));
    let rendered = local.render(source("")).await;
    assert_eq!(rendered.manifests[0].0.value()["data"]["key"], 2);
    assert_eq!(
        rendered.warnings[0].to_string(),
        "a.yaml:7: `key` is written twice in the same map; the last one counts"
    );
}

#[tokio::test]
async fn links_lead_anywhere_inside_and_nowhere_outside() {
    let mut local = Local::new();
    local.write("shared/a.yaml", config_map("a", "1"));
    local.write("real/b.yaml", config_map("b", "1"));
    local.link("app/a.yaml", "../shared/a.yaml");
    local.link("app/missing.yaml", "../nowhere.yaml");
    local.link("app/folder.yaml", "../shared");
    local.link("current", "real");
    assert_eq!(listed(local.render(source("app")).await.as_ref()), ["a app/a.yaml:1"]);
    assert_eq!(listed(local.render(source("current")).await.as_ref()), ["b current/b.yaml:1"]);

    for (name, target) in
        [("out", "../../outside.yaml"), ("abs", "/etc/hosts"), ("in", "../x/../../../app/a.yaml")]
    {
        local.link(&format!("{name}/a.yaml"), target);
        let message = local.fails(source(name)).await;
        assert!(message.contains("leaves the repository"), "{message}");
    }
    local.link("circle/a.yaml", "b.yaml");
    local.link("circle/b.yaml", "a.yaml");
    let message = local.fails(source("circle")).await;
    assert!(message.contains("lead in a circle"), "{message}");
    for path in ["../app", "/app", "app/../../x"] {
        let message = local.fails(source(path)).await;
        assert!(message.contains("leaves the repository"), "{message}");
    }
}

#[tokio::test]
async fn other_tools_are_named_and_not_guessed_at() {
    let mut local = Local::new();
    for (folder, file) in [
        ("chart", "Chart.yaml"),
        ("k1", "kustomization.yaml"),
        ("k2", "kustomization.yml"),
        ("k3", "Kustomization"),
        ("o", ".argocd-source.yaml"),
    ] {
        local.write(&format!("{folder}/{file}"), "a: b\n");
        local.write(&format!("{folder}/a.yaml"), config_map("a", "1"));
        let message = local.fails(source(folder)).await;
        let words = format!("this release renders plain manifests only: {file} found in {folder}");
        assert!(message.contains(&words), "{message}");
    }
    // Who says that it is a directory gets one.
    assert_eq!(listed(local.render(directory("chart", |_| {})).await.as_ref()), ["a chart/a.yaml:1"]);

    local.write("j/a.jsonnet", "{}");
    assert!(local.fails(source("j")).await.contains("j/a.jsonnet is Jsonnet"));
    let helm = ApplicationSource { helm: Some(ApplicationSourceHelm::default()), ..source("chart") };
    assert!(local.fails(helm.clone()).await.contains("the source has `helm`"));
    let both = ApplicationSource { kustomize: Some(ApplicationSourceKustomize::default()), ..helm };
    assert!(local.fails(both).await.contains("several tools at once: Kustomize, Helm"));
    let chart = ApplicationSource { chart: "nginx".into(), ..source("") };
    assert!(local.fails(chart).await.contains("chart of a Helm repository"));
}

#[tokio::test]
async fn bounds_on_files_are_told() {
    let small = Limits { file_bytes: 500, render_bytes: 900, files: 3, depth: 5, ..limits() };
    let mut local = Local::with(small);
    local.write("large/a.yaml", config_map("a", &"x".repeat(600)));
    assert!(local.fails(source("large")).await.contains("file `large/a.yaml`"));
    for index in 0..3 {
        local.write(&format!("sum/{index}.yaml"), config_map("a", &"x".repeat(300)));
    }
    assert!(
        local
            .fails(source("sum"))
            .await
            .contains("the size of all manifest files of the source is over the bound of 900 bytes")
    );
    for index in 0..4 {
        local.write(&format!("many/{index}.yaml"), config_map("a", "1"));
    }
    assert!(local.fails(source("many")).await.contains("over the bound of 3 files"));
    local.write("deep/1/2/3/4/5/6/a.yaml", config_map("a", "1"));
    let recursive = directory("deep", |directory| directory.recurse = true);
    assert!(local.fails(recursive).await.contains("the nesting of folders"));
    local.write("bomb/a.yaml", "a: [[[[[[[[1]]]]]]]]\napiVersion: v1\nkind: x\nmetadata: {}\n");
    assert!(local.fails(source("bomb")).await.contains("nested deeper than 5"));
}

#[tokio::test]
async fn commits_with_the_same_inputs_share_a_render() {
    let mut local = Local::new();
    local.write("app/a.yaml", config_map("a", "1"));
    local.write("app/sub/b.yaml", config_map("b", "1"));
    local.write("other/x.yaml", config_map("x", "1"));
    let flat = || source("app");
    let recursive = || directory("app", |directory| directory.recurse = true);
    let (first_flat, first_deep) = (local.render(flat()).await, local.render(recursive()).await);

    local.write("other/x.yaml", config_map("x", "2"));
    assert!(Arc::ptr_eq(&local.render(flat()).await, &first_flat));
    assert!(Arc::ptr_eq(&local.render(recursive()).await, &first_deep));

    // A change below counts only where subfolders are read.
    local.write("app/sub/b.yaml", config_map("b", "2"));
    assert!(Arc::ptr_eq(&local.render(flat()).await, &first_flat));
    assert!(!Arc::ptr_eq(&local.render(recursive()).await, &first_deep));

    // A file that makes the folder something else is an input too.
    local.write("app/kustomization.yaml", "resources: []\n");
    assert!(local.fails(flat()).await.contains("kustomization.yaml found"));
    local.repository.remove("app/kustomization.yaml").expect("a file");
    assert!(Arc::ptr_eq(&local.render(flat()).await, &first_flat));
    local.write("app/new.yaml", config_map("new", "1"));
    assert_eq!(local.render(flat()).await.manifests.len(), 2);
}

#[tokio::test]
async fn files_behind_links_are_inputs() {
    let mut local = Local::new();
    local.write("shared/a.yaml", config_map("a", "1"));
    local.link("app/a.yaml", "../shared/a.yaml");
    local.link("app/late.yaml", "../shared/late.yaml");
    let recursive = || directory("app", |directory| directory.recurse = true);
    for make in [recursive as fn() -> ApplicationSource, || source("app")] {
        let first = local.render(make()).await;
        local.write("unrelated.txt", format!("{:p}", Arc::as_ptr(&first)));
        assert!(Arc::ptr_eq(&local.render(make()).await, &first));
        let value = first.manifests[0].0.value()["data"]["key"].as_i64().unwrap_or(0) + 1;
        local.write("shared/a.yaml", config_map("a", &value.to_string()));
        assert_eq!(local.render(make()).await.manifests[0].0.value()["data"]["key"], value);
    }
    local.write("shared/late.yaml", config_map("late", "1"));
    assert_eq!(local.render(recursive()).await.manifests.len(), 2);
}

#[tokio::test]
async fn submodules_are_left_out_and_named_as_a_path() {
    let mut local = Local::new();
    local.write("app/a.yaml", config_map("a", "1"));
    let commit = local.commit();
    let entry = format!("160000,{commit},app/module");
    git(local.repository.tree(), &["update-index", "--add", "--cacheinfo", &entry]).expect("a submodule");
    git(local.repository.tree(), &["commit", "--quiet", "-m", "module"]).expect("a commit");
    git(local.repository.tree(), &["push", "--quiet", "origin", "HEAD"]).expect("a push");
    let commit = local.repository.head().expect("a commit");
    let recursive = directory("app", |directory| directory.recurse = true);
    let rendered =
        local.bench.repositories.render(&local.request(&commit, recursive)).await.expect("manifests");
    assert_eq!(rendered.manifests.len(), 1);
    let message =
        report(local.bench.repositories.render(&local.request(&commit, source("app/module"))).await);
    assert!(message.contains("is a submodule"), "{message}");
}
