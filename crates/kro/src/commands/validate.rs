//! `kro validate`: every mistake of every definition in one run.

use clap::Args;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place};
use graph::Kind;
use schema::openapi::GroupVersionKind;
use serde_json::Value;

use crate::definitions::{FileArgs, load};
use crate::input::Input;
use crate::instances;
use crate::kinds::KindArgs;
use crate::report::{Output, counted};
use crate::{Exit, Failure, Terminal};

/// Arguments of `kro validate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro validate -f rgd.yaml
  kro validate -f definitions/ -f instances/
  kro validate -f 'apps/**/*.rgd.yaml' --schemas crds/
  helm template chart | kro validate -f -
  kro validate -f . --output github
  kro validate -f . --cluster --context staging

Instances of the definitions, if they are among the files, are checked as well.
Everything stays on this machine, unless --cluster asks a live cluster for its kinds.")]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    files: FileArgs,
    /// The form of the report.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
    /// Let warnings fail the run, too.
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    kinds: KindArgs,
}

pub(crate) fn run(args: &ValidateArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut loaded = load(args.files.names()?, &args.kinds)?;
    let instances = instances::check(&mut loaded).count;
    if loaded.definitions.is_empty() && instances == 0 && loaded.findings.list.is_empty() {
        return Err(Failure::usage("the files hold no ResourceGraphDefinition"));
    }
    let mut checked = counted(loaded.definitions.len(), "definition");
    if instances > 0 {
        checked = format!("{checked}, {}", counted(instances, "instance"));
    }
    let findings = &loaded.findings;
    findings.show(args.output, &mut terminal.out, &mut terminal.err, &checked)?;
    let exit = match findings.exit() {
        Exit::Good if args.strict && !findings.list.is_empty() => Exit::Mistakes,
        exit => exit,
    };
    Ok(exit)
}

/// The kind of a document, if it is an object.
pub(crate) fn gvk_of(document: &Value) -> Option<GroupVersionKind> {
    let (version, kind) = (document["apiVersion"].as_str()?, document["kind"].as_str()?);
    Some(GroupVersionKind::of(version, kind))
}

/// What an API server would say of an instance.
pub(crate) fn check_instance(input: &Input, kind: &Kind) -> Diagnostics {
    check_object(&input.document.value, kind)
}

/// The same, of an object from anywhere.
pub(crate) fn check_object(given: &Value, kind: &Kind) -> Diagnostics {
    let root = FieldPath::root();
    let mut found = Diagnostics::new();
    for path in schema::unknown_fields(&kind.schema, given) {
        found.push(unknown_field(kind, given, &path));
    }
    let mut value = given.clone();
    schema::apply_defaults(&kind.schema, &mut value);
    found.extend(schema::validate(&kind.schema, &value, &root));
    if given["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        let at = root.field("metadata").field("name");
        let message = "an instance needs a name: expected a string, found nothing";
        found.push(Diagnostic::error(Code::InvalidInstance, at, message));
    }
    found.sorted()
}

fn unknown_field(kind: &Kind, given: &Value, path: &FieldPath) -> Diagnostic {
    let parent = path.parent().cloned().unwrap_or_default();
    let name = match path.last() {
        Some(diagnostics::Segment::Field(name)) => name.to_string(),
        Some(diagnostics::Segment::Index(_)) | None => String::new(),
    };
    let within = if parent.is_root() { "the object".to_owned() } else { format!("`{parent}`") };
    let message = format!("{within} of kind `{}` has no field `{name}`", kind.gvk.kind);
    let mut diagnostic =
        Diagnostic::error(Code::UnknownInstanceField, Place::key(path.clone()), message);
    let value = path.segments().into_iter().try_fold(given, |value, segment| match segment {
        diagnostics::Segment::Field(name) => value.get(&**name),
        diagnostics::Segment::Index(index) => value.get(index),
    });
    let near = kind.schema.at(&parent).and_then(|schema| schema::suggest(schema, &name, value));
    diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
    diagnostic
}
