//! Running effects: from the machine's decisions to requests.
//!
//! An object that is absent from a synced cache is created by POST; one that turns out to exist is read,
//! looked at and patched. Whatever the API server answers with goes into the cache, so that what follows
//! sees our own writes. Nothing here decides what should be written.

use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{GroupKind, GroupVersionKind, ObjectKey, annotations};
use bridgehead_engine::diff::{PatchBody, last_applied_annotation, three_way_patch};
use bridgehead_engine::manifest::{Desired, Live, Manifest};
use bridgehead_engine::sync::{
    ApplyEffect, DeleteEffect, DeleteReason, Done, Effect, Failure, FinalizerEffect, Outcome, Strategy,
};
use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::clusters::ClusterHandle;
use super::secrets;
use super::world::{Call, CallError, CallErrorKind, Cluster, Patch, Reply, World};

/// Tries of one request whose answer did not come.
const TRIES: u32 = 4;

/// Runs effects side by side; the cluster bounds how many requests are under way.
pub(super) async fn execute<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effects: Vec<Effect>,
) -> Vec<Outcome> {
    join_all(effects.into_iter().map(|effect| async move {
        let result = match &effect {
            Effect::Apply(apply) => apply_effect(world, cluster, apply).await,
            Effect::Delete(delete) => delete_effect(world, cluster, delete).await,
            Effect::RemoveFinalizer(finalizer) => finalizer_effect(world, cluster, finalizer).await,
        };
        Outcome { effect, result }
    }))
    .await
}

async fn apply_effect<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
) -> Result<Done, Failure> {
    let name = kubectl_name(&effect.desired);
    if let Some(message) = secrets::undecodable(&effect.desired) {
        return Err(Failure::Refused { message });
    }
    let written = match (effect.choice.strategy, &effect.live) {
        (Strategy::ServerSide, _) => server_side(world, cluster, effect).await,
        (_, None) => create(world, cluster, effect).await,
        (Strategy::ClientSide, Some(live)) => patch(world, cluster, effect, live).await,
        (Strategy::Replace, Some(live)) => replace(world, cluster, effect, live).await,
    };
    let written = match written {
        Err(error) if effect.choice.force && error.kind == CallErrorKind::Invalid => {
            recreate(world, cluster, effect).await
        }
        written => written,
    };
    let written = match written {
        Err(error) if effect.hook && error.kind == CallErrorKind::Unreachable => {
            was_created(world, cluster, effect).await.ok_or(error)
        }
        written => written,
    };
    match written {
        Ok(verb) => {
            if is_definition(&effect.desired.key.group_kind) && !effect.dry_run {
                await_served(world, cluster, &effect.desired).await?;
            }
            Ok(Done::Applied { message: format!("{name} {verb}") })
        }
        Err(error) if error.kind == CallErrorKind::Conflict || error.kind == CallErrorKind::NotFound => {
            refresh(world, cluster, &effect.desired).await;
            Err(Failure::Stale)
        }
        Err(error) => Err(refused_write(&effect.desired, &error)),
    }
}

/// POST. An object of that name that is there already is read and brought to the desired state instead; a
/// hook of the same attempt is taken as it is, since an earlier answer may have been lost.
async fn create<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
) -> Result<&'static str, CallError> {
    let mut object = effect.desired.manifest.clone();
    if effect.choice.strategy == Strategy::ClientSide && !effect.hook {
        object.set_annotation(annotations::LAST_APPLIED, last_applied_annotation(&effect.desired));
    }
    let call = Call::Create { object, strict: effect.choice.validate, dry_run: effect.dry_run };
    match send(world, cluster, call).await {
        Ok(reply) => {
            if !effect.dry_run {
                cluster.note(reply);
            }
            Ok("created")
        }
        Err(error) if error.kind == CallErrorKind::AlreadyExists => {
            let Some(live) = read_desired(world, cluster, &effect.desired).await? else {
                return Err(CallError { kind: CallErrorKind::Conflict, message: error.message });
            };
            if effect.hook && same_attempt(&live.manifest, &effect.desired.manifest) {
                return Ok("created");
            }
            match effect.choice.strategy {
                Strategy::Replace => replace(world, cluster, effect, &live).await,
                _ => patch(world, cluster, effect, &live).await,
            }
        }
        Err(error) => Err(error),
    }
}

