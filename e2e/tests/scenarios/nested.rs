//! Definitions that are resources of other definitions.

use anyhow::ensure;
use e2e::kro::{Kro, config_map, crd, instance, object, rgd};
use e2e::scenario;
use serde_json::json;

/// What is evaluated for an instance of `Made` has to reach its definition as text.
const OUTER: &str = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: maker}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Maker
    spec: {default: string}
    status: {api: "${api.status.state}"}
  resources:
  - id: api
    readyWhen: ['${api.status.state == "Active"}']
    template:
      apiVersion: kro.run/v1alpha1
      kind: ResourceGraphDefinition
      metadata: {name: "${schema.metadata.name}-api"}
      spec:
        schema:
          apiVersion: v1alpha1
          kind: Made
          spec: {value: 'string | default="${schema.spec.default}"'}
        resources:
        - id: map
          template:
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: made}
            data: {value: '${"$" + "{schema.spec.value}"}'}
  - id: note
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: note}
      data: {state: "${api.status.state}", order: '${api.status.topologicalOrder.join(",")}'}
"#;

#[test]
fn a_definition_makes_a_definition_and_both_levels_go() {
    scenario(async || {
        let kro = Kro::start(&["--allow-crd-deletion"]).await?;
        kro.apply(OUTER).await?;
        kro.wait_served("maker").await?;
        let one = instance("makers", "one");
        kro.create(&one, &object("Maker", "one", &json!({"default": "first"}))).await?;
        let active = kro.wait_active("makers", "one").await?;
        ensure!(active["status"]["api"] == "Active", "{}", active["status"]);
        // What a definition's status says is data for other resources.
        let note = kro.wait(&config_map("note"), "is there", |_| true).await?;
        ensure!(note["data"] == json!({"state": "Active", "order": "map"}), "{note:#}");
        kro.wait_served("one-api").await?;

        let made = instance("mades", "it");
        kro.create(&made, &object("Made", "it", &json!({}))).await?;
        kro.wait_active("mades", "it").await?;
        kro.wait(&config_map("made"), "has the default", |map| map["data"]["value"] == "first")
            .await?;
        // A change of the outer instance is one of the inner definition.
        kro.patch(&one, &json!({"spec": {"default": "second"}})).await?;
        kro.wait(&crd("mades.kro.run"), "has the new default", |crd| {
            let versions = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
            versions["spec"]["properties"]["value"]["default"] == "second"
        })
        .await?;
        kro.wait_served("one-api").await?;
        kro.wait_active("makers", "one").await?;
        kro.wait_active("mades", "it").await?;

        // With the outer instance goes the definition, its kind, its instances and their objects.
        kro.delete(&one).await?;
        for path in
            [rgd("one-api"), crd("mades.kro.run"), config_map("made"), config_map("note"), one]
        {
            kro.wait_gone(&path).await?;
        }
        Ok(())
    });
}
