//! `kro cel`: expressions, tried without a definition and without a cluster.

use std::io::Write as _;

use clap::{Args, Subcommand};
use diagnostics::{Code, Diagnostic, FieldPath};
use graph::language;
use serde_json::{Value, json};

use crate::commands::cel::variables::{VariableArgs, Variables};
use crate::emit::{self, DataOutput};
use crate::kinds::KindArgs;
use crate::report::{Findings, Output, Source};
use crate::{Exit, Failure, Terminal, input};

mod complete;
mod repl;
mod variables;

/// Arguments of `kro cel`.
#[derive(Debug, Args)]
pub(crate) struct CelArgs {
    #[command(subcommand)]
    command: CelCommand,
}

#[derive(Debug, Subcommand)]
enum CelCommand {
    /// Prints the value of an expression.
    Eval(EvalArgs),
    /// Prints the type of an expression, or what is wrong with it.
    Check(CheckArgs),
    /// Reads expressions line by line, with history and completion.
    Repl(repl::ReplArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro cel eval '1 + 2'
  kro cel eval 'schema.spec.name + \"-table\"' --var 'schema={spec: {name: app}}'
  kro cel eval 'bucket.status.conditions.exists(c, c.type == \"Ready\")' --vars observed.yaml
  kro cel eval --raw 'schema.spec.name' --schema rgd.yaml --vars vars.yaml")]
struct EvalArgs {
    /// The expression, with or without `${}`; `-` reads it from standard input.
    #[arg(value_name = "EXPR")]
    expression: String,
    #[command(flatten)]
    variables: VariableArgs,
    /// Print a text without quotes.
    #[arg(long, short)]
    raw: bool,
    /// The form of the value.
    #[arg(long, short, value_enum, default_value = "text")]
    output: DataOutput,
    #[command(flatten)]
    kinds: KindArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro cel check 'schema.spec.name + \"-table\"' --schema rgd.yaml
  kro cel check 'self.spec.replicas <= 5' --schema crd.yaml
  echo 'name.size() > 3' | kro cel check - --schema types.yaml

A file for --schema is a ResourceGraphDefinition (its variables are `schema` and the ids of its
resources, with the types that they have in its own expressions; kinds come from the program,
--schemas or --cluster), a CustomResourceDefinition (`self`), an OpenAPI schema of an object whose properties
are the variables, or a mapping from variables to types:

  name: string
  ports: \"[]integer\"")]
struct CheckArgs {
    /// The expression, with or without `${}`; `-` reads it from standard input.
    #[arg(value_name = "EXPR")]
    expression: String,
    #[command(flatten)]
    variables: VariableArgs,
    /// The form of the answer.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
    #[command(flatten)]
    kinds: KindArgs,
}

pub(crate) fn run(args: CelArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match args.command {
        CelCommand::Eval(args) => eval(&args, terminal),
        CelCommand::Check(args) => check(&args, terminal),
        CelCommand::Repl(args) => repl::run(&args, terminal),
    }
}

fn eval(args: &EvalArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let variables = Variables::read(&args.variables, &args.kinds, terminal)?;
    let source = expression(&args.expression)?;
    match evaluate(&source, &variables) {
        Ok(value) => {
            write_value(&value, args.output, args.raw, terminal)?;
            Ok(Exit::Good)
        }
        Err(findings) => {
            findings.show_text(&mut terminal.err)?;
            Ok(Exit::Mistakes)
        }
    }
}

fn check(args: &CheckArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let variables = Variables::read(&args.variables, &args.kinds, terminal)?;
    let source = expression(&args.expression)?;
    match compile(&source, &variables.env) {
        Ok((checked, _)) => {
            let ty = language::show_type(checked.result_type());
            let mut reads: Vec<String> =
                checked.reads().iter().map(|read| read.attribute.to_string()).collect();
            reads.sort();
            reads.dedup();
            let value = json!({ "type": ty, "reads": reads });
            match args.output {
                Output::Text => writeln!(terminal.out, "{ty}")?,
                Output::Json => emit::json(&mut terminal.out, &value)?,
                Output::Yaml => emit::yaml(&mut terminal.out, &value)?,
                Output::Sarif | Output::Github => {
                    let none = Findings::default();
                    none.show(args.output, &mut terminal.out, &mut terminal.err, "")?;
                }
            }
            Ok(Exit::Good)
        }
        Err(findings) => {
            match args.output {
                Output::Text => findings.show_text(&mut terminal.err)?,
                Output::Json | Output::Yaml | Output::Sarif | Output::Github => {
                    findings.show(args.output, &mut terminal.out, &mut terminal.err, "")?;
                }
            }
            Ok(Exit::Mistakes)
        }
    }
}

/// The expression that an argument stands for.
fn expression(argument: &str) -> Result<Source, Failure> {
    let text = match argument {
        "-" => input::read_input()?.trim_end().to_owned(),
        text => text.to_owned(),
    };
    Ok(Source::new("<expression>", text))
}

/// What is between `${` and `}`, if the text is enclosed by them, and where it begins.
fn inner(text: &str) -> (&str, usize) {
    let trimmed = text.trim();
    match trimmed.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => (inner, text.find("${").unwrap_or(0) + 2),
        None => (text, 0),
    }
}