/// Looks for a hook whose creation was not answered: one that is there is waited for, and never made twice.
async fn was_created<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
) -> Option<&'static str> {
    let live = read_desired(world, cluster, &effect.desired).await.ok()??;
    same_attempt(&live.manifest, &effect.desired.manifest).then_some("created")
}

/// The three-way patch that `kubectl apply` would send.
async fn patch<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
    live: &Live,
) -> Result<&'static str, CallError> {
    let Some(body) = three_way_patch(&effect.desired, live) else { return Ok("unchanged") };
    let patch = match body {
        PatchBody::StrategicMerge(body) => Patch::StrategicMerge(body),
        PatchBody::Merge(body) => Patch::Merge(body),
    };
    send_patch(world, cluster, effect, patch).await?;
    Ok("configured")
}

async fn server_side<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
) -> Result<&'static str, CallError> {
    send_patch(world, cluster, effect, Patch::Apply(effect.desired.manifest.value().clone())).await?;
    Ok("serverside-applied")
}

async fn send_patch<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
    patch: Patch,
) -> Result<(), CallError> {
    let call = Call::Patch {
        kind: effect.desired.manifest.gvk(),
        key: effect.desired.key.clone(),
        patch,
        strict: effect.choice.validate,
        dry_run: effect.dry_run,
    };
    let reply = send(world, cluster, call).await?;
    if !effect.dry_run {
        cluster.note(reply);
    }
    Ok(())
}

async fn replace<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
    live: &Live,
) -> Result<&'static str, CallError> {
    let mut object = effect.desired.manifest.clone();
    if let Some(metadata) = object.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".into(), json!(live.resource_version));
    }
    let call = Call::Replace { object, strict: effect.choice.validate, dry_run: effect.dry_run };
    let reply = send(world, cluster, call).await?;
    if !effect.dry_run {
        cluster.note(reply);
    }
    Ok("replaced")
}

/// Deletes and creates again: `Force=true`, after the API server said that what is there cannot become what is
/// wanted. Whether what is wanted can be at all is asked first, under a name that nothing has.
async fn recreate<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &ApplyEffect,
) -> Result<&'static str, CallError> {
    if let Some(live) = read_desired(world, cluster, &effect.desired).await? {
        let mut trial = effect.desired.manifest.clone();
        if let Some(metadata) = trial.value_mut().get_mut("metadata").and_then(Value::as_object_mut) {
            let kept: String = live.key.name.chars().take(40).collect();
            let name = format!("{}-{:08x}", kept.trim_end_matches(['-', '.']), world.random() & 0xffff_ffff);
            metadata.insert("name".into(), json!(name));
        }
        let strict = effect.choice.validate;
        send(world, cluster, Call::Create { object: trial, strict, dry_run: true }).await?;
        if effect.dry_run {
            return Ok("replaced");
        }
        let call = Call::Delete {
            kind: effect.desired.manifest.gvk(),
            key: live.key.clone(),
            uid: live.uid.clone(),
            resource_version: None,
            propagation: PropagationPolicy::Background,
        };
        note_deletion(cluster, &live, send(world, cluster, call).await?);
    }
    create(world, cluster, effect).await
}

