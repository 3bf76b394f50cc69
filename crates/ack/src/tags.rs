//! Tags that every resource gets, and the ones that the spec never shows.

use std::collections::BTreeMap;

/// Key prefix of tags that belong to AWS: nobody may change them.
const AWS_PREFIX: &str = "aws:";

/// The default of `--resource-tags`.
pub const DEFAULT_TEMPLATES: &[&str] = &[
    "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
    "services.k8s.aws/namespace=%K8S_NAMESPACE%",
];

/// A key and a template of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Key of the tag.
    pub key: String,
    /// Value with `%VARIABLES%`.
    pub value: String,
}

/// What the variables of a template stand for, for one object.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// AWS service of the object's kind.
    pub service: &'a str,
    /// Version of the controller.
    pub version: &'a str,
    /// Namespace of the object.
    pub namespace: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// Kind of the object.
    pub kind: &'a str,
    /// Labels of the object.
    pub labels: &'a BTreeMap<String, String>,
}

/// `--resource-tags` that is not `key=template`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not of the form `key=template`: it needs exactly one `=`")]
pub struct BadTemplate(pub String);

impl Template {
    /// Parses `key=template`.
    ///
    /// # Errors
    ///
    /// There is not exactly one `=`, or nothing before it.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.contains('=') => {
                Ok(Self { key: key.to_owned(), value: value.to_owned() })
            }
            Some(_) | None => Err(BadTemplate(text.to_owned())),
        }
    }

    fn expand(&self, variables: &Variables<'_>) -> String {
        let label = |key: &str| variables.labels.get(key).map_or("", String::as_str);
        let version = if variables.version.is_empty() { "unknown" } else { variables.version };
        let mut value = self.value.clone();
        for (name, replacement) in [
            ("%CONTROLLER_SERVICE%", variables.service),
            ("%CONTROLLER_VERSION%", version),
            ("%K8S_NAMESPACE%", variables.namespace),
            ("%K8S_RESOURCE_NAME%", variables.name),
            ("%K8S_RESOURCE_KIND%", variables.kind),
            ("%MANAGED_BY%", label("app.kubernetes.io/managed-by")),
            ("%KRO_VERSION%", label("kro.run/kro-version")),
        ] {
            value = value.replace(name, replacement);
        }
        value
    }
}

/// The tags that the controller adds to one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Key and value, in the order of the flag; those that expand to nothing are left out.
    pub tags: Vec<(String, String)>,
    /// All keys of the flag.
    pub keys: Vec<String>,
}

impl Defaults {
    /// Expands the templates for one object.
    pub fn expand(templates: &[Template], variables: &Variables<'_>) -> Self {
        let pair = |template: &Template| (template.key.clone(), template.expand(variables));
        Self {
            tags: templates.iter().map(pair).filter(|(_, value)| !value.is_empty()).collect(),
            keys: templates.iter().map(|template| template.key.clone()).collect(),
        }
    }

    /// What AWS is to have: the user's tags in their order, then the defaults that the user has
    /// not set, then the tags of AWS itself that the resource already has. A call that replaces
    /// all tags must repeat the last ones, and comparing never sees them.
    pub fn complete(&self, mut user: Tags, latest: &Tags) -> Tags {
        let of_aws = latest.iter().filter(|(key, _)| key.starts_with(AWS_PREFIX));
        for (key, value) in self.tags.iter().chain(of_aws) {
            if !user.iter().any(|(taken, _)| taken == key) {
                user.push((key.clone(), value.clone()));
            }
        }
        user
    }

    /// What the spec shows of the tags that AWS has.
    pub fn strip(&self, mut tags: Tags) -> Tags {
        tags.retain(|(key, _)| !key.starts_with(AWS_PREFIX) && !self.keys.contains(key));
        tags
    }
}

/// Tags in the order of the spec or of AWS's answer.
pub type Tags = Vec<(String, String)>;
