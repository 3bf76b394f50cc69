//! What happens to a control plane: its API server is restarted, its history forgotten.

use anyhow::{Context, bail};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{ControlPlane, wait_until_up};
use crate::process::Process;

impl ControlPlane {
    /// Kills the API server; nothing answers until [`ControlPlane::start_api_server`].
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn kill_api_server(&self) -> anyhow::Result<()> {
        self.process("kube-apiserver")?.kill()
    }

    /// Starts the API server again, and returns when it is ready.
    ///
    /// # Errors
    ///
    /// It still runs, or does not come up.
    pub async fn start_api_server(&self) -> anyhow::Result<()> {
        self.process("kube-apiserver")?.restart()?;
        wait_until_up("the API server is ready again", &self.processes, async || {
            let ready = self.client.request_text(Request::get("/readyz").body(Vec::new())?);
            Ok((ready.await? == "ok").then_some(()))
        })
        .await
    }

    /// Lets etcd forget all versions but the present ones. The API server itself remembers what it
    /// has in memory until it is started again.
    ///
    /// # Errors
    ///
    /// etcd does not answer.
    pub async fn compact(&self) -> anyhow::Result<()> {
        let now = self.etcd("range", &json!({"key": "AA==", "keys_only": true})).await?;
        let revision = now["header"]["revision"].as_str().context("etcd tells no revision")?;
        self.etcd("compaction", &json!({"revision": revision, "physical": true})).await.map(drop)
    }

    async fn etcd(&self, call: &str, body: &Value) -> anyhow::Result<Value> {
        let args = &self.process("etcd")?.program().args;
        let mut urls = args.iter().filter_map(|arg| {
            arg.to_str().and_then(|arg| arg.strip_prefix("--listen-client-urls="))
        });
        let url = urls.next().context("etcd listens nowhere")?;
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        let request = Request::post(format!("{url}/v3/kv/{call}"))
            .body(Full::new(Bytes::from(body.to_string())))?;
        let answer = client.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("etcd says {status}: {}", String::from_utf8_lossy(&body));
        }
        serde_json::from_slice(&body).context("etcd does not answer in JSON")
    }

    fn process(&self, name: &str) -> anyhow::Result<&Process> {
        let mut processes = self.processes.iter();
        let found = processes.find(|process| process.program().name == name);
        found.with_context(|| format!("there is no {name}"))
    }
}
