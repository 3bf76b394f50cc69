//! What keeps a command from doing its work: not a mistake in a document, but in the world or in
//! how the command is called.

use std::io;
use std::path::PathBuf;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file or directory can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("can't write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Output can't be written.
    #[error("can't write the output")]
    Output(#[from] io::Error),
    /// The command was called in a way that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The documents have mistakes, which were already shown.
    #[error("mistakes were found")]
    Mistakes,
    /// A cluster can't be reached, or refuses.
    #[error("{what}")]
    Cluster {
        /// What was tried.
        what: String,
        /// Why it did not work.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The AWS endpoint can't serve.
    #[cfg(feature = "dev")]
    #[error("the AWS endpoint can't serve")]
    Emulator {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Good,
    /// Mistakes were found, tests failed, or a difference was asked for and is there.
    Mistakes,
    /// The command was used wrongly, or the world is in its way.
    WrongUse,
}

// === impl Failure ===

impl Failure {
    /// A wrong use of the command.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// How the command ends because of it.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Good,
            Self::Mistakes => Exit::Mistakes,
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Output(_)
            | Self::Usage(_)
            | Self::Cluster { .. } => Exit::WrongUse,
            #[cfg(feature = "dev")]
            Self::Emulator { .. } => Exit::WrongUse,
        }
    }

    /// Whether people have seen it already, or nobody is there to see it.
    #[must_use]
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Mistakes => true,
            Self::Read { .. } | Self::Write { .. } | Self::Usage(_) | Self::Cluster { .. } => false,
            #[cfg(feature = "dev")]
            Self::Emulator { .. } => false,
        }
    }
}

// === impl Exit ===

impl Exit {
    /// The exit code of the process.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Mistakes => 1,
            Self::WrongUse => 2,
        }
    }
}
