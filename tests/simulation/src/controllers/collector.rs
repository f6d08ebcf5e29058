//! How objects go: dependants before or after their owners, what a namespace holds, what a definition
//! defines.

use bridgehead_api::{GroupKind, ObjectKey, Uid};
use serde_json::Value;

use super::{Move, SLOW_FINALIZER};
use crate::api_server::kinds::defined_by;
use crate::api_server::{ApiServer, Stored, delete, object};
use crate::cluster::Cluster;

/// The next move of an object that is being deleted.
pub(super) fn next_move(cluster: &Cluster, object: &Value) -> Option<Move> {
    let finalizers = object::finalizers(object);
    let uid = object::uid(object);
    if finalizers.contains(&delete::ORPHAN) {
        let dependants = cluster.read(|server| keys(dependants(server, &uid)));
        return Some(match dependants.is_empty() {
            true => Move::Release(delete::ORPHAN),
            false => Move::Disown(dependants.into_iter().map(|(key, _)| key).collect(), uid),
        });
    }
    if finalizers.contains(&delete::FOREGROUND) {
        return cluster.read(|server| first(dependants(server, &uid), Move::Release(delete::FOREGROUND)));
    }
    if finalizers.contains(&SLOW_FINALIZER) {
        return Some(Move::Release(SLOW_FINALIZER));
    }
    if !finalizers.is_empty() {
        return None;
    }
    match object::text(object, "/kind") {
        "Namespace" => {
            let name = object::text(object, "/metadata/name");
            cluster.read(|server| {
                let content = server.all().filter(|other| object::text(other, "/metadata/namespace") == name);
                first(content, Move::Vanish)
            })
        }
        "CustomResourceDefinition" => cluster.read(|server| {
            let kind = defined_by(object).map(|kind| kind.gvk.group_kind);
            first(kind.iter().flat_map(|kind| server.list(kind)), Move::Vanish)
        }),
        _ => Some(Move::Vanish),
    }
}

/// Deletes the others first; where there are none left, `last`. None: the others are on their way.
fn first<'s>(others: impl Iterator<Item = &'s Stored>, last: Move) -> Option<Move> {
    let others: Vec<&Stored> = others.collect();
    if others.is_empty() {
        return Some(last);
    }
    let staying = keys(others.into_iter().filter(|other| !object::is_terminating(other)));
    (!staying.is_empty()).then_some(Move::Delete(staying))
}

fn keys<'s>(objects: impl Iterator<Item = &'s Stored>) -> Vec<(ObjectKey, Uid)> {
    objects.map(|object| (object::key(object), object::uid(object))).collect()
}

fn dependants<'s>(server: &'s ApiServer, owner: &Uid) -> impl Iterator<Item = &'s Stored> {
    let owner = owner.clone();
    server.all().filter(move |object| owners(object).any(|uid| uid == owner.as_str()))
}

fn owners(object: &Value) -> impl Iterator<Item = &str> {
    let references = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    references.into_iter().flatten().filter_map(|reference| reference.get("uid")?.as_str())
}

/// The object without this owner.
pub(super) fn without_owner(object: &Value, owner: &Uid) -> Value {
    let mut next = object.clone();
    if let Some(references) = next.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
        references.retain(|reference| object::text(reference, "/uid") != owner.as_str());
    }
    next
}

/// An object is gone: what it owned goes, and what waited for it may go on.
pub(super) fn schedule_dependants(cluster: &Cluster, gone: &Uid, mut schedule: impl FnMut(ObjectKey)) {
    let namespace = GroupKind::new("", "Namespace");
    let (orphans, waiting) = cluster.read(|server| {
        let orphans: Vec<(ObjectKey, Uid)> = keys(dependants(server, gone).filter(|object| {
            let living: Vec<Uid> = server.all().map(|other| object::uid(other)).collect();
            !owners(object).any(|owner| living.iter().any(|uid| uid.as_str() == owner))
        }));
        let waits = |object: &&Stored| {
            object::is_terminating(object)
                && (object::finalizers(object).contains(&delete::FOREGROUND)
                    || object::gvk(object).group_kind == namespace
                    || object::text(object, "/kind") == "CustomResourceDefinition")
        };
        let waiting: Vec<ObjectKey> = server.all().filter(waits).map(|object| object::key(object)).collect();
        (orphans, waiting)
    });
    super::delete_all(cluster, orphans);
    waiting.into_iter().for_each(&mut schedule);
}
