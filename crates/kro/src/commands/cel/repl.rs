//! `kro cel repl`: expressions line by line.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use graph::language::show_type;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{
    MatchingBracketValidator, ValidationContext, ValidationResult, Validator,
};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::commands::cel::complete::candidates;
use crate::commands::cel::variables::{VariableArgs, Variables};
use crate::commands::cel::{compile, evaluate};
use crate::emit;
use crate::kinds::KindArgs;
use crate::report::Source;
use crate::{Exit, Failure, Terminal};

const PROMPT: &str = "cel> ";

const HELP: &str = "\
EXPR              the value of an expression
NAME = EXPR       keep the value as a variable
:type EXPR        the type of an expression
:vars             the variables, with their types
:functions [TEXT] the functions whose name contains TEXT
:help             this text
:quit             end (also Ctrl-D)
Tab completes variables, fields and functions.";

/// Arguments of `kro cel repl`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro cel repl
  kro cel repl --schema rgd.yaml --vars observed.yaml

Inside, :help lists the commands; Tab completes variables, fields and functions.")]
pub(super) struct ReplArgs {
    #[command(flatten)]
    variables: VariableArgs,
    #[command(flatten)]
    kinds: KindArgs,
}

pub(super) fn run(args: &ReplArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let variables = Variables::read(&args.variables, &args.kinds, terminal)?;
    if io::stdin().is_terminal() {
        interactive(variables, terminal)
    } else {
        piped(variables, terminal)
    }
}

/// Lines from a file or a pipe: no prompt, no history.
fn piped(mut variables: Variables, terminal: &mut Terminal) -> Result<Exit, Failure> {
    for line in io::stdin().lock().lines() {
        let line =
            line.map_err(|source| Failure::Read { path: "standard input".into(), source })?;
        if !enter(&line, &mut variables, terminal)? {
            break;
        }
    }
    Ok(Exit::Good)
}

fn interactive(variables: Variables, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .history_ignore_space(true)
        .auto_add_history(true)
        .build();
    let failed = |error: ReadlineError| Failure::Cluster {
        what: "can't use the terminal".to_owned(),
        source: Box::new(error),
    };
    let mut editor: Editor<Assistant, FileHistory> = Editor::with_config(config).map_err(failed)?;
    let styled = terminal.out.styled;
    editor.set_helper(Some(Assistant {
        variables,
        brackets: MatchingBracketValidator::new(),
        styled,
    }));
    let history = history_file();
    if let Some(path) = &history {
        // There is none before the first run.
        let _ = editor.load_history(path);
    }
    writeln!(
        terminal.out,
        "kro {}, kro's environment of CEL; :help lists the commands",
        env!("CARGO_PKG_VERSION")
    )?;
    loop {
        terminal.out.flush()?;
        match editor.readline(PROMPT) {
            Ok(line) => {
                let Some(assistant) = editor.helper_mut() else { break };
                if !enter(&line, &mut assistant.variables, terminal)? {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(path) = &history {
        let kept = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let kept = kept.map_err(ReadlineError::from).and_then(|()| editor.save_history(path));
        if let Err(error) = kept {
            writeln!(terminal.err, "the history is not kept: {error}")?;
        }
    }
    Ok(Exit::Good)
}

/// Where lines are kept between runs, as the XDG base directories have it.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.filter(|path| path.is_absolute()).or_else(home)?.join("kro").join("cel-history"))
}

/// Does what a line says; `false` ends the run.
fn enter(line: &str, variables: &mut Variables, terminal: &mut Terminal) -> Result<bool, Failure> {
    let line = line.trim();
    let (command, rest) = match line.split_once(char::is_whitespace) {
        Some((command, rest)) => (command, rest.trim()),
        None => (line, ""),
    };
    match command {
        "" => {}
        ":quit" | ":q" | ":exit" => return Ok(false),
        ":help" | ":h" | ":?" => writeln!(terminal.out, "{HELP}")?,
        ":vars" | ":v" => show_variables(variables, terminal)?,
        ":functions" | ":f" => show_functions(rest, variables, terminal)?,
        ":type" | ":t" => match compile(&Source::new("<input>", rest), &variables.env) {
            Ok((checked, _)) => writeln!(terminal.out, "{}", show_type(checked.result_type()))?,
            Err(findings) => findings.show_text(&mut terminal.err)?,
        },
        _ if command.starts_with(':') => {
            writeln!(terminal.err, "`{command}` is no command; :help lists them")?;
        }
        _ => match assignment(line) {
            Some((name, text)) => assign(name, text, variables, terminal)?,
            None => match evaluate(&Source::new("<input>", line), variables) {
                Ok(value) => emit::json(&mut terminal.out, &value)?,
                Err(findings) => findings.show_text(&mut terminal.err)?,
            },
        },
    }
    Ok(true)
}

/// `NAME = EXPR`, which is no expression.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, text) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !text.starts_with('=')).then(|| (name, text.trim_start()))
}

fn assign(
    name: &str,
    text: &str,
    variables: &mut Variables,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let source = Source::new("<input>", text);
    let result = compile(&source, &variables.env)
        .and_then(|(checked, _)| Ok((checked, evaluate(&source, variables)?)));
    match result {
        Ok((checked, value)) => {
            emit::json(&mut terminal.out, &value)?;
            variables.set(name, checked.result_type().clone(), value);
        }
        Err(findings) => findings.show_text(&mut terminal.err)?,
    }
    Ok(())
}

fn show_variables(variables: &Variables, terminal: &mut Terminal) -> io::Result<()> {
    for name in variables.env.variable_names() {
        let ty = variables.env.variable(name).map_or_else(String::new, show_type);
        let value = match variables.value(name) {
            Some(value) => {
                let text = value.to_string();
                let cut: String = text.chars().take(60).collect();
                if cut.len() < text.len() { format!(" = {cut}…") } else { format!(" = {text}") }
            }
            None => String::new(),
        };
        writeln!(terminal.out, "{name}: {ty}{value}")?;
    }
    Ok(())
}

fn show_functions(part: &str, variables: &Variables, terminal: &mut Terminal) -> io::Result<()> {
    let functions = variables.env.functions();
    let named = functions.iter().filter(|function| {
        function.name.contains(part) && function.name.starts_with(|c: char| c.is_ascii_alphabetic())
    });
    for overload in named.flat_map(|function| &function.overloads) {
        let doc = terminal.out.dim(&overload.doc);
        writeln!(terminal.out, "{overload}  {doc}")?;
    }
    Ok(())
}

/// Completion and brackets for the line editor.
struct Assistant {
    variables: Variables,
    brackets: MatchingBracketValidator,
    styled: bool,
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = candidates(line.get(..position).unwrap_or(line), &self.variables);
        let pairs = found
            .into_iter()
            .map(|candidate| Pair { display: candidate.shown, replacement: candidate.text });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _: bool,
    ) -> std::borrow::Cow<'b, str> {
        if self.styled { format!("\u{1b}[36m{prompt}\u{1b}[0m").into() } else { prompt.into() }
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        match context.input().starts_with(':') {
            true => Ok(ValidationResult::Valid(None)),
            false => self.brackets.validate(context),
        }
    }
}
