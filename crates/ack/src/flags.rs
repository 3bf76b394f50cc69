//! The command line of `ack-controller`: the flags of the published controllers.
//!
//! A flag for something that is not built yet is refused by name, unless leaving it without effect
//! can't surprise anybody.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use clap::ArgAction;
use clap::Parser;
use kube::core::Expression;
use kube::core::Selector;
use runtime::flags::GoDuration;
use runtime::flags::go_bool;
use runtime::logs::Level;

use crate::aws::ClientError;
use crate::aws::Endpoint;
use crate::controller::KINDS;
use crate::tags::BadTemplate;
use crate::tags::DEFAULT_TEMPLATES;
use crate::tags::Template;

/// How often a synced object is read again if no flag says.
const RESYNC: Duration = Duration::from_secs(10 * 60 * 60);

/// Keeps AWS resources as their custom resources say.
#[derive(Clone, Debug, Parser)]
#[command(name = "ack-controller", version)]
pub struct Flags {
    /// Kubeconfig of the cluster; in a cluster none is needed.
    #[arg(long, default_value = "")]
    pub kubeconfig: String,
    /// Address of /metrics; 0 for none.
    #[arg(long, default_value = "0.0.0.0:8080")]
    pub metrics_addr: String,
    /// Address of /healthz and /readyz; 0 for none.
    #[arg(long, default_value = "0.0.0.0:8081")]
    pub healthz_addr: String,
    /// Region of resources that name none.
    #[arg(long, env = "AWS_REGION", default_value = "")]
    pub aws_region: String,
    /// Endpoint of AWS services instead of the public ones.
    #[arg(long, default_value = "")]
    pub aws_endpoint_url: String,
    /// Endpoint of STS for the question, asked at the start, whose credentials these are.
    #[arg(long, default_value = "")]
    pub aws_identity_endpoint_url: String,
    /// Allow endpoints with http instead of https.
    #[arg(long)]
    pub allow_unsafe_aws_endpoint_urls: bool,
    /// Put the bucket into the path of S3 requests instead of the host name.
    #[arg(long)]
    pub aws_endpoint_use_path_style: bool,
    /// How long one request to AWS may take.
    #[arg(long, default_value = "60s")]
    pub http_client_timeout: GoDuration,
    /// From which level on to log: debug, info, warn or error.
    #[arg(long, default_value = "info")]
    pub log_level: Level,
    /// Log for people instead of as JSON.
    #[arg(long)]
    pub enable_development_logging: bool,
    /// Tags of every resource, as key=template.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub resource_tags: Vec<String>,
    /// Namespaces to watch; all if empty.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub watch_namespace: Vec<String>,
    /// Labels of objects to watch, such as app=web,tier!=test,team in (a,b).
    #[arg(long, default_value = "")]
    pub watch_selectors: String,
    /// AWS services to serve: s3, dynamodb, sqs; all if empty.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub services: Vec<String>,
    /// What deletion of an object does to its resource: delete or retain.
    #[arg(long, default_value = "delete")]
    pub deletion_policy: String,
    /// How often a synced object is read again; 0 for every 10 hours.
    #[arg(long, default_value_t = 0)]
    pub reconcile_default_resync_seconds: u64,
    /// The same for one kind, as Kind=seconds.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub reconcile_resource_resync_seconds: Vec<ForKind<u64>>,
    /// How many objects of a kind are reconciled at a time.
    #[arg(long, default_value_t = 1)]
    pub reconcile_default_max_concurrent_syncs: usize,
    /// The same for one kind, as Kind=number.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub reconcile_resource_max_concurrent_syncs: Vec<ForKind<usize>>,
    /// Kinds to reconcile; all if empty.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub reconcile_resources: Vec<String>,
    /// Features to switch on or off, as Name=true.
    #[arg(long, value_delimiter = ',', action = ArgAction::Append)]
    pub feature_gates: Vec<String>,
    /// Let annotations of namespaces count.
    #[arg(long, default_value = "true", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub enable_carm: bool,
    /// Allow references to other namespaces.
    #[arg(long, default_value = "true", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub enable_cross_namespace: bool,
    /// Reconcile FieldExport objects.
    #[arg(long, default_value = "true", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub enable_field_export_reconciler: bool,
    /// Work only while holding the lease of every service that is served.
    #[arg(long)]
    pub enable_leader_election: bool,
    /// Namespace of the leases; that of the pod if empty.
    #[arg(long, default_value = "")]
    pub leader_election_namespace: String,
    /// Serve webhooks. Not built yet.
    #[arg(long)]
    pub enable_webhook_server: bool,
    /// Address of the webhooks. Without effect.
    #[arg(long, default_value = "")]
    pub webhook_server_addr: String,
}

