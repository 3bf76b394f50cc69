//! Which IAM role is assumed for an object: none, one of a map by account or team, or one that an
//! IAMRoleSelector chooses.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::json;

use crate::export::shared_crd;
use crate::kind::Kind;
use crate::kind::VERSION;

/// The ConfigMap with a role per account.
pub const ACCOUNT_MAP: &str = "ack-role-account-map";
/// The ConfigMap with a role per team.
pub const TEAM_MAP: &str = "ack-role-team-map";

/// What roles are chosen by.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// The data of [`ACCOUNT_MAP`]; `None` if there is no such ConfigMap.
    pub accounts: Option<BTreeMap<String, String>>,
    /// The data of [`TEAM_MAP`]; `None` if there is no such ConfigMap.
    pub teams: Option<BTreeMap<String, String>>,
    /// Whether teams count: gate `TeamLevelCARM`.
    pub by_team: bool,
    /// Whether keys may begin with a service: gate `ServiceLevelCARM`.
    pub by_service: bool,
    /// The selectors; empty unless the gate `IAMRoleSelector` is on.
    pub selectors: Vec<RoleSelector>,
}

/// A role that is to be assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// What the condition says about a role that a selector chose.
    pub selected: Option<String>,
}

impl Role {
    /// The account that a role is in.
    pub fn account(&self) -> Option<&str> {
        self.arn.split(':').nth(4).filter(|account| !account.is_empty())
    }
}

