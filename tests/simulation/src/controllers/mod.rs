//! The controllers of a simulated cluster.
//!
//! ```text
//! something was touched ─► after a random while ─► the object's next move ─► written ─► touched …
//! ```
//! Each object moves on by itself until it has settled: Deployments come up or exceed their deadline, Jobs
//! complete or fail, definitions are established, what has lost its owner goes. How an object ends up
//! stands in its annotation [`BEHAVIOUR`], which Git may change.

mod collector;
mod workloads;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bridgehead_api::application::PropagationPolicy;
use bridgehead_api::{ObjectKey, Uid};
use jiff::SignedDuration;
use serde_json::Value;

use crate::api_server::audit::Actor;
use crate::api_server::{Request, object};
use crate::cluster::Cluster;
use crate::executor::Process;
use crate::random::Random;

/// How an object ends up: `works`, `fails`, `slow`, `late` (fails first, works in the end) or, for what is
/// created anew each time, `fails-once`.
pub const BEHAVIOUR: &str = "simulation.example.com/behaviour";
/// A finalizer that somebody takes off after a while.
pub const SLOW_FINALIZER: &str = "simulation.example.com/slow";

/// An object's next move.
enum Move {
    /// Its status becomes this.
    Status(Value),
    /// It loses this finalizer.
    Release(&'static str),
    /// It goes for good.
    Vanish,
    /// Others have to be deleted first.
    Delete(Vec<(ObjectKey, Uid)>),
    /// Others no longer name it as their owner.
    Disown(Vec<ObjectKey>, Uid),
    /// It needs an object of its own.
    Create(Value),
    /// Its kind is served, and its status says so.
    Establish(Value),
}

/// What controllers remember.
#[derive(Default)]
struct Memory {
    /// Objects of a name that were seen to be created, by UID.
    lives: BTreeMap<ObjectKey, Vec<Uid>>,
    /// Objects whose next move is due.
    scheduled: BTreeSet<ObjectKey>,
}

/// Runs the controllers for ever.
pub async fn run(cluster: Rc<Cluster>, process: Process, random: Random) {
    let memory = Rc::new(RefCell::new(Memory::default()));
    let mut seen = 0;
    loop {
        let touched = cluster
            .when(|server| {
                let new = server.journal().get(seen..).filter(|new| !new.is_empty())?;
                Some(new.to_vec())
            })
            .await;
        seen += touched.len();
        for (key, uid) in touched {
            let gone = cluster.get(&key).is_none_or(|object| object::uid(&object) != uid);
            if gone {
                collector::schedule_dependants(&cluster, &uid, |key| {
                    schedule(&cluster, process, &random, &memory, key);
                });
            } else {
                let mut memory = memory.borrow_mut();
                let lives = memory.lives.entry(key.clone()).or_default();
                if !lives.contains(&uid) {
                    lives.push(uid);
                }
            }
            schedule(&cluster, process, &random, &memory, key);
        }
    }
}

fn schedule(
    cluster: &Rc<Cluster>,
    process: Process,
    random: &Random,
    memory: &Rc<RefCell<Memory>>,
    key: ObjectKey,
) {
    let Some(object) = cluster.get(&key) else { return };
    if !memory.borrow_mut().scheduled.insert(key.clone()) {
        return;
    }
    let pause = pause_of(&object, random);
    let (inner, memory, random) = (Rc::clone(cluster), Rc::clone(memory), random.clone());
    cluster.executor.spawn(process, async move {
        inner.executor.sleep(pause).await;
        memory.borrow_mut().scheduled.remove(&key);
        let Some(object) = inner.get(&key) else { return };
        let next = next_move(&inner, &memory.borrow(), &object);
        let Some(next) = next else { return };
        let touches_others = matches!(next, Move::Create(_) | Move::Disown(..));
        carry_out(&inner, &object, next);
        if touches_others {
            schedule(&inner, process, &random, &memory, key);
        }
    });
}

fn pause_of(object: &Value, random: &Random) -> SignedDuration {
    match object::annotation(object, BEHAVIOUR) {
        Some("slow" | "late") => random.milliseconds(5_000, 60_000),
        _ => random.milliseconds(10, 3_000),
    }
}

fn next_move(cluster: &Cluster, memory: &Memory, object: &Value) -> Option<Move> {
    if object::is_terminating(object) {
        return collector::next_move(cluster, object);
    }
    let lives = memory.lives.get(&object::key(object)).map_or(0, Vec::len);
    cluster.read(|server| workloads::next_move(server, object, lives))
}

fn carry_out(cluster: &Cluster, object: &Value, next: Move) {
    let key = object::key(object);
    let send = |actor: &'static str, request: Request| {
        // Whatever is refused is tried again when the object is touched again.
        let _ = cluster.handle(Actor::Controller(actor), request);
    };
    let with_status = |status: Value| {
        let mut next = object.clone();
        next["status"] = status;
        Request::Update { object: next, status: true, dry_run: false }
    };
    match next {
        Move::Status(status) => send("kubelet", with_status(status)),
        Move::Establish(status) => {
            cluster.change(|server| server.establish(object));
            send("apiextensions", with_status(status));
        }
        Move::Release(finalizer) => {
            let mut next = object.clone();
            let kept = object::finalizers(object).into_iter().filter(|held| *held != finalizer);
            let kept = kept.map(str::to_owned).collect();
            object::set_finalizers(&mut next, kept);
            send("collector", Request::Update { object: next, status: false, dry_run: false });
        }
        Move::Vanish => cluster.change(|server| server.vanish(Actor::Controller("collector"), &key)),
        Move::Delete(others) => delete_all(cluster, others),
        Move::Disown(others, owner) => {
            for key in others {
                let Some(other) = cluster.get(&key) else { continue };
                let next = collector::without_owner(&other, &owner);
                send("collector", Request::Update { object: next, status: false, dry_run: false });
            }
        }
        Move::Create(object) => send("deployment", Request::Create { object, dry_run: false }),
    }
}

fn delete_all(cluster: &Cluster, objects: Vec<(ObjectKey, Uid)>) {
    for (key, uid) in objects {
        let Some(object) = cluster.get(&key) else { continue };
        let request = Request::Delete {
            kind: object::gvk(&object),
            key,
            uid: Some(uid),
            resource_version: None,
            propagation: PropagationPolicy::Background,
        };
        let _ = cluster.handle(Actor::Controller("collector"), request);
    }
}
