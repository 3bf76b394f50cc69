//! Where the kinds come from that templates use.
//!
//! A kind is looked for in this order: definitions and CRDs of the same run, directories of
//! schemas, the kinds that ship with the program, a cluster. Nothing is decoded before it is
//! asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use graph::{Kind, Kinds, Options, RgdSpec};
use schema::openapi::{GroupVersionKind, KindSchema};

#[cfg(feature = "cluster")]
use crate::cluster::Cluster;
use crate::kinds::documents::Documents;
use crate::{Failure, input};

mod documents;

/// The CRDs of the ACK kinds that this project ships, by file name.
const ACK: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/ack_crds.rs"));

/// Which kinds there are beside those of the files themselves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kinds")]
pub(crate) struct KindArgs {
    /// A directory or file with CRDs and OpenAPI v3 documents; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) schemas: Vec<PathBuf>,
    /// The version of Kubernetes whose built-in kinds templates use: 1.33 to 1.37.
    #[arg(long, value_name = "VERSION", default_value_t = builtins::Version::NEWEST)]
    pub(crate) kubernetes: builtins::Version,
    /// A feature gate of kro, as the cluster has it: `CELOmitFunction=true`; may be repeated.
    #[arg(long, value_name = "GATE=BOOL", help_heading = None::<&'static str>)]
    pub(crate) feature_gates: Vec<String>,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Which cluster is asked, if any.
#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Ask a live cluster for kinds, instead of those that ship with the program.
    #[arg(long)]
    pub(crate) cluster: bool,
    /// Path of the kubeconfig, if not KUBECONFIG or ~/.kube/config.
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Name of the context in the kubeconfig.
    #[arg(long, value_name = "NAME", requires = "cluster")]
    pub(crate) context: Option<String>,
}

/// Everything that knows kinds.
pub(crate) struct KindSources {
    /// Of definitions and CRDs in this run.
    own: BTreeMap<GroupVersionKind, Arc<Kind>>,
    /// Found so far elsewhere.
    found: BTreeMap<GroupVersionKind, Arc<Kind>>,
    schemas: Documents,
    ack: Documents,
    builtins: &'static builtins::Kinds,
    /// If one is asked; then nothing that ships with the program counts.
    #[cfg(feature = "cluster")]
    pub(crate) cluster: Option<Cluster>,
}

// === impl KindArgs ===

impl KindArgs {
    /// Whether a live cluster is asked.
    pub(crate) fn asks_cluster(&self) -> bool {
        #[cfg(feature = "cluster")]
        return self.cluster.cluster;
        #[cfg(not(feature = "cluster"))]
        false
    }

    /// What definitions may use.
    ///
    /// # Errors
    /// When there is no such feature gate.
    pub(crate) fn options(&self) -> Result<Options, Failure> {
        let mut options = Options::default();
        for gate in self.feature_gates.iter().flat_map(|gates| gates.split(',')) {
            match gate.split_once('=') {
                Some(("CELOmitFunction", "true")) => options.omit = true,
                Some(("CELOmitFunction", "false")) => options.omit = false,
                Some(_) | None => {
                    let message = format!("--feature-gates {gate}: expected CELOmitFunction=true");
                    return Err(Failure::Usage(message));
                }
            }
        }
        Ok(options)
    }
}

// === impl KindSources ===

impl KindSources {
    /// The sources that the arguments name.
    ///
    /// # Errors
    /// When a directory can't be read.
    pub(crate) fn new(args: &KindArgs) -> Result<Self, Failure> {
        let mut schemas = Documents::default();
        for path in &args.schemas {
            let files = if path.is_dir() { input::files_below(path)? } else { vec![path.clone()] };
            for file in files {
                schemas.add(input::shown(&file), input::read_file(&file)?.into())?;
            }
        }
        let mut ack = Documents::default();
        for (name, text) in ACK {
            ack.add((*name).to_owned(), (*text).into())?;
        }
        let builtins = builtins::kinds(args.kubernetes);
        Ok(Self {
            own: BTreeMap::new(),
            found: BTreeMap::new(),
            schemas,
            ack,
            builtins,
            #[cfg(feature = "cluster")]
            cluster: match args.cluster.cluster {
                true => Some(Cluster::connect(&args.cluster)?),
                false => None,
            },
        })
    }

    /// Adds a kind of this run; `false` if there was one with this name.
    pub(crate) fn add(&mut self, kind: Kind) -> bool {
        self.own.insert(kind.gvk.clone(), Arc::new(kind)).is_none()
    }

    /// The kinds that a definition's templates name, as far as they are known.
    ///
    /// # Errors
    /// When a schema that would describe one is malformed.
    pub(crate) fn of(&mut self, spec: &RgdSpec) -> Result<Kinds, Failure> {
        let mut kinds = Kinds::new();
        for gvk in graph::kinds(spec) {
            if let Some(kind) = self.find(&gvk)? {
                kinds.insert(gvk, kind);
            }
        }
        Ok(kinds)
    }

    /// One kind.
    ///
    /// # Errors
    /// When a schema that would describe it is malformed.
    pub(crate) fn find(&mut self, gvk: &GroupVersionKind) -> Result<Option<Arc<Kind>>, Failure> {
        if let Some(kind) = self.own.get(gvk).or_else(|| self.found.get(gvk)) {
            return Ok(Some(kind.clone()));
        }
        let kind = match self.schemas.find(gvk)? {
            Some(kind) => Some(kind),
            None => self.installed(gvk)?,
        };
        let Some(kind) = kind.map(Arc::new) else { return Ok(None) };
        self.found.insert(gvk.clone(), kind.clone());
        Ok(Some(kind))
    }

    /// A kind of the cluster, if one is asked, or one that ships with the program.
    fn installed(&mut self, gvk: &GroupVersionKind) -> Result<Option<Kind>, Failure> {
        #[cfg(feature = "cluster")]
        if let Some(cluster) = &mut self.cluster {
            return cluster.kind(gvk);
        }
        let built_in =
            || self.builtins.get(gvk).map(|kind| complete(KindSchema::clone(&kind), None));
        Ok(self.ack.find(gvk)?.or_else(built_in))
    }

    /// The kind of an object in this run, if a definition or CRD of this run declares it.
    pub(crate) fn own(&self, gvk: &GroupVersionKind) -> Option<&Arc<Kind>> {
        self.own.get(gvk)
    }

    /// The names of all kinds that could be meant.
    pub(crate) fn names(&mut self) -> Vec<GroupVersionKind> {
        let mut names: Vec<_> = self.own.keys().cloned().collect();
        names.extend(self.schemas.names());
        #[cfg(feature = "cluster")]
        if let Some(cluster) = &self.cluster {
            names.extend(cluster.names());
            return names;
        }
        names.extend(self.ack.names());
        names.extend(self.builtins.names());
        names
    }
}

/// A kind as the compiler wants it; what its source does not say is taken from its name.
pub(crate) fn complete(kind: KindSchema, place: Option<&(String, bool)>) -> Kind {
    let (plural, namespaced) = match place {
        Some((plural, namespaced)) => (Some(plural.clone()), Some(*namespaced)),
        None => (None, None),
    };
    let guessed = || schema::pluralize(&kind.gvk.kind.to_lowercase());
    Kind {
        plural: kind.plural.clone().or(plural).unwrap_or_else(guessed),
        namespaced: kind.namespaced.or(namespaced).unwrap_or(true),
        gvk: kind.gvk,
        schema: kind.schema,
    }
}
