//! What holds for one object: its account and region, and what annotations and flags ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::aws::ClientError;
use crate::aws::Endpoint;
use crate::kind::Kind;
use crate::object::Object;
use crate::object::annotations;
use crate::resource::Place;
use crate::roles::NoRole;
use crate::roles::Role;
use crate::roles::Roles;
use crate::roles::Subject;
use crate::shape::Shape;
use crate::tags::Defaults;
use crate::tags::Template;
use crate::tags::Variables;

/// What the flags and the start of the process have settled.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Account of the credentials.
    pub account: String,
    /// `--aws-region`.
    pub region: String,
    /// `--aws-endpoint-url`.
    pub endpoint: Option<Endpoint>,
    /// `--allow-unsafe-aws-endpoint-urls`.
    pub allow_unsafe_endpoints: bool,
    /// `--deletion-policy`.
    pub deletion_policy: String,
    /// `--resource-tags`.
    pub tags: Vec<Template>,
    /// Version of the controller.
    pub version: &'static str,
    /// Gate `ReadOnlyResources`.
    pub read_only: bool,
    /// Gate `ResourceAdoption`.
    pub adoption: bool,
    /// `--enable-cross-namespace`.
    pub cross_namespace: bool,
    /// `--enable-carm`: maps of roles count.
    pub carm: bool,
}

/// What holds around an object: its namespace, and the roles that there are.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Annotations of the namespace, if they count.
    pub annotations: BTreeMap<String, String>,
    /// Labels of the namespace.
    pub labels: BTreeMap<String, String>,
    /// What roles are chosen by.
    pub roles: Arc<Roles>,
}

/// What holds for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Account and region.
    pub place: Place,
    /// Where requests go, if not to AWS's own endpoint.
    pub endpoint: Option<Endpoint>,
    /// Whether deletion of the object deletes the resource.
    pub deletes: bool,
    /// AWS is only read.
    pub read_only: bool,
    /// Whether and how an existing resource is taken over.
    pub adoption: Option<Adoption>,
    /// Tags that every resource gets.
    pub defaults: Defaults,
    /// The role that is assumed.
    pub role: Option<Role>,
    /// Whether other namespaces may be referred to.
    pub cross_namespace: bool,
}

/// How an existing resource is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// It must exist; the spec is filled in from it.
    Adopt {
        /// Value of the adoption key.
        id: String,
    },
    /// Taken over if it exists, created if not; the spec is what counts.
    AdoptOrCreate {
        /// Value of the adoption key; the spec names the resource if unset.
        id: Option<String>,
    },
}

impl Adoption {
    /// What names the resource.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Adopt { id } => Some(id),
            Self::AdoptOrCreate { id } => id.as_deref(),
        }
    }
}

/// Why nothing can be done about an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfScope {
    /// The resource was made in another region than the one that is asked for now.
    #[error(
        "the resource is in region {recorded}, and region {asked} is asked for: a resource can't be moved"
    )]
    RegionDrift {
        /// In the status.
        recorded: String,
        /// By annotation or flag.
        asked: String,
    },
    /// The resource belongs to another account than that of the credentials.
    #[error("the resource belongs to account {recorded}, and the credentials to account {caller}")]
    AccountDrift {
        /// In the status.
        recorded: String,
        /// Of the credentials.
        caller: String,
    },
    /// There is no role for what is asked for.
    #[error("{0}")]
    NoRole(NoRole),
    /// The annotation for adoption is wrong.
    #[error("{0}")]
    Adoption(String),
    /// The endpoint of the namespace can't be used.
    #[error("annotation {} of the namespace", annotations::ENDPOINT_URL)]
    Endpoint(#[source] ClientError),
}

impl Scope {
    /// Settles what holds for `object` in its surroundings.
    ///
    /// # Errors
    ///
    /// [`OutOfScope`]; nothing must be asked of AWS then.
    pub fn resolve<Spec: Shape>(
        kind: &Kind,
        object: &Object<Spec>,
        around: &Surroundings,
        settings: &Settings,
    ) -> Result<Self, OutOfScope> {
        let namespace = &around.annotations;
        let role = role(kind, object, around, settings).map_err(OutOfScope::NoRole)?;
        let variables = Variables {
            service: kind.service,
            version: settings.version,
            namespace: &object.namespace,
            name: &object.name,
            kind: kind.kind,
            labels: &object.labels,
        };
        Ok(Self {
            place: place(object, namespace, settings, role.as_ref())?,
            endpoint: match namespace.get(annotations::ENDPOINT_URL) {
                Some(url) => Some(
                    Endpoint::parse(url, settings.allow_unsafe_endpoints)
                        .map_err(OutOfScope::Endpoint)?,
                ),
                None => settings.endpoint.clone(),
            },
            deletes: deletion_policy(kind, object, namespace, settings) == "delete",
            read_only: settings.read_only && object.is_set(annotations::READ_ONLY),
            // It is about objects that are not managed yet, and must not keep one from going.
            adoption: if settings.adoption && !object.deleting && !object.is_managed(kind) {
                adoption(kind, object)?
            } else {
                None
            },
            defaults: Defaults::expand(&settings.tags, &variables),
            role,
            cross_namespace: settings.cross_namespace,
        })
    }
}

