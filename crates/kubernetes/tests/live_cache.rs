//! The live cache against a model of a cluster whose frames come late, doubled, lost and out of order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use bridgehead_api::{GroupKind, ObjectKey};
use bridgehead_engine::manifest::{Live, Manifest};
use bridgehead_kubernetes::Resource;
use bridgehead_kubernetes::cache::{Applied, Frame, Happened, KindState, LiveCache, Lookup};
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

fn kind() -> GroupKind {
    GroupKind::new("", "ConfigMap")
}

fn key(name: usize) -> ObjectKey {
    ObjectKey::new(kind(), "shop", format!("object-{name}"))
}

fn cache() -> LiveCache {
    let mut cache = LiveCache::new(7);
    cache.add_kind(&Resource::known("v1", "ConfigMap", "configmaps", true));
    cache
}

/// One object's state in the model.
#[derive(Clone, Debug, PartialEq)]
struct State {
    version: u64,
    tracked: bool,
    content: u8,
}

fn object(name: usize, state: &State) -> Value {
    let mut metadata = json!({
        "name": format!("object-{name}"), "namespace": "shop", "uid": format!("uid-{name}"),
        "resourceVersion": state.version.to_string(), "managedFields": [{"manager": "somebody"}],
    });
    if state.tracked {
        metadata["annotations"] = json!({TRACKING_ID: format!("shop:/ConfigMap:shop/object-{name}")});
    }
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"content": state.content.to_string()}})
}

fn event(event_type: &str, object: &Value) -> Frame {
    let line = json!({"type": event_type, "object": object}).to_string();
    Frame::parse(Bytes::from(line)).unwrap()
}

#[derive(Clone, Debug)]
enum Act {
    Write { name: usize, tracked: bool, content: u8 },
    Delete { name: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..6_usize, any::<bool>(), 0..3_u8).prop_map(|(name, tracked, content)| Act::Write { name, tracked, content }),
        1 => (0..6_usize).prop_map(|name| Act::Delete { name }),
    ];
    prop::collection::vec(act, 0..40)
}

/// Plays the acts: the frames in the order of a watch, and what there is at the end.
fn history(acts: &[Act]) -> (Vec<Frame>, BTreeMap<usize, State>, u64) {
    let mut objects: BTreeMap<usize, State> = BTreeMap::new();
    let mut frames = Vec::new();
    let mut version = 100;
    for act in acts {
        version += 1;
        match act {
            Act::Write { name, tracked, content } => {
                let state = State { version, tracked: *tracked, content: *content };
                let event_type = if objects.contains_key(name) { "MODIFIED" } else { "ADDED" };
                frames.push(event(event_type, &object(*name, &state)));
                objects.insert(*name, state);
            }
            Act::Delete { name } => {
                if let Some(last) = objects.remove(name) {
                    frames.push(event("DELETED", &object(*name, &State { version, ..last })));
                }
            }
        }
    }
    (frames, objects, version)
}

fn list(cache: &mut LiveCache, objects: &BTreeMap<usize, State>, version: u64) {
    cache.apply_frame(&kind(), &Frame::list_begins()).unwrap();
    for (name, state) in objects {
        let item = Frame::item(Bytes::from(object(*name, state).to_string())).unwrap();
        cache.apply_frame(&kind(), &item).unwrap();
    }
    cache.apply_frame(&kind(), &Frame::list_ends(version.to_string().into())).unwrap();
}

