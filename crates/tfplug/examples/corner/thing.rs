//! `corner_thing`: every kind of attribute.

use std::collections::{BTreeMap, BTreeSet};

use tfplug::prelude::*;

use crate::store::Store;

/// An object with every kind of attribute.
#[derive(Clone, Debug, tfplug::Model)]
#[resource("corner_thing", version = 1, identity(name))]
pub struct Thing<S: Stage> {
    /// Its name.
    #[attr(required, replace = "a thing is not renamed", check = lower_case)]
    pub name: S::Input<String>,

    /// Text that may be null or empty, which are two things.
    pub text: S::Input<Option<String>>,
    /// True, false or null.
    pub flag: S::Input<Option<bool>>,
    /// 64 bits with a sign.
    pub signed: S::Input<Option<i64>>,
    /// 64 bits without a sign.
    pub unsigned: S::Input<Option<u64>>,
    /// A double.
    pub ratio: S::Input<Option<f64>>,
    /// Any number.
    pub number: S::Input<Option<Number>>,
    /// JSON, whose layout means nothing.
    pub json: S::Input<Option<Json>>,
    /// A span of time, of which `60s` and `1m` are two forms.
    pub span: S::Input<Option<Span>>,
    /// Anything.
    pub anything: S::Input<Option<Dynamic>>,

    /// A list, which may hold nulls.
    pub texts: S::Input<Option<Vec<Option<String>>>>,
    /// A set.
    pub ports: S::Input<Option<BTreeSet<u16>>>,
    /// A map.
    pub labels: S::Input<Option<BTreeMap<String, String>>>,
    /// Lists in a list.
    pub matrix: S::Input<Option<Vec<Vec<Number>>>>,
    /// Objects without a schema of their own: lists of them in a map.
    pub grouped: S::Input<Option<BTreeMap<String, Vec<Part>>>>,

    /// One nested object.
    pub single: S::Input<Option<Part>>,
    /// A list of nested objects.
    pub list: S::Input<Option<Vec<Part>>>,
    /// A set of nested objects.
    pub set: S::Input<Option<Set<Plain>>>,
    /// A set of nested objects of which the provider sets a part.
    pub members: S::Input<Option<Set<Member>>>,
    /// A map of nested objects.
    pub map: S::Input<Option<BTreeMap<String, Part>>>,

    /// A block.
    #[block]
    pub origin: S::Input<Option<Plain>>,
    /// Blocks in order.
    #[block(max = 3)]
    pub step: S::Input<Vec<Step>>,
    /// Blocks without order.
    #[block]
    pub rule: S::Input<Set<Plain>>,

    /// The color, red unless the user wants another.
    #[attr(default = "red")]
    pub color: S::Input<String>,
    /// The owner: chosen by the provider where the user names none.
    #[attr(optional, computed, keep)]
    pub owner: S::Either<String>,
    /// Tags: chosen by the provider where the user gives none, anew on each change.
    pub tags: S::Either<Vec<String>>,

    /// Seen in no output, but kept in the state.
    pub password: S::Input<Option<Secret>>,
    /// Kept nowhere.
    #[attr(write_only, version = token_wo_version)]
    pub token_wo: S::WriteOnly<Option<Secret>>,
    /// Raise it to send `token_wo` again.
    pub token_wo_version: S::Input<Option<i64>>,
    /// How long the token was that the thing got last, to show that it got there.
    #[attr(computed)]
    pub token_length: S::Output<Option<u64>>,

    /// Made once.
    #[attr(computed, keep)]
    pub id: S::Output<String>,
    /// Counts the changes.
    pub revision: S::Output<i64>,
    /// How it is.
    pub status: S::Output<Status>,

    /// What is to go wrong: `fail`, `fail_and_recreate`, `panic`, `wait`, `break_promise`, `fail_delete`.
    pub behaviour: S::Input<Option<String>>,
    /// How long operations may take.
    pub timeouts: S::Input<Option<Timeouts>>,
}

