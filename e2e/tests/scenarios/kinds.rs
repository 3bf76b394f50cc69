//! Kinds that are unusual: CRDs as children, odd versions, schemas that keep everything, one name
//! in two groups.

use anyhow::ensure;
use e2e::kro::{Kro, config_map, crd, definition, instance, is_active, object, rgd};
use e2e::scenario;
use serde_json::{Value, json};

#[test]
fn children_may_be_of_any_kind() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.odd.example.com}
spec:
  group: odd.example.com
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
  - name: v1api20200601
    served: true
    storage: true
    subresources: {status: {}}
    schema: &open
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
  - name: v1p1beta1
    served: true
    storage: false
    subresources: {status: {}}
    schema: *open
"#,
        )
        .await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: catalog}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Catalog
    spec: {plural: string, depth: integer | default=1}
    status: {answer: "${newer.status.answer}", depth: "${older.spec.anything.depth}"}
  resources:
  - id: crd
    template:
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: "${schema.spec.plural}.made.example.com"}
      spec:
        group: made.example.com
        scope: Namespaced
        names: {kind: Gadget, plural: gadgets}
        versions:
        - name: v1
          served: true
          storage: true
          schema:
            openAPIV3Schema:
              type: object
              properties: {spec: {type: object, properties: {size: {type: integer}}}}
    readyWhen: ["${crd.status.conditions.exists(c, c.type == 'Established' && c.status == 'True')}"]
  - id: older
    template:
      apiVersion: odd.example.com/v1api20200601
      kind: Thing
      metadata: {name: "${schema.metadata.name}-older"}
      spec: {of: "${crd.metadata.name}", anything: {goes: [1, two], depth: "${schema.spec.depth}"}}
  - id: newer
    template:
      apiVersion: odd.example.com/v1p1beta1
      kind: Thing
      metadata: {name: "${schema.metadata.name}-newer"}
      spec: {from: "${older.spec.anything.depth}"}
"#,
        )
        .await?;
        kro.wait_served("catalog").await?;
        let one = instance("catalogs", "one");
        let spec = json!({"plural": "gadgets"});
        kro.create(&one, &object("Catalog", "one", &spec)).await?;
        let thing = |version: &str, name: &str| {
            format!("/apis/odd.example.com/{version}/namespaces/default/things/{name}")
        };
        let (older, newer) = (thing("v1api20200601", "one-older"), thing("v1p1beta1", "one-newer"));
        let live = kro.wait(&older, "is there", |_| true).await?;
        let expected = json!({
            "of": "gadgets.made.example.com", "anything": {"goes": [1, "two"], "depth": 1},
        });
        ensure!(live["spec"] == expected, "{live:#}");
        kro.wait(&newer, "is there", |live| live["spec"]["from"] == 1).await?;
        kro.wait_active("catalogs", "one").await?;

        // What a controller of that kind writes is read, though no schema names it.
        kro.patch(&format!("{newer}/status"), &json!({"status": {"answer": "42"}})).await?;
        kro.wait(&one, "shows it", |one| one["status"]["answer"] == "42").await?;
        kro.patch(&one, &json!({"spec": {"depth": 2}})).await?;
        kro.wait(&newer, "follows", |live| live["spec"]["from"] == 2).await?;
        kro.wait(&one, "follows", |one| one["status"]["depth"] == 2).await?;

        kro.delete(&one).await?;
        kro.wait_gone(&one).await?;
        kro.wait_gone(&crd("gadgets.made.example.com")).await?;
        kro.wait_gone(&older).await
    });
}

#[test]
fn one_kind_name_in_two_groups_is_two_kinds() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let path = |group: &str, name: &str| {
            format!("/apis/{group}.example.com/v1alpha1/namespaces/default/widgets/{name}")
        };
        for group in ["one", "two"] {
            let resources = json!([{
                "id": "map",
                "template": {
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": format!("${{schema.metadata.name}}-{group}")},
                    "data": {"value": "${schema.spec.value}", "group": group},
                },
            }]);
            let mut rgd = definition(group, "Widget", &json!({"value": "string"}), &resources);
            rgd["spec"]["schema"]["group"] = format!("{group}.example.com").into();
            kro.define(&rgd).await?;
            kro.wait_served(group).await?;
            let mut widget = object("Widget", "same", &json!({"value": "first"}));
            widget["apiVersion"] = format!("{group}.example.com/v1alpha1").into();
            kro.create(&path(group, ""), &widget).await?;
        }
        for group in ["one", "two"] {
            kro.wait(&path(group, "same"), "is ACTIVE", is_active).await?;
        }
        let other = kro.wait(&config_map("same-two"), "is there", |_| true).await?;

        // Neither a change nor the end of the one touches the other.
        kro.patch(&path("one", "same"), &json!({"spec": {"value": "second"}})).await?;
        kro.wait(&config_map("same-one"), "follows", |map| map["data"]["value"] == "second")
            .await?;
        kro.delete(&path("one", "same")).await?;
        kro.wait_gone(&path("one", "same")).await?;
        kro.wait_gone(&config_map("same-one")).await?;
        kro.delete(&rgd("one")).await?;
        kro.wait_gone(&rgd("one")).await?;
        let after = kro.wait(&config_map("same-two"), "is there", |_| true).await?;
        let version = |map: &Value| map["metadata"]["resourceVersion"].clone();
        ensure!(version(&after) == version(&other), "{after:#}");
        kro.patch(&path("two", "same"), &json!({"spec": {"value": "third"}})).await?;
        kro.wait(&config_map("same-two"), "follows", |map| map["data"]["value"] == "third")
            .await
            .map(drop)
    });
}
