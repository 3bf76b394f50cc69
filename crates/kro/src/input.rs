//! Reads the files that a command is given.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use diagnostics::yaml::{self, Document};
use diagnostics::{Code, Severity};

use crate::Failure;
use crate::report::{Findings, Source};

/// What `-f` stands for when it is standard input.
const STDIN: &str = "-";

/// A document of a file.
#[derive(Clone)]
pub(crate) struct Input {
    /// Position of the file in [`Findings::sources`].
    pub(crate) source: usize,
    /// What stands in it.
    pub(crate) document: Document,
}

/// Reads all documents of the files that `names` stand for: files, directories, patterns, `-`.
///
/// What is no YAML goes to `findings`.
///
/// # Errors
/// When a file can't be read, or a name stands for none.
pub(crate) fn read(names: &[String], findings: &mut Findings) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    let mut seen = BTreeSet::new();
    for name in names {
        if name == STDIN {
            if seen.insert(PathBuf::from(STDIN)) {
                let source = Source::new("<stdin>", read_input()?);
                add(source, findings, &mut inputs);
            }
            continue;
        }
        for path in expand(name)? {
            if seen.insert(path.clone()) {
                let source = Source::new(shown(&path), read_file(&path)?);
                add(source, findings, &mut inputs);
            }
        }
    }
    Ok(inputs)
}

fn add(source: Source, findings: &mut Findings, inputs: &mut Vec<Input>) {
    let (documents, mistakes) = yaml::read(&source.text);
    let source = findings.add_source(source);
    for mistake in mistakes {
        let code = match mistake.severity {
            Severity::Error => Code::UnreadableDocument,
            Severity::Warning | Severity::Note => Code::DuplicateName,
        };
        findings.add_bare(source, mistake.span, code, mistake.severity, mistake.message);
    }
    inputs.extend(documents.into_iter().map(|document| Input { source, document }));
}

/// The text of a file.
///
/// # Errors
/// When it can't be read or is no UTF-8.
pub(crate) fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })
}

/// The text of a file, or of standard input for `-`.
///
/// # Errors
/// When it can't be read or is no UTF-8.
pub(crate) fn read_text(name: &str) -> Result<Source, Failure> {
    if name == STDIN {
        return Ok(Source::new("<stdin>", read_input()?));
    }
    let path = Path::new(name);
    Ok(Source::new(shown(path), read_file(path)?))
}

/// Everything that standard input holds.
///
/// # Errors
/// When it can't be read, or is no text.
pub(crate) fn read_input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|source| Failure::Read { path: "standard input".into(), source })?;
    Ok(text)
}

/// A path as it is shown, and as tools on every platform read it.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.display().to_string().replace('\\', "/");
    match text.strip_prefix("./") {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// The files that a name stands for, in order.
fn expand(name: &str) -> Result<Vec<PathBuf>, Failure> {
    let path = Path::new(name);
    if path.is_dir() {
        return files_below(path);
    }
    let is_pattern = name.contains(['*', '?', '[']) && !path.exists();
    if !is_pattern {
        return Ok(vec![path.to_owned()]);
    }
    let pattern = glob::glob(name)
        .map_err(|error| Failure::Usage(format!("`{name}` is not a pattern: {error}")))?;
    let mut files = Vec::new();
    for found in pattern {
        let found = found.map_err(|error| Failure::Read {
            path: error.path().to_owned(),
            source: error.into(),
        })?;
        match found.is_dir() {
            true => files.extend(files_below(&found)?),
            false => files.push(found),
        }
    }
    match files.is_empty() {
        true => Err(Failure::Usage(format!("no file matches `{name}`"))),
        false => Ok(files),
    }
}

/// The YAML and JSON files of a directory and of those below it; hidden ones are left out.
///
/// # Errors
/// When the directory can't be read.
pub(crate) fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |source| Failure::Read { path: directory.to_owned(), source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if is_document(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    extension
        .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