async fn delete_effect<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &DeleteEffect,
) -> Result<Done, Failure> {
    let live = &effect.live;
    if live.is_terminating() {
        return Ok(Done::Deleted { uid: live.uid.clone() });
    }
    // A prune is only right for the very state that was looked at, and so is a cascade: whoever has taken the
    // object over since then keeps it. A hook only has to be the same object.
    let is_exact = matches!(effect.reason, DeleteReason::Prune | DeleteReason::Cascade);
    let resource_version = is_exact.then(|| live.resource_version.clone());
    let call = Call::Delete {
        kind: live.manifest.gvk(),
        key: live.key.clone(),
        uid: live.uid.clone(),
        resource_version,
        propagation: effect.propagation,
    };
    match send(world, cluster, call).await {
        Ok(reply) => {
            note_deletion(cluster, live, reply);
            Ok(Done::Deleted { uid: live.uid.clone() })
        }
        Err(error) if error.kind == CallErrorKind::NotFound => {
            cluster.note_gone(live);
            Ok(Done::Deleted { uid: live.uid.clone() })
        }
        Err(error) if error.kind == CallErrorKind::Conflict => {
            refresh_live(world, cluster, live).await;
            Err(Failure::Stale)
        }
        Err(error) => Err(refused(&error)),
    }
}

async fn finalizer_effect<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    effect: &FinalizerEffect,
) -> Result<Done, Failure> {
    let Some(patch) = finalizer_patch(&effect.live, &effect.finalizer) else {
        return Ok(Done::FinalizerRemoved);
    };
    let call = Call::Patch {
        kind: effect.live.manifest.gvk(),
        key: effect.live.key.clone(),
        patch: Patch::Json(patch),
        strict: false,
        dry_run: false,
    };
    match send(world, cluster, call).await {
        Ok(Reply::Object(object)) if went_with_its_finalizer(&Live::new(object.clone())) => {
            cluster.note_gone(&effect.live);
            Ok(Done::FinalizerRemoved)
        }
        Ok(reply) => {
            cluster.note(reply);
            Ok(Done::FinalizerRemoved)
        }
        Err(error) if error.kind == CallErrorKind::NotFound => {
            cluster.note_gone(&effect.live);
            Ok(Done::FinalizerRemoved)
        }
        Err(error) if error.kind == CallErrorKind::Conflict => {
            refresh_live(world, cluster, &effect.live).await;
            Err(Failure::Stale)
        }
        Err(error) => Err(refused(&error)),
    }
}

/// True for an object that was being deleted and whose last finalizer came off. One that is given time to end,
/// as Pods are, stays for that time.
fn went_with_its_finalizer(live: &Live) -> bool {
    let grace = live.manifest.value().pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
    live.is_terminating() && live.finalizers().next().is_none() && grace.unwrap_or(0) == 0
}

/// A JSON patch that takes one finalizer off, on condition that the object and its list are as seen.
pub(super) fn finalizer_patch(live: &Live, finalizer: &str) -> Option<Value> {
    let position = live.finalizers().position(|held| held == finalizer)?;
    let path = format!("/metadata/finalizers/{position}");
    Some(json!([
        {"op": "test", "path": "/metadata/uid", "value": live.uid},
        {"op": "test", "path": path, "value": finalizer},
        {"op": "remove", "path": path},
    ]))
}

/// One request, tried again while no answer comes. What it asks for is conditional, so that a try whose
/// answer was lost does no harm when it is repeated.
pub(super) async fn send<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    call: Call,
) -> Result<Reply, CallError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match cluster.cluster.call(call.clone()).await {
            Err(error)
                if tries < TRIES
                    && matches!(error.kind, CallErrorKind::Unreachable | CallErrorKind::Throttled) =>
            {
                let spread = i64::try_from(world.random() % 200).unwrap_or(0);
                let pause = SignedDuration::from_millis(100 * (1 << tries) + spread);
                let until = world.now().saturating_add(pause).unwrap_or(jiff::Timestamp::MAX);
                world.sleep_until(until).await;
            }
            answer => return answer,
        }
    }
}

