//! The thread that starts commands.
//!
//! Until a command has been executed the thread that starts it stands still (`CLONE_VFORK`),
//! so it is not the thread that keeps the books. It lives as long as the worker: the kernel
//! kills what a thread started when the thread ends.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use tokio::runtime::Handle;
use tokio::sync::mpsc as channel;
use tokio::task::JoinHandle;

use crate::engine::local::freight;
use crate::engine::local::launch::{Launch, LaunchError, Launcher};
use crate::engine::local::output::Output;
use crate::engine::local::secrets;
use crate::job::{DEFAULT_PATH, JobId, Secrets};
use crate::ledger::{Holder, StateDir};
use crate::plan::Plan;

/// A command that is to be started.
pub struct Order {
    pub holder: Holder,
    pub id: JobId,
    pub plan: Arc<Plan>,
    pub directory: PathBuf,
    pub gpus: Vec<u32>,
    /// What the command reads.
    pub stdin: Option<File>,
}

/// What became of an order: a process, or an exit code and why there is none.
pub struct Begun {
    pub seq: i64,
    pub result: Result<Started, (i32, String)>,
}

pub struct Started {
    pub pid: u32,
    pub handle: OwnedFd,
    /// Ends when the log is whole.
    pub log: Option<JoinHandle<io::Result<()>>>,
}

/// The worker's end.
pub struct Starter {
    orders: mpsc::Sender<Order>,
    begun: channel::UnboundedReceiver<Begun>,
}

/// The thread's end.
struct Bench {
    dir: StateDir,
    launcher: Launcher,
    mounted: bool,
    runtime: Handle,
}

impl Starter {
    pub fn new(dir: StateDir, mounted: bool) -> io::Result<Self> {
        let mut bench =
            Bench { dir, launcher: Launcher::new(mounted)?, mounted, runtime: Handle::current() };
        let (orders, todo) = mpsc::channel::<Order>();
        let (report, begun) = channel::unbounded_channel();
        std::thread::Builder::new().name("starter".to_owned()).spawn(move || {
            for order in todo {
                let result = bench.start(&order);
                if report.send(Begun { seq: order.holder.seq, result }).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { orders, begun })
    }

    pub fn start(&self, order: Order) {
        // The thread ends only after this sender is gone.
        if self.orders.send(order).is_err() {
            tracing::error!("the thread that starts commands has ended");
        }
    }

    pub async fn begun(&mut self) -> Option<Begun> {
        self.begun.recv().await
    }

    pub fn try_begun(&mut self) -> Option<Begun> {
        self.begun.try_recv().ok()
    }
}

impl Bench {
    fn start(&mut self, order: &Order) -> Result<Started, (i32, String)> {
        // No submit takes one without, and a row of the ledger may be anybody's.
        let command = order.plan.spec.command.as_ref();
        let command = command.ok_or_else(|| (126, "the job has no command".to_owned()))?;
        let cannot =
            |what: &'static str| move |error: io::Error| (126, format!("cannot {what}: {error}"));
        let files = self.files(order);
        if let Some(files) = &files {
            fs::create_dir_all(files).map_err(cannot("make the job's directory"))?;
        }
        let secrets = if order.plan.spec.secrets.is_empty() {
            Secrets::default()
        } else {
            secrets::read(&self.dir, order.id).map_err(cannot("read the job's secrets"))?
        };
        let log = self.dir.log(order.id, order.holder.attempt);
        let output = Output::open(&log, &secrets, &self.runtime).map_err(cannot("make the log"))?;
        let environment = self.environment(order, &secrets);
        let (freight, attempt) = (&order.plan.freight, order.holder.attempt);
        let directory = freight::directory(
            &self.dir,
            freight,
            order.id,
            attempt,
            self.mounted,
            &order.directory,
        );
        let source = freight.source.as_ref().filter(|_| self.mounted);
        let source = source.map(|_| self.dir.source(order.id, attempt));
        let launched = self
            .launcher
            .launch(&Launch {
                words: command.words(),
                environment: &environment,
                directory: &directory,
                files: files.as_deref().filter(|_| self.mounted),
                source: source.as_deref(),
                stdin: order.stdin.as_ref().map(File::as_fd),
                output: output.writer(),
            })
            .map_err(|error: LaunchError| (error.exit_code(), error.to_string()))?;
        Ok(Started { pid: launched.pid, handle: launched.handle, log: output.handed_over() })
    }

    /// The directory that is `/files` in this attempt. Where jobs have one, also those that want
    /// none get their own: that of the room is everybody's.
    fn files(&self, order: &Order) -> Option<PathBuf> {
        freight::files(&self.dir, order.plan.spec.files, order.id, order.holder.attempt)
            .or_else(|| self.mounted.then(|| self.dir.files_of(order.id)))
    }

    /// What the job declared, what Batch sets, and what every container has.
    fn environment(&self, order: &Order, secrets: &Secrets) -> Vec<(String, String)> {
        let mut environment = vec![
            ("PATH".to_owned(), DEFAULT_PATH.to_owned()),
            ("AWS_BATCH_CE_NAME".to_owned(), "local".to_owned()),
            ("AWS_BATCH_JOB_ATTEMPT".to_owned(), order.holder.attempt.to_string()),
            ("AWS_BATCH_JOB_ID".to_owned(), order.id.to_string()),
            ("AWS_BATCH_JQ_NAME".to_owned(), order.plan.spec.queue.to_string()),
        ];
        if let Ok(home) = std::env::var("HOME") {
            environment.push(("HOME".to_owned(), home));
        }
        if let Some(files) = self.files(order).filter(|_| !self.mounted) {
            let files = files.to_string_lossy().into_owned();
            environment.push(("COMPUTES_FILES".to_owned(), files));
        }
        if !order.gpus.is_empty() {
            let gpus: Vec<_> = order.gpus.iter().map(u32::to_string).collect();
            environment.push(("CUDA_VISIBLE_DEVICES".to_owned(), gpus.join(",")));
        }
        let declared = order.plan.spec.environment.iter();
        let declared = declared.map(|(name, value)| (name.to_string(), value.clone()));
        let secret =
            secrets.iter().map(|(name, secret)| (name.to_string(), secret.expose().to_owned()));
        for (name, value) in declared.chain(secret) {
            environment.retain(|(known, _)| *known != name);
            environment.push((name, value));
        }
        environment
    }
}
