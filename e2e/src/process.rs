use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::reaper;

/// What to run, and how.
///
/// The environment is empty except for `PATH` and what [`Program::env`] adds, so that a run
/// does not depend on who starts it.
#[derive(Clone, Debug)]
pub struct Program {
    /// What messages and the log file call it.
    pub name: String,
    /// The program's file.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its environment.
    pub env: BTreeMap<OsString, OsString>,
}

impl Program {
    /// A program without arguments.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let env = env::var_os("PATH").map(|path| ("PATH".into(), path)).into_iter().collect();
        Self { name: name.into(), path: path.into(), args: Vec::new(), env }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }
}

/// A program that runs, with its output in a file. Dropping it kills it.
///
/// It runs in a process group of its own, so that Ctrl-C in the terminal doesn't reach it, and does
/// not outlive this process, however that ends.
#[derive(Debug)]
pub struct Process {
    program: Program,
    log: PathBuf,
    state: Arc<Mutex<State>>,
}

/// Kills a [`Process`] from elsewhere, for example from within a proxy at a kill point.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Mutex<State>>);

#[derive(Debug)]
enum State {
    Prepared,
    Running(Child),
    Ended(ExitStatus),
}

impl Process {
    /// Starts a program; its standard output and error are appended to `NAME.log` in `directory`.
    ///
    /// # Errors
    ///
    /// The program or the log file can't be started or opened.
    pub fn start(program: Program, directory: &Path) -> anyhow::Result<Self> {
        let process = Self::prepared(program, directory);
        process.restart()?;
        Ok(process)
    }

    /// A process that [`Process::restart`] starts, after its [`Killer`] was handed to somebody.
    #[must_use]
    pub fn prepared(program: Program, directory: &Path) -> Self {
        let log = directory.join(format!("{}.log", program.name));
        Self { program, log, state: Arc::new(Mutex::new(State::Prepared)) }
    }

    /// What it was started from.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The id of the process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        match &*self.state() {
            State::Running(child) => Some(child.id()),
            State::Prepared | State::Ended(_) => None,
        }
    }

    /// How it ended, or `None` while it runs and before it was started.
    ///
    /// # Errors
    ///
    /// The system can't say.
    pub fn ended(&self) -> anyhow::Result<Option<ExitStatus>> {
        self.state().poll()
    }

    /// Kills it at once (SIGKILL), and returns when it is gone. Does nothing when it does not run.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn kill(&self) -> anyhow::Result<()> {
        self.state().kill()
    }

    /// A handle that kills it from elsewhere. It concerns also what [`Process::restart`] starts.
    #[must_use]
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.state))
    }

    /// Asks it to end (SIGTERM) and waits for that.
    ///
    /// # Errors
    ///
    /// It was never started, or has not ended `within` that time; it is killed then.
    pub async fn terminate(&self, within: Duration) -> anyhow::Result<ExitStatus> {
        match &*self.state() {
            State::Running(child) => {
                rustix::process::kill_process(pid(child)?, rustix::process::Signal::TERM)
                    .with_context(|| format!("can't signal {}", self.program.name))?;
            }
            State::Prepared => bail!("{} was never started", self.program.name),
            State::Ended(_) => {}
        }
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if start.elapsed() > within {
                self.kill()?;
                bail!(
                    "{} did not end within {} s of SIGTERM; its log ends with\n{}",
                    self.program.name,
                    within.as_secs_f32(),
                    self.log_tail(20)
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts it, also again after it has ended; the log is continued.
    ///
    /// # Errors
    ///
    /// It still runs, or it can't be started.
    pub fn restart(&self) -> anyhow::Result<()> {
        let mut state = self.state();
        state.poll()?;
        ensure!(!matches!(*state, State::Running(_)), "{} still runs", self.program.name);
        *state = State::Running(spawn(&self.program, &self.log)?);
        Ok(())
    }

    /// The file with everything that it has written.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Everything that it has written; empty when that can't be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// The last lines that it has written.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Killer {
    /// As [`Process::kill`].
    ///
    /// # Errors
    ///
    /// As [`Process::kill`].
    pub fn kill(&self) -> anyhow::Result<()> {
        lock(&self.0).kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What can't be killed here is left to the reaper.
        let _ = self.kill();
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program.name)
    }
}

impl State {
    fn poll(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let child = match self {
            Self::Running(child) => child,
            Self::Prepared => return Ok(None),
            Self::Ended(status) => return Ok(Some(*status)),
        };
        let Some(status) = child.try_wait().context("can't wait for a process")? else {
            return Ok(None);
        };
        self.end(status)?;
        Ok(Some(status))
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        let Self::Running(child) = self else { return Ok(()) };
        // The group, for what the program itself has started. That it is gone is no failure.
        match rustix::process::kill_process_group(pid(child)?, rustix::process::Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error).context("can't kill a process"),
        }
        let status = child.wait().context("can't wait for a process")?;
        self.end(status)
    }

    fn end(&mut self, status: ExitStatus) -> anyhow::Result<()> {
        let previous = std::mem::replace(self, Self::Ended(status));
        match previous {
            Self::Running(child) => reaper::ended(reaper::Entry::Group(child.id())),
            Self::Prepared | Self::Ended(_) => Ok(()),
        }
    }
}

fn spawn(program: &Program, log: &Path) -> anyhow::Result<Child> {
    let output = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("can't open {}", log.display()))?;
    let child = Command::new(&program.path)
        .args(&program.args)
        .env_clear()
        .envs(&program.env)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .with_context(|| format!("can't start {} ({})", program.name, program.path.display()))?;
    reaper::started(reaper::Entry::Group(child.id()))?;
    Ok(child)
}

fn pid(child: &Child) -> anyhow::Result<rustix::process::Pid> {
    i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .context("no id of a process")
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
