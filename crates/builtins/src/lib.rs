//! The kinds that come with Kubernetes, and their schemas, for each version that kro supports.
//!
//! What goes in: a version and the name of a kind. What comes out: its schema, as an API server of
//! that version publishes it, without descriptions and enumerations. Nothing is decoded before it is asked for.
//!
//! ```
//! use builtins::{Version, kinds};
//! use schema::openapi::GroupVersionKind;
//!
//! let deployment = GroupVersionKind::new("apps", "v1", "Deployment");
//! let deployment = kinds(Version::V1_34).get(&deployment).expect("it is built in");
//! assert_eq!(deployment.plural.as_deref(), Some("deployments"));
//! assert_eq!(deployment.namespaced, Some(true));
//! ```
//!
//! The tables `tables/kinds.txt` and `tables/definitions.txt` are written by
//! `cargo xtask builtins generate`. A line of either begins with its name and with the versions in
//! which it is so: `33-37` is 1.33 to 1.37.
//!
//! It must not know graphs, clients or I/O.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use schema::openapi::{GroupVersionKind, KindSchema, NamedSchemas, with_metadata};
use serde_json::Value;

mod table;

use table::Table;

/// A version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.33
    V1_33,
    /// 1.34
    V1_34,
    /// 1.35
    V1_35,
    /// 1.36
    V1_36,
    /// 1.37
    V1_37,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 5] = [Self::V1_33, Self::V1_34, Self::V1_35, Self::V1_36, Self::V1_37];

    /// The newest one.
    pub const NEWEST: Self = Self::V1_37;

    /// The number after `1.`.
    #[must_use]
    pub const fn minor(self) -> u32 {
        match self {
            Self::V1_33 => 33,
            Self::V1_34 => 34,
            Self::V1_35 => 35,
            Self::V1_36 => 36,
            Self::V1_37 => 37,
        }
    }
}

impl fmt::Display for Version {
    /// `1.34`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor())
    }
}

/// A text that names no version whose kinds are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownVersion(String);

impl fmt::Display for UnknownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<String> = Version::ALL.iter().map(ToString::to_string).collect();
        write!(f, "expected a version of Kubernetes ({}), found `{}`", known.join(", "), self.0)
    }
}

impl std::error::Error for UnknownVersion {}

impl FromStr for Version {
    type Err = UnknownVersion;

    /// Reads `1.34`, also as `v1.34` and with a patch version (`1.34.4`).
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).splitn(3, '.');
        let is_one = parts.next() == Some("1");
        let minor = parts.next().and_then(|minor| minor.parse::<u32>().ok()).filter(|_| is_one);
        let found = Self::ALL.into_iter().find(|version| Some(version.minor()) == minor);
        found.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

static KINDS: Table = Table::new(include_str!("../tables/kinds.txt"));
static DEFINITIONS: Table = Table::new(include_str!("../tables/definitions.txt"));

/// The kinds of one version of Kubernetes.
#[derive(Debug)]
pub struct Kinds {
    version: Version,
    decoded: Mutex<Decoded>,
}

#[derive(Debug, Default)]
struct Decoded {
    kinds: BTreeMap<GroupVersionKind, Option<Arc<KindSchema>>>,
    schemas: NamedSchemas,
}

/// The kinds of a version. What is decoded once stays in memory.
#[must_use]
pub fn kinds(version: Version) -> &'static Kinds {
    static ALL: LazyLock<[Kinds; Version::ALL.len()]> =
        LazyLock::new(|| Version::ALL.map(|version| Kinds { version, decoded: Mutex::default() }));
    let [v33, v34, v35, v36, v37] = &*ALL;
    match version {
        Version::V1_33 => v33,
        Version::V1_34 => v34,
        Version::V1_35 => v35,
        Version::V1_36 => v36,
        Version::V1_37 => v37,
    }
}

impl Kinds {
    /// Their version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// A kind; `None` if this version does not have it.
    ///
    /// Kinds of alpha and beta APIs are there too, whether or not a server serves them by default.
    /// As API servers do, it finds a list (`ConfigMapList`) beside each kind.
    #[must_use]
    pub fn get(&self, gvk: &GroupVersionKind) -> Option<Arc<KindSchema>> {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = decoded.kinds.get(gvk) {
            return known.clone();
        }
        let found = self.decode(gvk, &mut decoded.schemas).map(Arc::new);
        decoded.kinds.insert(gvk.clone(), found.clone());
        found
    }

    /// The names of all kinds, lists left out, in order.
    #[must_use]
    pub fn names(&self) -> Vec<GroupVersionKind> {
        KINDS.lines(self.version).filter_map(|(name, _)| name_of(name)).collect()
    }

    fn decode(&self, gvk: &GroupVersionKind, schemas: &mut NamedSchemas) -> Option<KindSchema> {
        let (kind, definition, list) = match self.row(&gvk.kind, gvk) {
            Some(row) => (gvk.kind.as_str(), row, false),
            None => {
                let element = gvk.kind.strip_suffix("List")?;
                (element, self.row(element, gvk)?, true)
            }
        };
        let mut words = definition.split(' ');
        let (plural, scope, name) = (words.next()?, words.next()?, words.next()?);
        // What no list says, Kubernetes guesses.
        let (plural, name) = if list {
            let guess = format!("{}lists", kind.to_ascii_lowercase());
            (guess, format!("{name}List"))
        } else {
            (plural.to_owned(), name.to_owned())
        };
        let schema = schemas.schema(&name, &mut |name| {
            let json = DEFINITIONS.find(name, self.version)?;
            let json = serde_json::from_str::<Value>(json);
            Some(Cow::Owned(json.expect("invariant: a test decodes every line of the table")))
        });
        let schema = with_metadata(schema.ok()?);
        let namespaced = Some(scope == "namespaced");
        Some(KindSchema { gvk: gvk.clone(), plural: Some(plural), namespaced, schema })
    }

    fn row(&self, kind: &str, gvk: &GroupVersionKind) -> Option<&'static str> {
        KINDS.find(&format!("{}/{kind}", gvk.api_version()), self.version)
    }
}

/// The kind that the table calls `group/version/Kind`, the core group left out.
fn name_of(name: &str) -> Option<GroupVersionKind> {
    let (api_version, kind) = name.rsplit_once('/')?;
    Some(GroupVersionKind::of(api_version, kind))
}