/// Parses, checks and plans.
///
/// # Errors
/// The mistakes, in the text of `source`.
fn compile(source: &Source, env: &cel::Env) -> Result<(cel::Checked, cel::Program), Findings> {
    let (text, offset) = inner(&source.text);
    let compiled = env.compile(text).and_then(|checked| {
        let program = cel::Program::new(&checked)?;
        Ok((checked, program))
    });
    compiled.map_err(|mistakes| {
        let mut findings = Findings::default();
        let file = findings.add_source(Source::new(source.name.as_str(), source.text.as_str()));
        for mistake in mistakes {
            let mut diagnostic = Diagnostic::error(
                language::code(&mistake),
                FieldPath::root(),
                plain(&mistake.to_string()),
            );
            diagnostic.help = help(&mistake);
            let span = mistake.span;
            let span = offset + span.start as usize..offset + span.end as usize;
            findings.add_at(file, span, diagnostic);
        }
        findings
    })
}

/// The value of an expression.
///
/// # Errors
/// Mistakes, an evaluation that failed, or variables that have no value.
fn evaluate(source: &Source, variables: &Variables) -> Result<Value, Findings> {
    let (_, program) = compile(source, &variables.env)?;
    let (_, offset) = inner(&source.text);
    let failed = |span: Option<cel::Span>, message: String, help: Option<String>| {
        let mut findings = Findings::default();
        let file = findings.add_source(Source::new(source.name.as_str(), source.text.as_str()));
        let span = span.map_or(0..source.text.len(), |span| {
            offset + span.start as usize..offset + span.end as usize
        });
        let mut diagnostic = Diagnostic::error(Code::EvaluationFailed, FieldPath::root(), message);
        diagnostic.help = help;
        findings.add_at(file, span, diagnostic);
        findings
    };
    let bindings = variables.bindings();
    match program.eval(&bindings) {
        cel::Outcome::Value(value) => value.to_json().map_err(|error| {
            let message = format!("the value is no JSON: {error}");
            failed(None, message, None)
        }),
        cel::Outcome::Error(error) => {
            Err(failed(Some(error.span), plain(&error.to_string()), None))
        }
        cel::Outcome::Unknown(unknown) => {
            let awaited: Vec<String> =
                unknown.attributes().iter().map(|awaited| format!("`{awaited}`")).collect();
            let message = format!("{} has no value yet", awaited.join(", "));
            let help = "give it one with --var or --vars".to_owned();
            Err(failed(None, message, Some(help)))
        }
    }
}

fn write_value(
    value: &Value,
    output: DataOutput,
    raw: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match (value, output) {
        (Value::String(text), _) if raw => writeln!(terminal.out, "{text}")?,
        (_, DataOutput::Text | DataOutput::Json) => emit::json(&mut terminal.out, value)?,
        (_, DataOutput::Yaml) => emit::yaml(&mut terminal.out, value)?,
    }
    Ok(())
}

fn help(mistake: &cel::Mistake) -> Option<String> {
    match &mistake.kind {
        cel::MistakeKind::NoMatchingOverload { candidates, .. } if !candidates.is_empty() => {
            const SHOWN: usize = 4;
            let more = if candidates.len() > SHOWN { ", …" } else { "" };
            let shown: Vec<&str> = candidates.iter().take(SHOWN).map(String::as_str).collect();
            Some(plain(&format!("there is {}{more}", shown.join(", "))))
        }
        _ => mistake.suggestion().map(|near| format!("did you mean `{near}`?")),
    }
}

/// A message with operators and types as people write them.
fn plain(message: &str) -> String {
    let mut plain = language::plain(message);
    for operator in ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"] {
        plain = plain.replace(&format!("_{operator}_"), operator);
    }
    plain.replace("!_", "!").replace("@in", "in").replace("_[_]", "[]").replace("_?_:_", "?:")
}
