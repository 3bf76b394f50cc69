//! Who may talk to the API server, and how both sides prove themselves.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Somebody whom the API server knows by a token of their own, so that the audit log tells
/// who did what. All are in the group `system:masters`: RBAC is on, and lets them do everything.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum User {
    /// The test itself, and kubectl: `admin`.
    Admin,
    /// `kro-controller`.
    KroController,
    /// `ack-controller`.
    AckController,
    /// `kube-controller-manager`.
    KubeControllerManager,
    /// `kube-scheduler`.
    KubeScheduler,
    /// `kwok`.
    Kwok,
}

impl User {
    /// All users.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::KroController,
        Self::AckController,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kwok,
    ];

    /// The name by which the audit log has them.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::KroController => "kro-controller",
            Self::AckController => "ack-controller",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }

    /// Their bearer token. It is no secret: it is good for one API server on loopback.
    #[must_use]
    pub fn token(self) -> String {
        format!("token-of-{}", self.name())
    }
}

/// The files that prove identities, in one directory.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) tokens: PathBuf,
    pub(crate) service_account_key: PathBuf,
    /// The public half: kube-apiserver reads none from a private key in this form.
    pub(crate) service_account_public_key: PathBuf,
}

impl Credentials {
    /// Writes them: a certificate for 127.0.0.1 with the authority that signed it, the users' tokens,
    /// and the key of service account tokens.
    pub(crate) fn write(directory: &Path) -> anyhow::Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key)?;

        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?
            .signed_by(&key, &Issuer::new(authority, authority_key))?;

        let mut tokens = String::new();
        for user in User::ALL {
            let name = user.name();
            tokens.push_str(&format!("{},{name},{name},system:masters\n", user.token()));
        }

        let service_accounts = KeyPair::generate()?;
        let put = |name: &str, content: String| {
            let path = directory.join(name);
            fs::write(&path, content).with_context(|| format!("can't write {}", path.display()))?;
            anyhow::Ok(path)
        };
        Ok(Self {
            authority: put("authority.crt", authority_certificate.pem())?,
            certificate: put("apiserver.crt", certificate.pem())?,
            key: put("apiserver.key", key.serialize_pem())?,
            tokens: put("tokens.csv", tokens)?,
            service_account_key: put("service-accounts.key", service_accounts.serialize_pem())?,
            service_account_public_key: put(
                "service-accounts.pub",
                service_accounts.public_key_pem(),
            )?,
        })
    }
}

/// Writes a kubeconfig for a server. Over plain HTTP, which is a proxy's, it holds no token.
pub(crate) fn write_kubeconfig(
    path: &Path,
    server: &str,
    secured: Option<(&Path, User)>,
) -> anyhow::Result<()> {
    let (cluster, user) = match secured {
        Some((authority, user)) => (
            serde_json::json!({ "server": server, "certificate-authority": authority }),
            serde_json::json!({ "token": user.token() }),
        ),
        None => (serde_json::json!({ "server": server }), serde_json::json!({})),
    };
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "e2e", "cluster": cluster }],
        "users": [{ "name": "e2e", "user": user }],
        "contexts": [{ "name": "e2e", "context": { "cluster": "e2e", "user": "e2e" } }],
        "current-context": "e2e",
    });
    fs::write(path, serde_json::to_vec_pretty(&config)?)
        .with_context(|| format!("can't write {}", path.display()))
}