fn assert_is(
    cache: &LiveCache,
    objects: &BTreeMap<usize, State>,
    wanted: &[usize],
) -> Result<(), TestCaseError> {
    for name in 0..6 {
        let found = cache.lookup(&key(name));
        match (objects.get(&name), found) {
            (None, Lookup::Absent) => {}
            (Some(state), Lookup::Live(held)) => {
                prop_assert!(state.tracked || wanted.contains(&name), "object-{} is kept for nobody", name);
                prop_assert_eq!(held.resource_version().as_str(), state.version.to_string());
                prop_assert_eq!(held.tracked_by(), state.tracked.then_some("shop"));
                let live = held.live();
                prop_assert_eq!(&live.manifest.value()["data"]["content"], &json!(state.content.to_string()));
                prop_assert!(live.manifest.value()["metadata"].get("managedFields").is_none());
            }
            // An object whose key became wanted only after it was seen, or that lost its tracking id.
            (Some(state), Lookup::Foreign) => prop_assert!(!state.tracked),
            (truth, found) => prop_assert!(false, "object-{}: {:?} is cached as {:?}", name, truth, found),
        }
    }
    let tracked: Vec<_> =
        objects.iter().filter(|(_, state)| state.tracked).map(|(name, _)| key(*name)).collect();
    let cached: Vec<_> = cache.of_application("shop").map(|held| held.key().clone()).collect();
    prop_assert_eq!(cached, tracked);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn after_frames_in_any_order_a_list_makes_the_cache_right(
        acts in acts(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        wanted in prop::collection::vec(0..6_usize, 0..4),
    ) {
        let (frames, objects, version) = history(&acts);
        let mut cache = cache();
        for name in &wanted {
            cache.want(&key(*name));
        }
        if !frames.is_empty() {
            for index in order {
                cache.apply_frame(&kind(), index.get(&frames)).unwrap();
            }
        }
        list(&mut cache, &objects, version);
        assert_is(&cache, &objects, &wanted)?;
    }

    #[test]
    fn a_watch_that_is_resumed_too_early_needs_no_list(
        before in acts(),
        acts in acts(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..5),
        wanted in prop::collection::vec(0..6_usize, 0..4),
    ) {
        let mut all = before.clone();
        all.extend(acts);
        let listed_at = history(&before);
        let (frames, objects, _) = history(&all);
        let frames = &frames[listed_at.0.len()..];
        let mut cache = cache();
        for name in &wanted {
            cache.want(&key(*name));
        }
        list(&mut cache, &listed_at.1, listed_at.2);
        // The watch breaks off at one place and begins again at an earlier one.
        let mut next = 0;
        for (one, other) in cuts {
            if frames.is_empty() {
                break;
            }
            let (one, other) = (one.index(frames.len()), other.index(frames.len()));
            let (resume, cut) = (one.min(other), one.max(other));
            for frame in frames.get(next.min(cut)..cut).unwrap_or_default() {
                cache.apply_frame(&kind(), frame).unwrap();
            }
            next = resume.min(next.max(cut));
        }
        for frame in &frames[next..] {
            cache.apply_frame(&kind(), frame).unwrap();
        }
        assert_is(&cache, &objects, &wanted)?;
    }
}

fn state(version: u64, content: u8) -> State {
    State { version, tracked: true, content }
}

fn live(name: usize, state: &State) -> Live {
    Live::new(Manifest::new(object(name, state)))
}

fn change(applied: Applied) -> bridgehead_kubernetes::cache::Change {
    match applied {
        Applied::Changed(change) => change,
        other => panic!("no change: {other:?}"),
    }
}

#[test]
fn the_echo_of_our_own_write_changes_nothing() {
    let mut cache = cache();
    list(&mut cache, &BTreeMap::new(), 100);
    assert!(cache.insert_read(&live(1, &state(101, 1))).is_some());
    let echo = cache.apply_frame(&kind(), &event("ADDED", &object(1, &state(101, 1)))).unwrap();
    assert_eq!(echo, Applied::Nothing);
}

#[test]
fn a_write_that_changes_only_the_resource_version_does_not_matter() {
    let mut cache = cache();
    list(&mut cache, &BTreeMap::from([(1, state(100, 1))]), 100);
    let touched = change(cache.apply_frame(&kind(), &event("MODIFIED", &object(1, &state(101, 1)))).unwrap());
    assert!(!touched.matters());
    let changed = change(cache.apply_frame(&kind(), &event("MODIFIED", &object(1, &state(102, 2)))).unwrap());
    assert!(changed.matters());
}

#[test]
fn an_answer_older_than_the_deletion_does_not_bring_an_object_back() {
    let mut cache = cache();
    list(&mut cache, &BTreeMap::from([(1, state(100, 1))]), 100);
    let gone = change(cache.apply_frame(&kind(), &event("DELETED", &object(1, &state(105, 1)))).unwrap());
    assert_eq!((gone.happened, gone.tracked_by_before.as_deref()), (Happened::Disappeared, Some("shop")));
    assert!(cache.insert_read(&live(1, &state(103, 1))).is_none());
    assert!(matches!(cache.lookup(&key(1)), Lookup::Absent));
    assert!(cache.insert_read(&live(1, &state(106, 1))).is_some());
}

#[test]
fn an_answer_older_than_a_list_does_not_bring_back_what_the_list_had_no_more() {
    let mut cache = cache();
    list(
        &mut cache,
        &BTreeMap::from([(1, state(100, 1)), (2, State { tracked: false, ..state(100, 1) })]),
        100,
    );
    list(&mut cache, &BTreeMap::from([(2, State { tracked: false, ..state(100, 1) })]), 110);
    assert!(
        cache.insert_read(&live(1, &state(105, 1))).is_none(),
        "the answer to its deletion, on its way for long"
    );
    assert!(matches!(cache.lookup(&key(1)), Lookup::Absent));
    cache.want(&key(2));
    cache.insert_read(&live(2, &State { tracked: false, ..state(100, 1) }));
    assert!(matches!(cache.lookup(&key(2)), Lookup::Live(_)), "the list had it");
    assert!(cache.insert_read(&live(1, &state(111, 1))).is_some(), "made anew");
}

#[test]
fn what_was_written_during_a_list_survives_its_end() {
    let mut cache = cache();
    cache.apply_frame(&kind(), &Frame::list_begins()).unwrap();
    cache.insert_read(&live(1, &state(105, 1)));
    assert!(matches!(cache.lookup(&key(2)), Lookup::NotSynced));
    let ended = cache.apply_frame(&kind(), &Frame::list_ends("104".into())).unwrap();
    assert_eq!(ended, Applied::Listed(Vec::new()));
    assert!(matches!(cache.lookup(&key(1)), Lookup::Live(_)));
    assert!(cache.kinds_synced());
}

#[test]
fn objects_that_went_during_a_disconnect_are_reported_when_the_next_list_ends() {
    let mut cache = cache();
    list(&mut cache, &BTreeMap::from([(1, state(100, 1)), (2, state(100, 1))]), 100);
    cache.set_interrupted(&kind(), true);
    assert_eq!(cache.state(&kind()), Some(&KindState::Interrupted));
    cache.apply_frame(&kind(), &Frame::list_begins()).unwrap();
    let item = Frame::item(Bytes::from(object(2, &state(100, 1)).to_string())).unwrap();
    assert_eq!(cache.apply_frame(&kind(), &item).unwrap(), Applied::Nothing);
    let Applied::Listed(gone) = cache.apply_frame(&kind(), &Frame::list_ends("120".into())).unwrap() else {
        panic!("the list did not end")
    };
    assert_eq!(gone.iter().map(|change| change.key.clone()).collect::<Vec<_>>(), [key(1)]);
    assert_eq!(cache.state(&kind()), Some(&KindState::Current));
}

#[test]
fn an_object_whose_tracking_id_is_taken_away_leaves_its_application() {
    let mut cache = cache();
    list(&mut cache, &BTreeMap::from([(1, state(100, 1))]), 100);
    let bare = State { tracked: false, ..state(101, 1) };
    let left = change(cache.apply_frame(&kind(), &event("MODIFIED", &object(1, &bare))).unwrap());
    assert_eq!((left.tracked_by_before.as_deref(), left.tracked_by_after), (Some("shop"), None));
    assert!(matches!(cache.lookup(&key(1)), Lookup::Foreign));
    assert_eq!(cache.applications().count(), 0);
}

#[test]
fn a_wanted_foreign_object_is_kept_once_it_was_read_and_let_go_of_afterwards() {
    let mut cache = cache();
    let bare = State { tracked: false, ..state(100, 1) };
    list(&mut cache, &BTreeMap::from([(1, bare.clone())]), 100);
    cache.want(&key(1));
    assert!(matches!(cache.lookup(&key(1)), Lookup::Foreign));
    cache.insert_read(&live(1, &bare));
    assert!(matches!(cache.lookup(&key(1)), Lookup::Live(_)));
    cache.retain_wanted(|_| false);
    assert!(matches!(cache.lookup(&key(1)), Lookup::Foreign));
}

#[test]
fn a_want_is_remembered_until_its_kind_is_kept() {
    let mut cache = LiveCache::new(7);
    cache.want(&key(1));
    assert!(matches!(cache.lookup(&key(1)), Lookup::KindUnknown));
    cache.add_kind(&Resource::known("v1", "ConfigMap", "configmaps", true));
    let bare = State { tracked: false, ..state(100, 1) };
    list(&mut cache, &BTreeMap::from([(1, bare)]), 100);
    assert!(matches!(cache.lookup(&key(1)), Lookup::Live(_)));
}

#[test]
fn a_kind_in_another_version_is_listed_anew_and_what_was_known_stays_until_then() {
    let resource =
        |version: &str| Resource::known(&format!("example.com/{version}"), "Gadget", "gadgets", true);
    let gadgets = GroupKind::new("example.com", "Gadget");
    let gadget = |name: &str, version: &str| {
        json!({"apiVersion": format!("example.com/{version}"), "kind": "Gadget", "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "50",
            "annotations": {TRACKING_ID: format!("shop:example.com/Gadget:shop/{name}")},
        }})
    };
    let key = |name: &str| ObjectKey::new(gadgets.clone(), "shop", name);
    let list = |cache: &mut LiveCache, objects: &[Value]| {
        cache.apply_frame(&gadgets, &Frame::list_begins()).unwrap();
        for object in objects {
            cache.apply_frame(&gadgets, &event("ADDED", object)).unwrap();
        }
        cache.apply_frame(&gadgets, &Frame::list_ends("60".into())).unwrap();
    };
    let version_of = |cache: &LiveCache, name: &str| match cache.lookup(&key(name)) {
        Lookup::Live(held) => Some(held.live().manifest.api_version().to_owned()),
        _ => None,
    };
    let mut cache = LiveCache::new(7);
    assert!(cache.add_kind(&resource("v1")));
    list(&mut cache, &[gadget("stays", "v1"), gadget("goes", "v1")]);
    assert!(!cache.add_kind(&resource("v1")), "nothing has changed");
    assert!(cache.is_synced(&gadgets));

    assert!(cache.add_kind(&resource("v2")), "it has to be listed in the other version");
    assert!(cache.expects(&resource("v2").gvk) && !cache.expects(&resource("v1").gvk));
    assert!(!cache.is_synced(&gadgets));
    assert_eq!(cache.resource_version(&gadgets), None);
    assert_eq!(version_of(&cache, "stays").as_deref(), Some("example.com/v1"));
    list(&mut cache, &[gadget("stays", "v2")]);
    assert!(cache.is_synced(&gadgets));
    assert_eq!(version_of(&cache, "stays").as_deref(), Some("example.com/v2"));
    assert!(matches!(cache.lookup(&key("goes")), Lookup::Absent));
}

#[test]
fn a_watch_that_is_too_old_says_so() {
    let mut cache = cache();
    let status =
        json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"});
    assert_eq!(cache.apply_frame(&kind(), &event("ERROR", &status)).unwrap(), Applied::Expired);
}

#[test]
fn a_foreign_object_costs_a_few_bytes() {
    let mut cache = cache();
    let objects: BTreeMap<usize, State> =
        (0..10_000).map(|name| (name, State { tracked: false, ..state(100, 1) })).collect();
    list(&mut cache, &objects, 100);
    let statistics = cache.statistics();
    assert_eq!((statistics.held, statistics.foreign), (0, 10_000));
    assert!(statistics.foreign_bytes < 25 * 10_000, "{} bytes", statistics.foreign_bytes);
}