/// An IAMRoleSelector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSelector {
    /// Name of the object.
    pub name: String,
    /// Version of the object.
    pub resource_version: String,
    spec: SelectorSpec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SelectorSpec {
    arn: String,
    namespace_selector: NamespaceSelector,
    resource_type_selector: Vec<TypeSelector>,
    resource_label_selector: LabelSelector,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NamespaceSelector {
    names: Vec<String>,
    label_selector: LabelSelector,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct TypeSelector {
    group: String,
    version: String,
    kind: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LabelSelector {
    match_labels: BTreeMap<String, String>,
}

impl LabelSelector {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// What selectors look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The kind of the object.
    pub kind: &'a Kind,
    /// Labels of the object.
    pub labels: &'a BTreeMap<String, String>,
    /// Name of its namespace.
    pub namespace: &'a str,
    /// Labels of its namespace.
    pub namespace_labels: &'a BTreeMap<String, String>,
}

impl RoleSelector {
    /// Reads an object; `None` if its spec can't be read or names no role.
    pub fn parse(object: &Json) -> Option<Self> {
        let text = |path: &str| object.pointer(path).and_then(Json::as_str).map(str::to_owned);
        let spec = SelectorSpec::deserialize(object.get("spec")?).ok()?;
        (spec.arn.starts_with("arn:") && spec.arn.split(':').count() >= 6).then_some(())?;
        Some(Self {
            name: text("/metadata/name")?,
            resource_version: text("/metadata/resourceVersion").unwrap_or_default(),
            spec,
        })
    }

    /// All selectors must fit, of each list one; what is empty fits everything.
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let SelectorSpec { namespace_selector, resource_type_selector, .. } = &self.spec;
        let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        let one_of = |one: &TypeSelector| {
            fits(&one.group, &subject.kind.group())
                && fits(&one.version, VERSION)
                && fits(&one.kind, subject.kind.kind)
        };
        let names = &namespace_selector.names;
        (names.is_empty() || names.iter().any(|name| name == subject.namespace))
            && namespace_selector.label_selector.matches(subject.namespace_labels)
            && (resource_type_selector.is_empty() || resource_type_selector.iter().any(one_of))
            && self.spec.resource_label_selector.matches(subject.labels)
    }
}

/// Why there is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRole {
    /// A map does not name one.
    #[error("retrieving role ARN for {what} ID \"{id}\" from \"{map}\" configmap: {reason}")]
    Missing {
        /// `account` or `team`.
        what: &'static str,
        /// The account or team.
        id: String,
        /// The ConfigMap.
        map: &'static str,
        /// What is missing.
        reason: &'static str,
    },
    /// Several selectors choose one.
    #[error("more than one IAMRoleSelector matches: {0}")]
    Ambiguous(String),
}

impl Roles {
    /// The role that a selector chooses.
    ///
    /// # Errors
    ///
    /// Several do.
    pub fn selected(&self, subject: &Subject<'_>) -> Result<Option<Role>, NoRole> {
        let mut matching = self.selectors.iter().filter(|selector| selector.matches(subject));
        let Some(first) = matching.next() else { return Ok(None) };
        let mut names: Vec<&str> = matching.map(|selector| selector.name.as_str()).collect();
        if !names.is_empty() {
            names.push(&first.name);
            names.sort_unstable();
            return Err(NoRole::Ambiguous(names.join(", ")));
        }
        let arn = first.spec.arn.clone();
        let selected = format!(
            "roleARN: {arn}, selectorName: {}, selectorResourceVersion: {}",
            first.name, first.resource_version
        );
        Ok(Some(Role { arn, selected: Some(selected) }))
    }

    /// The role of an account.
    ///
    /// # Errors
    ///
    /// The map does not name one.
    pub fn of_account(&self, kind: &Kind, account: &str) -> Result<Role, NoRole> {
        self.look_up(kind, self.accounts.as_ref(), "account", account, ACCOUNT_MAP)
    }

    /// The role of a team.
    ///
    /// # Errors
    ///
    /// The map does not name one.
    pub fn of_team(&self, kind: &Kind, team: &str) -> Result<Role, NoRole> {
        self.look_up(kind, self.teams.as_ref(), "team", team, TEAM_MAP)
    }

    fn look_up(
        &self,
        kind: &Kind,
        entries: Option<&BTreeMap<String, String>>,
        what: &'static str,
        id: &str,
        map: &'static str,
    ) -> Result<Role, NoRole> {
        let missing = |reason| NoRole::Missing { what, id: id.to_owned(), map, reason };
        let entries = entries.ok_or_else(|| missing("CARM configmap not found"))?;
        let of_service =
            self.by_service.then(|| entries.get(&format!("{}.{id}", kind.service))).flatten();
        let arn = of_service.or_else(|| entries.get(id));
        match arn.map(|arn| arn.trim()) {
            None => Err(missing("key not found in CARM configmap")),
            Some("") => Err(missing("role value is empty in CARM configmap")),
            Some(arn) => Ok(Role { arn: arn.to_owned(), selected: None }),
        }
    }
}

/// The CRD of IAMRoleSelector.
pub(crate) fn crd() -> Json {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let labels = |about: &str| {
        json!({
            "type": "object",
            "description": about,
            "properties": { "matchLabels": texts },
            "required": ["matchLabels"],
        })
    };
    let mut arn = text("ARN of the role that is assumed.");
    arn["x-kubernetes-validations"] =
        json!([{ "rule": "self == oldSelf", "message": "Value is immutable once set" }]);
    let namespaces = json!({
        "type": "object",
        "description": "Namespaces of the objects.",
        "properties": {
            "labelSelector": labels("Labels that the namespace has."),
            "names": {
                "type": "array",
                "description": "Names, of which one fits; all if empty.",
                "items": { "type": "string" },
            },
        },
        "required": ["names"],
    });
    let kinds = json!({
        "type": "array",
        "description": "Kinds, of which one fits; all if empty.",
        "items": {
            "type": "object",
            "description": "A kind; what is empty fits everything.",
            "properties": {
                "group": text("API group."),
                "kind": text("Kind."),
                "version": text("Version."),
            },
            "required": ["group", "kind", "version"],
        },
    });
    let spec = json!({
        "type": "object",
        "description": "For which objects which role is assumed. All selectors must fit.",
        "properties": {
            "arn": arn,
            "namespaceSelector": namespaces,
            "resourceLabelSelector": labels("Labels that the object has."),
            "resourceTypeSelector": kinds,
        },
        "required": ["arn"],
    });
    let status = json!({ "type": "object", "description": "Nothing yet." });
    shared_crd("IAMRoleSelector", "iamroleselectors", "Cluster", &spec, &status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Resource;
    use crate::s3::Bucket;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn selector(name: &str, spec: Json) -> RoleSelector {
        let mut spec = spec;
        spec["arn"] = "arn:aws:iam::222222222222:role/ack".into();
        let metadata = json!({ "name": name, "resourceVersion": "7" });
        RoleSelector::parse(&json!({ "metadata": metadata, "spec": spec })).expect("valid")
    }

    #[track_caller]
    fn check(spec: Json, expected: bool) {
        let roles = Roles { selectors: vec![selector("one", spec)], ..Roles::default() };
        let subject = Subject {
            kind: &Bucket::KIND,
            labels: &map(&[("app", "x")]),
            namespace: "team",
            namespace_labels: &map(&[("env", "test")]),
        };
        let found = roles.selected(&subject).expect("at most one");
        assert_eq!(found.is_some(), expected);
    }

    #[test]
    fn all_selectors_must_fit() {
        let labels = |key: &str, value: &str| json!({ "matchLabels": { key: value } });
        let kind = |kind: &str| json!([{ "group": "", "version": "", "kind": kind }]);
        let names = |names: &[&str]| json!({ "names": names });
        check(json!({}), true);
        check(json!({ "namespaceSelector": names(&["other", "team"]) }), true);
        check(json!({ "namespaceSelector": names(&["other"]) }), false);
        let labelled = json!({ "names": [], "labelSelector": labels("env", "test") });
        check(json!({ "namespaceSelector": labelled }), true);
        let labelled = json!({ "names": [], "labelSelector": labels("env", "prod") });
        check(json!({ "namespaceSelector": labelled }), false);
        check(json!({ "resourceTypeSelector": kind("Bucket") }), true);
        check(json!({ "resourceTypeSelector": kind("Queue") }), false);
        check(json!({ "resourceLabelSelector": labels("app", "x") }), true);
        let two = json!({ "resourceLabelSelector": labels("app", "x"),
            "resourceTypeSelector": kind("Queue") });
        check(two, false);
    }

    #[test]
    fn two_selectors_are_one_too_many() {
        let selectors = vec![selector("b", json!({})), selector("a", json!({}))];
        let roles = Roles { selectors, ..Roles::default() };
        let none = BTreeMap::new();
        let subject = Subject {
            kind: &Bucket::KIND,
            labels: &none,
            namespace: "team",
            namespace_labels: &none,
        };
        assert_eq!(roles.selected(&subject), Err(NoRole::Ambiguous("a, b".to_owned())));
    }

    #[test]
    fn the_maps_say_what_they_lack() {
        let roles = Roles {
            accounts: Some(map(&[("1", "arn:aws:iam::1:role/a"), ("2", ""), ("s3.1", "special")])),
            by_service: true,
            ..Roles::default()
        };
        let role = |id| roles.of_account(&Bucket::KIND, id).map(|role| role.arn);
        assert_eq!(role("1").as_deref(), Ok("special"));
        let said = |error: Result<String, NoRole>| error.expect_err("none").to_string();
        let begin = |id: &str| {
            format!(
                "retrieving role ARN for account ID \"{id}\" from \"ack-role-account-map\" configmap: "
            )
        };
        assert_eq!(said(role("2")), begin("2") + "role value is empty in CARM configmap");
        assert_eq!(said(role("3")), begin("3") + "key not found in CARM configmap");
        let team = roles.of_team(&Bucket::KIND, "a").expect_err("no map").to_string();
        assert!(team.ends_with("CARM configmap not found"), "{team}");
    }
}