/// A nested object with everything that one may hold.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Part {
    /// Required within.
    #[attr(check = lower_case)]
    pub name: String,
    /// Optional within.
    pub size: Option<Number>,
    /// With a default within.
    #[attr(default = 3)]
    pub weight: i64,
    /// A list within.
    pub items: Option<Vec<String>>,
    /// An object within.
    pub inner: Option<Plain>,
    /// Set by the provider, within.
    #[attr(computed)]
    pub serial: Option<String>,
    /// Set by the user or else the provider, within.
    #[attr(optional, computed, keep)]
    pub nick: Option<String>,
    /// Written only, within.
    #[attr(write_only)]
    pub secret_wo: Option<Secret>,
}

/// A nested object that may be in a set.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Plain {
    /// Required within.
    pub name: String,
    /// Optional within.
    pub value: Option<f64>,
    /// With a default within.
    #[attr(default = "none")]
    pub note: String,
}

/// A nested object of a set, of which the provider sets a part.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Set by the provider, once.
    #[attr(computed, keep)]
    pub number: Option<u64>,
    /// Set by the provider, anew on each change.
    #[attr(computed)]
    pub seen: Option<i64>,
}

/// A block with a block in it.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Step {
    /// What is run.
    pub command: String,
    /// With what.
    #[block]
    pub argument: Vec<Argument>,
}

/// An argument of a step.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Argument {
    /// The argument.
    pub value: String,
    /// Anything.
    #[attr(deprecated = "It means nothing.")]
    pub old: Option<bool>,
}

/// How a thing is.
#[derive(Clone, Debug, PartialEq, tfplug::Model)]
#[nested]
pub struct Status {
    /// In a word.
    pub phase: String,
    /// In detail.
    pub conditions: Vec<Plain>,
}

fn lower_case(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_uppercase) { Err(format!("`{text}` has capitals")) } else { Ok(()) }
}

/// The resource.
pub struct Things;

impl Things {
    /// The thing as it is to be, written to its file.
    async fn write(
        &self,
        context: &Context<Store>,
        planned: Thing<Applying>,
        id: String,
        revision: i64,
    ) -> Outcome<Thing<Stored>> {
        let store = context.client()?;
        let behaviour = planned.behaviour.clone().unwrap_or_default();
        let partial = planned.partial();
        let token_length = planned.token_wo.as_ref().map(|token| token.expose().len() as u64);
        let name = planned.name.clone();
        let owner = planned.owner.clone().unwrap_or_else(|| format!("owner-of-{name}"));
        let tags = planned.tags.clone().unwrap_or_else(|| vec![format!("revision-{revision}")]);
        let conditions =
            vec![Plain { name: "Ready".to_owned(), value: Some(0.1), note: "as it should be".to_owned() }];
        let status = Status { phase: "Ready".to_owned(), conditions };
        let mut planned = planned;
        let planned_members = planned.members.is_some();
        let lists = planned.list.iter_mut().flatten().chain(planned.single.iter_mut());
        for part in lists.chain(planned.map.iter_mut().flat_map(|parts| parts.values_mut())) {
            part.serial = Some(format!("{}-{revision}", part.name));
            part.nick.get_or_insert_with(|| format!("nick-{revision}"));
        }
        let members = planned.members.take().into_iter().flatten().map(|member| Member {
            number: member.number.or(Some(member.name.len() as u64)),
            seen: Some(revision),
            ..member
        });
        planned.members = planned_members.then(|| members.collect());
        let mut thing =
            planned.store(ThingComputed { owner, tags, token_length, id: id.clone(), revision, status });
        if behaviour == "break_promise" {
            "another".clone_into(&mut thing.color);
        }
        store.write("thing", &name, &thing)?;
        let exists = Thing { id: Some(id), ..partial };
        let if_it_fails =
            if behaviour == "fail_and_recreate" { IfItFails::Recreate } else { IfItFails::Finish };
        context.exists(&exists, if_it_fails);
        // A thing that is finished by a second attempt is not kept from it.
        if !context.is_unfinished() {
            match behaviour.as_str() {
                "fail" | "fail_and_recreate" => {
                    return Err(Diagnostic::error("The thing is not ready")
                        .detail("It was told to fail.")
                        .at("behaviour")
                        .into());
                }
                "panic" => panic!("told to panic"),
                "wait" => {
                    // A named pipe: whoever reads it knows that the thing is waiting.
                    std::fs::write(store.pipe()?, "")?;
                    context.interruptible(std::future::pending::<()>()).await?;
                }
                _ => {}
            }
        }
        context.remember("applied", &revision)?;
        Ok(thing)
    }
}