/// `Kind=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForKind<T> {
    /// The kind, in lower case.
    pub kind: String,
    /// The value.
    pub value: T,
}

impl<T: FromStr> FromStr for ForKind<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('=').and_then(|(kind, value)| {
            Some(Self { kind: kind.to_lowercase(), value: value.parse().ok()? })
        });
        parsed.ok_or_else(|| "expected Kind=number".to_owned())
    }
}

/// Flags that can't be started with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFlags {
    /// What it asks for is not there.
    #[error("--{0} is not built yet")]
    NotBuilt(&'static str),
    /// Two ways of choosing roles exclude each other.
    #[error("--feature-gates: IAMRoleSelector needs --enable-carm=false")]
    TwoKindsOfRoles,
    /// No such service.
    #[error("--services: there is no service `{0}`; there are {services}", services = service_names())]
    Service(String),
    /// Not a selector.
    #[error(
        "--watch-selectors: `{0}` is none of key=value, key!=value, key in (a,b), key notin (a,b), \
         key and !key"
    )]
    Selector(String),
    /// No such feature.
    #[error("--feature-gates: `{0}` is not of the form Name=true with one of the names {1}")]
    Gate(String, String),
    /// No such kind.
    #[error("--{flag}: there is no kind `{kind}`; there are {}", kind_names())]
    Kind {
        /// The flag.
        flag: &'static str,
        /// Its value.
        kind: String,
    },
    /// No region.
    #[error("--aws-region (or the variable AWS_REGION) is not set")]
    Region,
    /// An endpoint can't be used.
    #[error("--{flag}")]
    Endpoint {
        /// The flag.
        flag: &'static str,
        /// What is wrong.
        #[source]
        source: ClientError,
    },
    /// A tag is wrong.
    #[error("--resource-tags")]
    Tags(#[source] BadTemplate),
}

fn service_names() -> String {
    service_names_list().join(", ")
}

fn service_names_list() -> Vec<String> {
    let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.service).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn kind_names() -> String {
    KINDS.iter().map(|kind| kind.kind).collect::<Vec<_>>().join(", ")
}

/// Features and whether they are on by default.
const GATES: &[(&str, bool)] = &[
    ("ResourceAdoption", true),
    ("ReadOnlyResources", true),
    ("TeamLevelCARM", false),
    ("ServiceLevelCARM", false),
    ("IAMRoleSelector", false),
];

impl Flags {
    /// Checks what the parser can't: what is asked for is there, and names are known.
    ///
    /// # Errors
    ///
    /// The first flag that is wrong.
    pub fn check(&self) -> Result<(), BadFlags> {
        for (asked, flag) in [(self.enable_webhook_server, "enable-webhook-server")] {
            if asked {
                return Err(BadFlags::NotBuilt(flag));
            }
        }
        if self.aws_region.is_empty() {
            return Err(BadFlags::Region);
        }
        let resync = self.reconcile_resource_resync_seconds.iter().map(|item| &item.kind);
        let workers = self.reconcile_resource_max_concurrent_syncs.iter().map(|item| &item.kind);
        known_kinds("reconcile-resource-resync-seconds", resync)?;
        known_kinds("reconcile-resource-max-concurrent-syncs", workers)?;
        known_kinds("reconcile-resources", self.reconcile_resources.iter())?;
        if self.gates()?.get("IAMRoleSelector") == Some(&true) && self.enable_carm {
            return Err(BadFlags::TwoKindsOfRoles);
        }
        for service in self.served() {
            if !KINDS.iter().any(|kind| kind.service == service) {
                return Err(BadFlags::Service(service));
            }
        }
        self.labels()?;
        self.endpoint()?;
        self.identity_endpoint()?;
        self.tags()?;
        Ok(())
    }

