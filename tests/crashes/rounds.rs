//! Rounds of processes over one file after another: started, killed, recovered.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::checks::RecordChecker;
use crate::steps::{Step, When, after, every, times};
use crate::summary::Summary;
use crate::victim::{VictimArgs, VictimRole};

/// The name of the variable with the orders of a process.
pub const ORDERS: &str = "GATE_TEST_CRASHES";

/// The number of rounds over one file.
const ROUNDS: u64 = 16;

/// The time that a process may take to end. A lease, and a wait for one, are shorter.
const PATIENCE: Duration = Duration::from_mins(2);

/// The time by which the clock is advanced, so that the leases of dead processes end.
const LEASE: Duration = Duration::from_secs(31);

/// The approximate lifetime of a process that is not killed, in microseconds.
const LIFE: u64 = 120_000;

/// The number of times that a step is retried if no process reached it.
const TRIES: u32 = 30;

/// The remaining work, shared by all workers.
pub struct KillPlan {
    wanted: usize,
    steps: Mutex<VecDeque<(When, &'static str, u32)>>,
    pub summary: Mutex<Summary>,
}

impl KillPlan {
    pub fn new(wanted: usize) -> Self {
        let mut steps: Vec<_> = every().into_iter().map(|(when, point)| (when, point, 0)).collect();
        SeededRandom::new(7).shuffle(&mut steps);
        Self { wanted, steps: Mutex::new(steps.into()), summary: Mutex::default() }
    }

    /// Returns the next step, and the number of its attempt.
    fn next(&self, random: &mut SeededRandom) -> Option<(Step, u32)> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.is_empty() && self.is_wanted() {
            let mut again: Vec<_> =
                every().into_iter().map(|(when, point)| (when, point, 0)).collect();
            random.shuffle(&mut again);
            steps.extend(again);
        }
        let (when, place, tried) = steps.pop_front()?;
        let nth = if tried == 0 { 1 + random.below(times(place)) as u32 } else { 1 };
        let micros = 10 << random.below(9);
        Some((
            Step { when, place: place.to_owned(), nth, micros: micros + random.below(micros) },
            tried,
        ))
    }

    fn again(&self, step: &Step, tried: u32) {
        let point = every()
            .into_iter()
            .find(|(when, place)| (*when, *place) == (step.when, step.place.as_str()));
        if let Some((when, place)) = point
            && tried < TRIES
        {
            self.steps.lock().unwrap_or_else(PoisonError::into_inner).push_back((
                when,
                place,
                tried + 1,
            ));
        }
    }

    fn is_wanted(&self) -> bool {
        self.note(|summary| summary.kills() < self.wanted)
    }

