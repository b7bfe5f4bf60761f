//! What the ledger should do, said a second time and in another way: nothing here is taken
//! from the program but the names of states and events.

use computes::job::{Event, State};

/// A job as the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    pub state: State,
    pub attempt: u32,
    pub interruptions: u32,
    pub losses: u32,
    pub cancel_wanted: bool,
    /// Rows of its history.
    pub events: usize,
    pub open_attempts: usize,
}

/// What a step should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Done,
    Stale,
    Illegal,
}

/// Where an event leads from where: one line an event.
fn follows(event: Event, from: State) -> Option<State> {
    use State::{
        Accepted, Blocked, Cancelled, Failed, Lost, Queued, Running, Starting, Submitting,
        Succeeded,
    };
    let (sources, to): (&[State], State) = match event {
        Event::HandOver => (&[Accepted], Submitting),
        Event::HandedOver => (&[Accepted, Submitting], Queued),
        Event::NotHandedOver => (&[Submitting], Accepted),
        Event::Claimed => (&[Queued], Starting),
        Event::Started => (&[Queued, Starting], Running),
        Event::Succeeded => (&[Queued, Starting, Running], Succeeded),
        Event::Failed => (&[Accepted, Submitting, Queued, Starting, Running, Blocked], Failed),
        Event::Retried | Event::Interrupted | Event::WorkerLost => (&[Starting, Running], Queued),
        Event::CancelRequested if matches!(from, Submitting | Starting | Running) => {
            (&[from], from)
        }
        Event::CancelRequested => (&[Accepted, Queued, Blocked], Cancelled),
        Event::CancelPassedOn | Event::Superseded => {
            return matches!(from, Queued | Starting | Running).then_some(from);
        }
        Event::Cancelled => {
            (&[Accepted, Submitting, Queued, Starting, Running, Blocked], Cancelled)
        }
        Event::Blocked => (&[Accepted, Submitting, Queued, Starting, Running], Blocked),
        Event::Released => (&[Blocked], Accepted),
        Event::Vanished => (&[Submitting, Queued, Starting, Running], Lost),
    };
    sources.contains(&from).then_some(to)
}

fn is_over(state: State) -> bool {
    [State::Succeeded, State::Failed, State::Cancelled, State::Lost].contains(&state)
}

fn is_held(state: State) -> bool {
    [State::Starting, State::Running].contains(&state)
}

impl Model {
    /// A job of the local engine that was just accepted.
    pub fn accepted_queued() -> Self {
        Self {
            state: State::Queued,
            attempt: 0,
            interruptions: 0,
            losses: 0,
            cancel_wanted: false,
            events: 1,
            open_attempts: 0,
        }
    }

    pub fn is_over(&self) -> bool {
        is_over(self.state)
    }

    pub fn is_held(&self) -> bool {
        is_held(self.state)
    }

    /// Somebody who believes that the job is in this state and attempt says what happened.
    pub fn step(&mut self, believed: (State, u32), event: Event) -> Expected {
        let puts_back = [
            Event::NotHandedOver,
            Event::Retried,
            Event::Interrupted,
            Event::WorkerLost,
            Event::Released,
        ];
        let event =
            if self.cancel_wanted && puts_back.contains(&event) { Event::Cancelled } else { event };
        let Some(to) = follows(event, believed.0) else { return Expected::Illegal };
        if believed != (self.state, self.attempt) {
            return Expected::Stale;
        }
        let begins = !is_held(self.state) && (is_held(to) || event == Event::Succeeded);
        if begins {
            self.attempt += 1;
        }
        self.open_attempts = usize::from(is_held(to));
        self.interruptions += u32::from(event == Event::Interrupted);
        self.losses += u32::from(event == Event::WorkerLost);
        self.cancel_wanted |= matches!(event, Event::CancelRequested | Event::CancelPassedOn);
        self.events += 1;
        self.state = to;
        Expected::Done
    }

    pub fn standing(&self) -> (State, u32) {
        (self.state, self.attempt)
    }
}