    /// The features, by name.
    ///
    /// # Errors
    ///
    /// Unknown, or not built.
    pub fn gates(&self) -> Result<BTreeMap<&'static str, bool>, BadFlags> {
        let mut gates: BTreeMap<_, _> = GATES.iter().copied().collect();
        for text in self.feature_gates.iter().filter(|text| !text.is_empty()) {
            let names = || GATES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            let unknown = || BadFlags::Gate(text.clone(), names());
            let (name, on) = text.split_once('=').ok_or_else(unknown)?;
            let on = go_bool(on).map_err(|_| unknown())?;
            let (name, _) = GATES.iter().find(|(gate, _)| *gate == name).ok_or_else(unknown)?;
            gates.insert(name, on);
        }
        Ok(gates)
    }

    /// `--services`: those that are named; or those of the kinds of `--reconcile-resources`, by which
    /// the command lines of the published controllers tell which one they are for; or all.
    pub fn served(&self) -> Vec<String> {
        let named = self.services.iter().filter(|service| !service.is_empty());
        let named: Vec<String> = named.map(|service| service.to_lowercase()).collect();
        if !named.is_empty() {
            return named;
        }
        let mut all = service_names_list();
        let kinds = &self.reconcile_resources;
        if kinds.iter().any(|kind| !kind.is_empty()) {
            all.retain(|service| {
                let mut own = KINDS.iter().filter(|kind| kind.service == service);
                own.any(|own| kinds.iter().any(|kind| own.kind.eq_ignore_ascii_case(kind)))
            });
        }
        all
    }

    /// `--watch-selectors`.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn labels(&self) -> Result<Selector, BadFlags> {
        let mut selector = Selector::default();
        for term in terms(&self.watch_selectors) {
            let expression = expression(term).ok_or_else(|| BadFlags::Selector(term.to_owned()))?;
            selector.extend([expression]);
        }
        Ok(selector)
    }

    /// `--aws-endpoint-url`.
    ///
    /// # Errors
    ///
    /// It can't be used.
    pub fn endpoint(&self) -> Result<Option<Endpoint>, BadFlags> {
        self.url("aws-endpoint-url", &self.aws_endpoint_url)
    }

    /// `--aws-identity-endpoint-url`.
    ///
    /// # Errors
    ///
    /// It can't be used.
    pub fn identity_endpoint(&self) -> Result<Option<Endpoint>, BadFlags> {
        self.url("aws-identity-endpoint-url", &self.aws_identity_endpoint_url)
    }

    fn url(&self, flag: &'static str, url: &str) -> Result<Option<Endpoint>, BadFlags> {
        if url.is_empty() {
            return Ok(None);
        }
        Endpoint::parse(url, self.allow_unsafe_aws_endpoint_urls)
            .map(Some)
            .map_err(|source| BadFlags::Endpoint { flag, source })
    }

    /// The tags of every resource.
    ///
    /// # Errors
    ///
    /// One is not `key=template`.
    pub fn tags(&self) -> Result<Vec<Template>, BadFlags> {
        let given: Vec<&str> =
            self.resource_tags.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        let templates = if self.resource_tags.is_empty() { DEFAULT_TEMPLATES } else { &given };
        templates.iter().map(|text| Template::parse(text).map_err(BadFlags::Tags)).collect()
    }

    /// How often a synced object is read again, unless its kind has its own.
    pub fn resync(&self) -> Duration {
        match self.reconcile_default_resync_seconds {
            0 => RESYNC,
            seconds => Duration::from_secs(seconds),
        }
    }

    /// The namespaces to watch; all if empty.
    pub fn namespaces(&self) -> Vec<String> {
        let names = self.watch_namespace.iter().map(|name| name.trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    }
}

/// The terms of a label selector: commas within parentheses belong to a term.
fn terms(selector: &str) -> impl Iterator<Item = &str> {
    let mut open = false;
    let terms = selector.split(move |c| {
        open = (open || c == '(') && c != ')';
        c == ',' && !open
    });
    terms.map(str::trim).filter(|term| !term.is_empty())
}

/// One term; `None` if it is none.
fn expression(term: &str) -> Option<Expression> {
    let word = |text: &str| {
        let text = text.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        text.chars().all(fits).then(|| text.to_owned())
    };
    let key = |text: &str| word(text).filter(|key| !key.is_empty());
    if let Some(rest) = term.strip_suffix(')') {
        let (head, values) = rest.split_once('(')?;
        let values = values.split(',').map(word).collect::<Option<_>>()?;
        let (name, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Expression::In(key(name)?, values)),
            "notin" => Some(Expression::NotIn(key(name)?, values)),
            _ => None,
        };
    }
    if let Some((name, value)) = term.split_once("!=") {
        return Some(Expression::NotEqual(key(name)?, word(value)?));
    }
    if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Some(Expression::Equal(key(name)?, word(value)?));
    }
    match term.strip_prefix('!') {
        Some(name) => Some(Expression::DoesNotExist(key(name)?)),
        None => Some(Expression::Exists(key(term)?)),
    }
}

fn known_kinds<'a>(
    flag: &'static str,
    kinds: impl Iterator<Item = &'a String>,
) -> Result<(), BadFlags> {
    for kind in kinds.filter(|kind| !kind.is_empty()) {
        if !KINDS.iter().any(|known| known.kind.eq_ignore_ascii_case(kind)) {
            return Err(BadFlags::Kind { flag, kind: kind.clone() });
        }
    }
    Ok(())
}