    fn has_more(&self) -> bool {
        self.is_wanted() || !self.steps.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn note<T>(&self, note: impl FnOnce(&mut Summary) -> T) -> T {
        note(&mut self.summary.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs one file after the other, until no work is left.
    pub fn work(&self, seed: u64) {
        let mut random = SeededRandom::new(seed);
        while self.has_more() && self.note(|summary| summary.wrong.is_empty()) {
            let mut life = KillRound::new();
            while life.round < ROUNDS && self.has_more() && life.watched.wrong.is_empty() {
                life.play(self, &mut random);
            }
            life.end(self);
        }
    }
}

/// One file, from the first process that opens it to the last.
struct KillRound {
    folder: tempfile::TempDir,
    round: u64,
    ahead: Duration,
    watched: RecordChecker,
    runtime: tokio::runtime::Runtime,
}

impl KillRound {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { folder, round: 0, ahead: Duration::ZERO, watched: RecordChecker::default(), runtime }
    }

    /// Runs one or two processes. One of them dies at a step, or both at a random instant.
    fn play(&mut self, plan: &KillPlan, random: &mut SeededRandom) {
        if self.round % 4 == 3 {
            self.kill_two(plan, random);
        } else if let Some((step, tried)) = plan.next(random) {
            if let Some(point) = after(&step.place) {
                let when = [When::Before, When::After][random.below(2) as usize];
                self.kill_at(
                    plan,
                    &Step { when, place: point.to_owned(), nth: 1, micros: 0 },
                    None,
                );
                self.look(plan);
                self.ahead += LEASE;
                self.round += 1;
            }
            let other = (random.below(4) == 0).then(|| random.part());
            if !self.kill_at(plan, &step, other) {
                plan.again(&step, tried);
            }
        }
        self.look(plan);
        // Sometimes the next one starts while the leases of the dead processes still hold.
        if random.below(4) != 0 {
            self.ahead += LEASE;
        }
        self.round += 1;
    }

    /// Kills two processes from outside, at random instants.
    fn kill_two(&mut self, plan: &KillPlan, random: &mut SeededRandom) {
        let other = random.part();
        let first =
            if other == VictimRole::Reviewer { VictimRole::Agent } else { VictimRole::Both };
        let mut two = [self.process(first, None), self.process(other, None)];
        std::thread::sleep(Duration::from_micros(random.below(LIFE)));
        for process in &mut two {
            let end = kill(process);
            self.count(plan, end, None);
        }
    }

    /// Runs a process that dies at a step, perhaps beside another one, which is killed then.
    /// Returns whether it reached the step.
    fn kill_at(&mut self, plan: &KillPlan, step: &Step, other: Option<VictimRole>) -> bool {
        let mut victim = self.process(VictimRole::Both, Some(step.clone()));
        let mut other = other.map(|part| self.process(part, None));
        let ended = self.wait(&mut victim);
        if let Some(other) = &mut other {
            let end = kill(other);
            self.count(plan, end, None);
        }
        self.count(plan, ended, Some(step));
        ended.signal().is_some()
    }

    fn look(&mut self, plan: &KillPlan) {
        self.runtime.block_on(self.watched.check(self.folder.path()));
        plan.note(|summary| summary.rounds += 1);
    }

    /// Runs a process that is not killed and finishes everything.
    fn end(mut self, plan: &KillPlan) {
        self.ahead += LEASE;
        if self.watched.wrong.is_empty() {
            let mut last = self.process(VictimRole::Last, None);
            let end = self.wait(&mut last);
            self.count(plan, end, None);
            self.runtime.block_on(self.watched.check_end(self.folder.path()));
        }
        let Self { folder, mut watched, .. } = self;
        if !watched.wrong.is_empty() {
            watched.wrong.push(format!("the files are in {}", folder.keep().display()));
        }
        plan.note(|summary| summary.add(&watched));
    }

    fn process(&self, part: VictimRole, step: Option<Step>) -> Child {
        let folder = self.folder.path().to_owned();
        let orders = VictimArgs { folder, round: self.round, part, ahead: self.ahead, step };
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_process_that_is_killed", "--nocapture", "--test-threads=1"]);
        command.env(ORDERS, serde_json::to_string(&orders).unwrap());
        let errors = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("errors"))
            .unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap()
    }

    fn count(&mut self, plan: &KillPlan, end: ExitStatus, step: Option<&Step>) {
        plan.note(|summary| summary.count(end.signal().is_some(), step));
        if end.signal() != Some(9) && !end.success() {
            let errors =
                std::fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default();
            self.watched.wrong.push(format!("a process ended with {end}: {errors}"));
        }
    }

    /// Waits until a process ends, which it must.
    fn wait(&mut self, process: &mut Child) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(ended) = process.try_wait().unwrap() {
                return ended;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        self.watched.wrong.push("a process hangs".to_owned());
        kill(process)
    }
}

fn kill(process: &mut Child) -> ExitStatus {
    process.kill().unwrap();
    process.wait().unwrap()
}

/// Pseudo-random numbers.
pub struct SeededRandom(u64);

impl SeededRandom {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Returns the role of a second process.
    fn part(&mut self) -> VictimRole {
        [VictimRole::Both, VictimRole::Reviewer][self.below(2) as usize]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index as u64 + 1) as usize);
        }
    }
}