impl Resource for Things {
    type Model = Thing<Stored>;
    type Client = Store;

    fn validate(&self, config: &Thing<Config>, problems: &mut Diagnostics) {
        if let (Some(Some(_)), Some(None)) = (config.token_wo.known(), config.token_wo_version.known()) {
            problems.error(
                "token_wo_version",
                "A token needs a version",
                "Set `token_wo_version` beside `token_wo`.",
            );
        }
    }

    async fn plan(&self, context: &Context<Store>, plan: &mut Plan<Self::Model>) -> Result<(), Diagnostics> {
        if let (true, Some(name)) = (plan.is_create(), plan.planned.name.known()) {
            context.remember("name", name)?;
        }
        // What can be told before apply is told.
        if let (true, Maybe::Known(revision)) = (
            plan.surely_changes(),
            plan.prior.as_ref().map_or(Maybe::unknown(), |prior| prior.revision.unwrap_or(0).into()),
        ) {
            plan.planned.revision = Maybe::Known(revision + 1);
        }
        if plan.planned.color.known().is_some_and(|color| color == "black") && !plan.is_create() {
            plan.replace("color", "what is to be black is made anew");
        }
        Ok(())
    }

    async fn plan_destroy(&self, context: &Context<Store>, prior: Thing<Partial>) -> Result<(), Diagnostics> {
        context.warn(Diagnostic::warning(format!("{} will be gone", prior.name)));
        Ok(())
    }

    async fn create(&self, context: &Context<Store>, planned: Thing<Applying>) -> Outcome<Self::Model> {
        // Different each time, so that a test sees whether a thing was made anew.
        let id = format!("{}-{}", planned.name, std::process::id());
        self.write(context, planned, id, 1).await
    }

    async fn read(&self, context: &Context<Store>, prior: Thing<Partial>) -> ReadResult<Self::Model> {
        let store = context.client()?;
        if !store.is_known() {
            return Ok(Live::Unchanged);
        }
        Ok(store.read("thing", &prior.name)?.map_or(Live::Gone, Live::Present))
    }

    async fn update(
        &self,
        context: &Context<Store>,
        prior: Thing<Partial>,
        planned: Thing<Applying>,
    ) -> Outcome<Self::Model> {
        let id = prior.id.ok_or_else(|| Diagnostic::error("The thing has no id"))?;
        let revision = prior.revision.unwrap_or(0) + 1;
        self.write(context, planned, id, revision).await
    }

    async fn delete(&self, context: &Context<Store>, prior: Thing<Partial>) -> Result<(), Diagnostics> {
        if prior.behaviour.as_deref() == Some("fail_delete") {
            return Err(Diagnostic::error("The thing stays").into());
        }
        if context.is_replaced() {
            let applied: i64 = context.recall("applied").unwrap_or_default();
            let successor: String = context.recall_of_successor("name").unwrap_or_default();
            let told = format!("{} of revision {applied} makes room for {successor}", prior.name);
            context.warn(Diagnostic::warning(told));
        }
        context.client()?.remove("thing", &prior.name)
    }

    async fn import(&self, context: &Context<Store>, import: &Import) -> Outcome<Self::Model> {
        let name: String = import.get("name")?;
        let found = context.client()?.read("thing", &name)?;
        Ok(found.ok_or_else(|| Diagnostic::error(format!("There is no thing `{name}`")))?)
    }

    /// Version 0 had a `title` where version 1 has a `text`.
    fn upgrade(
        &self,
        _version: i64,
        mut state: tfplug::value::Value,
    ) -> Result<tfplug::value::Value, Diagnostics> {
        if let Some(entries) = state.entries_mut()
            && let Some(title) = entries.remove("title")
        {
            entries.insert("text".to_owned(), title);
        }
        Ok(state)
    }
}