/// Reads one object and notes it.
pub(super) async fn read<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    kind: GroupVersionKind,
    key: &ObjectKey,
) -> Result<Option<Live>, CallError> {
    let call = Call::Read { kind, key: key.clone() };
    match send(world, cluster, call).await {
        Ok(Reply::Object(object)) => {
            cluster.note(Reply::Object(object.clone()));
            Ok(Some(Live::new(object)))
        }
        Ok(Reply::Gone) => Ok(None),
        Err(error) if error.kind == CallErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn read_desired<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    desired: &Desired,
) -> Result<Option<Live>, CallError> {
    read(world, cluster, desired.manifest.gvk(), &desired.key).await
}

async fn refresh<W: World>(world: &W, cluster: &ClusterHandle<W::Cluster>, desired: &Desired) {
    if let Ok(None) = read_desired(world, cluster, desired).await {
        cluster.note_absent(&desired.key);
    }
}

async fn refresh_live<W: World>(world: &W, cluster: &ClusterHandle<W::Cluster>, live: &Live) {
    let call = Call::Read { kind: live.manifest.gvk(), key: live.key.clone() };
    match send(world, cluster, call).await {
        Ok(Reply::Object(object)) => cluster.note(Reply::Object(object)),
        Ok(Reply::Gone) => cluster.note_gone(live),
        Err(error) if error.kind == CallErrorKind::NotFound => cluster.note_gone(live),
        Err(_) => {}
    }
}

fn note_deletion<C: Cluster>(cluster: &ClusterHandle<C>, live: &Live, reply: Reply) {
    match reply {
        // An answer without a deletion time is the object as it was: it is gone.
        Reply::Object(object) if Live::new(object.clone()).is_terminating() => {
            cluster.note(Reply::Object(object));
        }
        _ => cluster.note_gone(live),
    }
}

/// Objects of a new kind can be sent once the API server serves it.
async fn await_served<W: World>(
    world: &W,
    cluster: &ClusterHandle<W::Cluster>,
    definition: &Desired,
) -> Result<(), Failure> {
    for attempt in 0_i64..10 {
        let established = match read_desired(world, cluster, definition).await {
            Ok(Some(live)) => is_established(&live.manifest),
            Ok(None) => false,
            Err(error) => return Err(refused(&error)),
        };
        if established {
            return cluster.cluster.refresh_kinds().await.map_err(|error| refused(&error));
        }
        let pause = SignedDuration::from_millis(50 << attempt.min(5));
        world.sleep_until(world.now().saturating_add(pause).unwrap_or(jiff::Timestamp::MAX)).await;
    }
    // Its objects will tell if it stays this way.
    Ok(())
}

fn is_established(definition: &Manifest) -> bool {
    let conditions = definition.value().pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some("Established")
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}

fn is_definition(kind: &GroupKind) -> bool {
    kind.is("apiextensions.k8s.io", "CustomResourceDefinition")
}

fn same_attempt(left: &Manifest, right: &Manifest) -> bool {
    left.annotation(annotations::HOOK_ATTEMPT).is_some()
        && left.annotation(annotations::HOOK_ATTEMPT) == right.annotation(annotations::HOOK_ATTEMPT)
}

fn refused(error: &CallError) -> Failure {
    let message = match error.kind {
        CallErrorKind::NamespaceMissing => {
            format!("{}; create it, or set the sync option CreateNamespace=true", error.message)
        }
        _ => error.message.clone(),
    };
    Failure::Refused { message }
}

/// Why a write was refused. What the API server says of a Secret may quote its values, and what is said here
/// can be read by everybody who may read the Application.
fn refused_write(desired: &Desired, error: &CallError) -> Failure {
    match refused(error) {
        Failure::Refused { message } if secrets::is_secret(desired) => {
            Failure::Refused { message: secrets::without_values(&message) }
        }
        failure => failure,
    }
}

fn kubectl_name(desired: &Desired) -> String {
    bridgehead_engine::sync::kubectl_name(&desired.key)
}
