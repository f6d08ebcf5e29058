//! The agent's lives: started, killed at any moment, started again over what is left.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bridgehead::controller::world::{Event, World as _};
use bridgehead::controller::{Controller, Kept, Settings};

use crate::executor::{Process, Queue};
use crate::random::Random;
use crate::world::{CONTROL_NAMESPACE, OUTSIDE, Shared, SimulatedWorld};

/// Starts and ends the agent.
pub struct Supervisor {
    shared: Rc<Shared>,
    random: Random,
    is_up: Cell<bool>,
    events: RefCell<Option<Queue<Event>>>,
    passes: Cell<u64>,
    controller: RefCell<Option<Rc<Controller<SimulatedWorld>>>>,
}

impl Supervisor {
    /// A supervisor; nothing runs yet. From now on what crashes in the world crashes the agent.
    pub fn new(shared: &Rc<Shared>, random: Random) -> Rc<Self> {
        let supervisor = Rc::new(Self {
            shared: Rc::clone(shared),
            random,
            is_up: Cell::new(false),
            events: RefCell::default(),
            passes: Cell::new(0),
            controller: RefCell::default(),
        });
        let crash = Rc::downgrade(&supervisor);
        *shared.crash.borrow_mut() = Some(Rc::new(move |why: &str| {
            if let Some(supervisor) = crash.upgrade() {
                supervisor.crash(why);
            }
        }));
        supervisor
    }

    fn process(&self) -> Process {
        Process(1 + self.shared.life.get())
    }

    /// Starts the next life.
    pub fn start(self: &Rc<Self>) {
        let life = self.shared.life.get() + 1;
        self.shared.life.set(life);
        self.is_up.set(true);
        self.shared.note(format!("agent#{life} starts"));
        let random = Random::new(self.random.number(), "agent");
        let world = SimulatedWorld::new(Rc::clone(&self.shared), life, self.process(), random);
        *self.events.borrow_mut() = Some(world.events().clone());
        let controller = Rc::new(Controller::new(world, Settings::new(CONTROL_NAMESPACE.into())));
        *self.controller.borrow_mut() = Some(Rc::clone(&controller));
        let supervisor = Rc::clone(self);
        self.shared.executor.spawn(self.process(), async move {
            controller.run().await;
            supervisor.shared.note(format!("agent#{life} ends at {}", controller.world().now()));
            supervisor.ended();
        });
    }

    /// Passes over applications, of all lives.
    pub fn passes(&self) -> u64 {
        let present = self.controller.borrow().as_ref().map_or(0, |now| now.counters().passes.get());
        self.passes.get() + present
    }

    /// How much the present life keeps in memory.
    pub fn kept(&self) -> Kept {
        self.controller.borrow().as_ref().map(|now| now.kept()).unwrap_or_default()
    }

    fn ended(self: &Rc<Self>) {
        self.is_up.set(false);
        self.passes.set(self.passes());
        self.controller.borrow_mut().take();
        self.events.borrow_mut().take();
        let (supervisor, process) = (Rc::clone(self), self.process());
        let pause = self.random.milliseconds(500, 10_000);
        self.shared.executor.spawn(OUTSIDE, async move {
            // Its other tasks go with it; this one belongs to the outside.
            supervisor.shared.executor.kill(process);
            supervisor.shared.executor.sleep(pause).await;
            supervisor.start();
        });
    }

    /// Kills the agent; it comes back after a while.
    pub fn crash(self: &Rc<Self>, why: &str) {
        if !self.is_up.get() {
            return;
        }
        self.shared.note(format!("agent#{} dies {why}", self.shared.life.get()));
        self.shared.executor.kill(self.process());
        self.ended();
    }

    /// Asks the agent to end; it comes back after a while.
    pub fn shut_down(&self) {
        if let Some(events) = &*self.events.borrow() {
            events.push(Event::Shutdown);
        }
    }

    /// Tells the agent of a push, as a webhook would.
    pub fn pushed(&self, repository: &str) {
        if let Some(events) = &*self.events.borrow() {
            events.push(Event::Pushed { repository: repository.to_owned() });
        }
    }
}
