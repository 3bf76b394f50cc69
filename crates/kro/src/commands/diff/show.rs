//! A plan as text and as data.

use std::io::{self, Write as _};

use serde_json::{Value, json};

use crate::commands::diff::api::{self, Api};
use crate::commands::diff::changes::{Change, Kind as ChangeKind};
use crate::commands::diff::{Fate, Plan, What};
use crate::commands::render::Waiting;
use crate::report::counted;
use crate::terminal::Stream;

// === impl What ===

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Prune => "prune",
            Self::Keep => "keep",
        }
    }
}

// === impl Plan ===

impl Plan {
    /// The plan with further reasons why something does not happen, which come first.
    pub(super) fn after(mut self, reasons: Vec<Waiting>) -> Self {
        self.blocked.splice(0..0, reasons);
        self
    }

    /// Whether something would happen, or is refused.
    pub(super) fn differs(&self) -> bool {
        self.fates.iter().any(|fate| fate.what != What::Keep)
            || self.blocked.iter().any(|waiting| waiting.fatal)
    }

    fn count(&self, what: What) -> usize {
        self.fates.iter().filter(|fate| fate.what == what).count()
    }

    /// For people.
    pub(super) fn write(&self, out: &mut Stream) -> io::Result<()> {
        writeln!(out, "{}", self.instance)?;
        for fate in self.fates.iter().filter(|fate| fate.what != What::Keep) {
            let name = match &fate.node {
                Some(node) => format!("{node} ({})", fate.id),
                None if fate.id == self.instance => "the instance".to_owned(),
                None => fate.id.to_string(),
            };
            let line = match fate.what {
                What::Create => out.green(&format!("+ create {name}")),
                What::Change => out.yellow(&format!("~ change {name}")),
                What::Prune => out.red(&format!("- prune {name}")),
                What::Keep => continue,
            };
            writeln!(out, "  {line}")?;
            for change in &fate.changes {
                let Change { path, before, after, .. } = change;
                let line = match change.kind() {
                    ChangeKind::Added => out.green(&format!("+ {path}: {}", text(after.as_ref()))),
                    ChangeKind::Removed => out.red(&format!("- {path}: {}", text(before.as_ref()))),
                    ChangeKind::Changed => format!(
                        "~ {path}: {} → {}",
                        out.red(&text(before.as_ref())),
                        out.green(&text(after.as_ref()))
                    ),
                };
                writeln!(out, "      {line}")?;
            }
        }
        for Waiting { node, progress, message, .. } in &self.blocked {
            writeln!(out, "  {}", out.yellow(&format!("! {node} is {progress}: {message}")))?;
        }
        let counts = [
            (self.count(What::Create), "to create"),
            (self.count(What::Change), "to change"),
            (self.count(What::Prune), "to prune"),
            (self.blocked.len(), "blocked"),
        ];
        let counts: Vec<String> = (counts.into_iter())
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        match counts.is_empty() {
            true => writeln!(out, "  {}", out.green("nothing would change")),
            false => writeln!(out, "  {}", counts.join(", ")),
        }
    }
}

// === impl Api ===

impl Api {
    /// For people; an API that stays as it is takes no line.
    pub(super) fn write(&self, out: &mut Stream) -> io::Result<()> {
        let Self { definition, crd, fate } = self;
        let head = format!("ResourceGraphDefinition.kro.run {definition}");
        match fate {
            api::Fate::Create => {
                writeln!(out, "{head}")?;
                writeln!(out, "  {}", out.green(&format!("+ create CRD {crd}")))
            }
            api::Fate::Unknown(why) => {
                writeln!(out, "{head}")?;
                let line = format!("! CRD {crd} can't be compared: {why}");
                writeln!(out, "  {}", out.yellow(&line))
            }
            api::Fate::Update { changes, .. } if changes.is_empty() => Ok(()),
            api::Fate::Update { changes, breaking_allowed } => {
                writeln!(out, "{head}")?;
                writeln!(out, "  {}", out.yellow(&format!("~ change CRD {crd}")))?;
                for change in changes {
                    let line = format!("{}: {}", api::place(change), change.description);
                    let line = match change.breaking {
                        true => out.red(&format!("! {line} (breaking)")),
                        false => format!("~ {line}"),
                    };
                    writeln!(out, "      {line}")?;
                }
                let breaking = changes.iter().filter(|change| change.breaking).count();
                let summary = match (breaking, breaking_allowed) {
                    (0, _) => return Ok(()),
                    (_, true) => format!("{}, allowed", counted(breaking, "breaking change")),
                    (_, false) => format!(
                        "{}: the controller refuses the definition without the annotation {}: \"true\"",
                        counted(breaking, "breaking change"),
                        plan::names::ALLOW_BREAKING
                    ),
                };
                writeln!(out, "  {summary}")
            }
        }
    }
}

/// A value in one line.
fn text(value: Option<&Value>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

/// Everything, for programs.
pub(super) fn to_json(apis: &[Api], plans: &[Plan]) -> Value {
    let differs = apis.iter().any(Api::differs) || plans.iter().any(Plan::differs);
    let mut all = json!({
        "differs": differs,
        "plans": plans.iter().map(plan_json).collect::<Vec<_>>(),
    });
    if !apis.is_empty() {
        all["definitions"] = apis.iter().map(api_json).collect::<Vec<_>>().into();
    }
    all
}

fn plan_json(plan: &Plan) -> Value {
    let objects: Vec<Value> = plan.fates.iter().map(fate_json).collect();
    let blocked: Vec<Value> = plan.blocked.iter().map(Waiting::to_json).collect();
    json!({
        "instance": plan.instance.to_string(),
        "create": plan.count(What::Create),
        "change": plan.count(What::Change),
        "prune": plan.count(What::Prune),
        "objects": objects,
        "blocked": blocked,
    })
}

fn api_json(api: &Api) -> Value {
    let mut value = json!({ "definition": api.definition, "crd": api.crd });
    match &api.fate {
        api::Fate::Create => value["action"] = "create".into(),
        api::Fate::Update { changes, breaking_allowed } => {
            value["action"] = if changes.is_empty() { "keep" } else { "change" }.into();
            value["breakingAllowed"] = (*breaking_allowed).into();
            let changes = changes.iter().map(|change| {
                json!({
                    "path": api::place(change),
                    "kind": change.kind.to_string(),
                    "breaking": change.breaking,
                    "description": change.description,
                })
            });
            value["changes"] = changes.collect::<Vec<_>>().into();
        }
        api::Fate::Unknown(why) => {
            value["action"] = "unknown".into();
            value["message"] = why.as_str().into();
        }
    }
    value
}

fn fate_json(fate: &Fate) -> Value {
    let mut value = json!({
        "action": fate.what.name(),
        "kind": fate.id.kind.kind,
        "group": fate.id.kind.group,
        "name": fate.id.name,
    });
    if !fate.id.namespace.is_empty() {
        value["namespace"] = fate.id.namespace.as_str().into();
    }
    if let Some(node) = &fate.node {
        value["resource"] = node.as_str().into();
    }
    if fate.what == What::Change {
        let changes = fate.changes.iter().map(|change| {
            let mut value = json!({ "path": change.path });
            if let Some(before) = &change.before {
                value["before"] = before.clone();
            }
            if let Some(after) = &change.after {
                value["after"] = after.clone();
            }
            value
        });
        value["changes"] = changes.collect::<Vec<_>>().into();
    }
    value
}
