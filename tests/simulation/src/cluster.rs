//! One cluster: its API server, and how others notice that something happened in it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::api_server::audit::{Actor, Audited};
use crate::api_server::{Answer, ApiServer, Request, Stored};
use crate::executor::Executor;

/// Every write in every cluster, in order, each with its cluster's URL.
pub type Audit = Rc<RefCell<Vec<(&'static str, Audited)>>>;

/// An API server with a clock and with listeners.
pub struct Cluster {
    /// The executor that everything runs on.
    pub executor: Executor,
    url: &'static str,
    audit: Audit,
    server: RefCell<ApiServer>,
    listeners: RefCell<Vec<Waker>>,
}

impl Cluster {
    /// An empty cluster.
    pub fn new(url: &'static str, name: &'static str, executor: Executor, audit: Audit) -> Self {
        let server = RefCell::new(ApiServer::new(name, executor.now()));
        Self { executor, url, audit, server, listeners: RefCell::default() }
    }

    /// Server URL.
    pub fn url(&self) -> &'static str {
        self.url
    }

    /// Looks into the API server.
    pub fn read<T>(&self, look: impl FnOnce(&ApiServer) -> T) -> T {
        look(&self.server.borrow())
    }

    /// Does something to the API server, and tells the listeners.
    pub fn change<T>(&self, act: impl FnOnce(&mut ApiServer) -> T) -> T {
        let result = {
            let mut server = self.server.borrow_mut();
            server.set_now(self.executor.now());
            let result = act(&mut server);
            let new = server.take_audit().into_iter().map(|entry| (self.url, entry));
            self.audit.borrow_mut().extend(new);
            result
        };
        self.listeners.take().into_iter().for_each(Waker::wake);
        result
    }

    /// Sends a request.
    pub fn handle(&self, actor: Actor, request: Request) -> Answer {
        self.change(|server| server.handle(actor, request))
    }

    /// An object.
    pub fn get(&self, key: &bridgehead_api::ObjectKey) -> Option<Stored> {
        self.read(|server| server.get(key).cloned())
    }

    /// Returns as soon as `look` finds something, now or after any change.
    pub async fn when<T>(&self, mut look: impl FnMut(&ApiServer) -> Option<T>) -> T {
        poll_fn(|context| match look(&self.server.borrow()) {
            Some(found) => Poll::Ready(found),
            None => {
                let mut listeners = self.listeners.borrow_mut();
                if !listeners.iter().any(|waker| waker.will_wake(context.waker())) {
                    listeners.push(context.waker().clone());
                }
                Poll::Pending
            }
        })
        .await
    }
}
