//! kro's own CRDs, brought up to date by the program that needs them.

use kube::Client;
use serde_json::Value;

/// The name of each CRD, and the CRD.
const CRDS: [(&str, &str); 2] = [
    (
        "resourcegraphdefinitions.kro.run",
        include_str!("../crds/kro.run_resourcegraphdefinitions.yaml"),
    ),
    (
        "graphrevisions.internal.kro.run",
        include_str!("../crds/internal.kro.run_graphrevisions.yaml"),
    ),
];

/// Applies kro's own CRDs. What is up to date is not changed by it.
///
/// Helm installs the CRDs of a chart but never upgrades them; a newer controller would miss the
/// fields that it writes.
///
/// # Errors
///
/// The API server refuses one of them, or does not answer.
pub async fn upgrade_crds(client: &Client) -> Result<(), kube::Error> {
    for (name, crd) in CRDS {
        let path = format!(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}\
             ?fieldManager=kro&force=true"
        );
        let request = http::Request::patch(path)
            .header("Content-Type", "application/apply-patch+yaml")
            .body(crd.as_bytes().to_vec())
            .map_err(kube::Error::HttpError)?;
        client.request::<Value>(request).await?;
        tracing::info!(crd = name, "CRD is up to date");
    }
    Ok(())
}