fn place<Spec: Shape>(
    object: &Object<Spec>,
    namespace: &BTreeMap<String, String>,
    settings: &Settings,
    role: Option<&Role>,
) -> Result<Place, OutOfScope> {
    let account = role.and_then(Role::account).unwrap_or(&settings.account);
    if let Some(recorded) = object.recorded("ownerAccountID")
        && recorded != account
    {
        let (recorded, caller) = (recorded.to_owned(), account.to_owned());
        return Err(OutOfScope::AccountDrift { recorded, caller });
    }
    let asked = object
        .annotations
        .get(annotations::REGION)
        .or_else(|| namespace.get(annotations::DEFAULT_REGION))
        .unwrap_or(&settings.region);
    match object.recorded("region") {
        Some(recorded) if recorded != asked => {
            let (recorded, asked) = (recorded.to_owned(), asked.clone());
            Err(OutOfScope::RegionDrift { recorded, asked })
        }
        Some(_) | None => Ok(Place::new(account, asked.as_str())),
    }
}

/// The role of a selector; else that of the team, else that of the account that the namespace or an
/// earlier pass names.
fn role<Spec: Shape>(
    kind: &Kind,
    object: &Object<Spec>,
    around: &Surroundings,
    settings: &Settings,
) -> Result<Option<Role>, NoRole> {
    let subject = Subject {
        kind,
        labels: &object.labels,
        namespace: &object.namespace,
        namespace_labels: &around.labels,
    };
    if let Some(role) = around.roles.selected(&subject)? {
        return Ok(Some(role));
    }
    if around.roles.by_team
        && let Some(team) = around.annotations.get(annotations::TEAM_ID)
    {
        return around.roles.of_team(kind, team).map(Some);
    }
    let asked = around.annotations.get(annotations::OWNER_ACCOUNT_ID).map(String::as_str);
    let account = asked.or(object.recorded("ownerAccountID"));
    match account.filter(|account| *account != settings.account) {
        Some(account) if settings.carm => around.roles.of_account(kind, account).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn deletion_policy<'a, Spec: Shape>(
    kind: &Kind,
    object: &'a Object<Spec>,
    namespace: &'a BTreeMap<String, String>,
    settings: &'a Settings,
) -> &'a str {
    let of_namespace = format!("{}/deletion-policy", kind.group());
    object
        .annotations
        .get(annotations::DELETION_POLICY)
        .or_else(|| namespace.get(&of_namespace))
        .unwrap_or(&settings.deletion_policy)
}

fn adoption<Spec: Shape>(
    kind: &Kind,
    object: &Object<Spec>,
) -> Result<Option<Adoption>, OutOfScope> {
    let Some(policy) = object.annotations.get(annotations::ADOPTION_POLICY) else {
        return Ok(None);
    };
    let refused = |text: String| Err(OutOfScope::Adoption(text));
    if !matches!(policy.as_str(), "adopt" | "adopt-or-create") {
        return refused(format!(
            "unrecognized adoption policy {policy}: use adopt or adopt-or-create"
        ));
    }
    let fields = match object.annotations.get(annotations::ADOPTION_FIELDS) {
        Some(text) => match serde_json::from_str::<BTreeMap<String, Json>>(text) {
            Ok(fields) => Some(fields),
            Err(error) => {
                return refused(format!(
                    "annotation {} is not a JSON map: {error}",
                    annotations::ADOPTION_FIELDS
                ));
            }
        },
        None => None,
    };
    let id = match &fields {
        Some(fields) => match fields.get(kind.adoption_key).and_then(Json::as_str) {
            Some(id) => Some(id.to_owned()),
            None => {
                return refused(format!(
                    "Error populating adoption fields: required field missing: {}",
                    kind.adoption_key
                ));
            }
        },
        None => None,
    };
    match (policy.as_str(), id) {
        ("adopt", Some(id)) => Ok(Some(Adoption::Adopt { id })),
        ("adopt", None) => refused(format!(
            "adoption policy adopt needs the annotation {}",
            annotations::ADOPTION_FIELDS
        )),
        (_, id) => Ok(Some(Adoption::AdoptOrCreate { id })),
    }
}
