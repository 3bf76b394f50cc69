//! Definitions and their CRDs.

use anyhow::ensure;
use e2e::kro::{
    Kro, condition, config, config_map, crd, definition, instance, is_active, is_served, object,
    rgd,
};
use e2e::scenario;
use e2e::stack::message;
use serde_json::{Value, json};

fn properties(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
}

#[test]
fn a_crd_is_made_changed_and_kept() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let fields = json!({"name": "string", "size": "integer | default=42 minimum=1 maximum=50"});
        let resources =
            json!([config("map", "${schema.spec.name}", "${string(schema.spec.size)}")]);
        kro.define(&definition("widget", "Widget", &fields, &resources)).await?;
        let served = kro.wait_served("widget").await?;
        for kind in ["GraphRevisionsResolved", "GraphAccepted", "KindReady", "ControllerReady"] {
            ensure!(condition(&served, kind) == "True", "{}", served["status"]);
        }
        ensure!(served["status"]["topologicalOrder"] == json!(["map"]), "{}", served["status"]);
        ensure!(served["status"]["lastIssuedRevision"] == 1, "{}", served["status"]);
        let made = kro.wait(&crd("widgets.kro.run"), "is there", |_| true).await?;
        let labels = &made["metadata"]["labels"];
        ensure!(labels["kro.run/owned"] == "true", "{labels}");
        ensure!(labels["kro.run/resource-graph-definition-name"] == "widget", "{labels}");
        let uid = &served["metadata"]["uid"];
        ensure!(labels["kro.run/resource-graph-definition-id"] == *uid, "{labels}");
        ensure!(made["metadata"].get("ownerReferences").is_none(), "{}", made["metadata"]);
        ensure!(properties(&made)["size"]["default"] == 42, "{made:#}");

        // A field is added, bounds are removed.
        let patch = json!({"spec": {"schema": {"spec": {
            "size": "integer | default=42", "extra": "boolean"
        }}}});
        kro.patch(&rgd("widget"), &patch).await?;
        kro.wait_served("widget").await?;
        let changed = kro
            .wait(&crd("widgets.kro.run"), "has the field", |crd| {
                properties(crd)["extra"]["type"] == "boolean"
            })
            .await?;
        ensure!(properties(&changed)["size"].get("minimum").is_none(), "{changed:#}");

        // Short names and categories come, change and go; printer columns reach the CRD.
        let column = json!([{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]);
        let names = json!({"shortNames": ["wd"], "categories": ["all"], "additionalPrinterColumns": column});
        kro.patch(&rgd("widget"), &json!({"spec": {"schema": names}})).await?;
        kro.wait(&crd("widgets.kro.run"), "has the names", |crd| {
            crd["spec"]["names"]["shortNames"] == json!(["wd"])
                && crd["spec"]["names"]["categories"] == json!(["all"])
                && crd["spec"]["versions"][0]["additionalPrinterColumns"][0]["name"] == "Size"
        })
        .await?;
        let none = json!({"shortNames": null, "categories": null});
        kro.patch(&rgd("widget"), &json!({"spec": {"schema": none}})).await?;
        kro.wait(&crd("widgets.kro.run"), "has no names", |crd| {
            crd["spec"]["names"].get("shortNames").is_none()
                && crd["spec"]["names"].get("categories").is_none()
        })
        .await?;
        kro.wait_served("widget").await?;

        // The CRD stays when its definition goes.
        kro.delete(&rgd("widget")).await?;
        kro.wait_gone(&rgd("widget")).await?;
        ensure!(kro.get(&crd("widgets.kro.run")).await?.is_some(), "the CRD is gone");
        Ok(())
    });
}

#[test]
fn breaking_changes_need_a_permission() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let fields = json!({"name": "string", "old": "string | default=\"x\""});
        let resources = json!([config("map", "${schema.spec.name}", "fixed")]);
        kro.define(&definition("widget", "Widget", &fields, &resources)).await?;
        kro.wait_served("widget").await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;

        kro.patch(&rgd("widget"), &json!({"spec": {"schema": {"spec": {"old": null}}}})).await?;
        let blocked = kro
            .wait(&rgd("widget"), "is blocked", |rgd| condition(rgd, "KindReady") == "False")
            .await?;
        ensure!(blocked["status"]["state"] == "Inactive", "{}", blocked["status"]);
        let words = message(&blocked, "KindReady");
        let expected = "cannot update CRD widgets.kro.run: breaking changes detected: ";
        ensure!(words.starts_with(expected) && words.contains("old"), "{words}");
        ensure!(blocked["status"]["lastIssuedRevision"] == 2, "{}", blocked["status"]);

        // Instances go on with what they had, after a restart, too.
        for name in ["two", "three"] {
            kro.patch(&instance("widgets", "one"), &json!({"spec": {"name": name}})).await?;
            kro.wait(&config_map(name), "follows", |_| true).await?;
            kro.wait_active("widgets", "one").await?;
            kro.restart()?;
        }
        let still = kro
            .wait(&rgd("widget"), "is blocked still", |rgd| condition(rgd, "KindReady") == "False")
            .await?;
        ensure!(still["status"]["lastIssuedRevision"] == 2, "{}", still["status"]);

        let allow =
            json!({"metadata": {"annotations": {"kro.run/allow-breaking-changes": "true"}}});
        kro.patch(&rgd("widget"), &allow).await?;
        kro.wait_served("widget").await?;
        let changed = kro.get(&crd("widgets.kro.run")).await?.unwrap_or_default();
        ensure!(properties(&changed).get("old").is_none(), "{changed:#}");
        ensure!(kro.revisions("widget").await?.len() == 2, "a revision too many");
        Ok(())
    });
}

#[test]
fn one_definition_owns_a_kind() {
    scenario(async || {
        let kro = Kro::start(&["--allow-crd-deletion"]).await?;
        let fields = json!({"name": "string"});
        let resources = json!([config("map", "${schema.spec.name}", "fixed")]);
        kro.define(&definition("first", "Widget", &fields, &resources)).await?;
        kro.wait_served("first").await?;
        kro.define(&definition("second", "Widget", &fields, &json!([]))).await?;
        let second = kro
            .wait(&rgd("second"), "is refused", |rgd| condition(rgd, "KindReady") == "False")
            .await?;
        let words = message(&second, "KindReady");
        let expected = "failed to update CRD widgets.kro.run: \
                        CRD is owned by another ResourceGraphDefinition first";
        ensure!(words == expected, "{words}");
        ensure!(second["status"]["state"] == "Inactive", "{}", second["status"]);

        // It was never active, and goes without a trace; the first goes on.
        kro.delete(&rgd("second")).await?;
        kro.wait_gone(&rgd("second")).await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        ensure!(kro.get(&rgd("first")).await?.is_some_and(|rgd| is_served(&rgd)), "not served");
        kro.delete(&instance("widgets", "one")).await?;
        kro.wait_gone(&instance("widgets", "one")).await?;

        // With the permission, the CRD goes with its definition.
        kro.delete(&rgd("first")).await?;
        kro.wait_gone(&rgd("first")).await?;
        kro.wait_gone(&crd("widgets.kro.run")).await?;

        // A CRD that somebody else made is left alone.
        let foreign = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "gadgets.kro.run"},
            "spec": {
                "group": "kro.run", "scope": "Namespaced",
                "names": {"kind": "Gadget", "plural": "gadgets"},
                "versions": [{"name": "v1alpha1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        kro.create(&crd(""), &foreign).await?;
        kro.define(&definition("gadget", "Gadget", &fields, &json!([]))).await?;
        let refused = kro
            .wait(&rgd("gadget"), "is refused", |rgd| condition(rgd, "KindReady") == "False")
            .await?;
        let words = message(&refused, "KindReady");
        ensure!(words.ends_with("CRD already exists and is not owned by KRO"), "{words}");
        kro.delete(&rgd("gadget")).await?;
        kro.wait_gone(&rgd("gadget")).await?;
        ensure!(kro.get(&crd("gadgets.kro.run")).await?.is_some(), "a foreign CRD is gone");
        Ok(())
    });
}

#[test]
fn a_crd_that_is_changed_or_deleted_by_hand_is_repaired() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let fields = json!({"name": "string", "size": "integer | default=42"});
        let resources = json!([config("map", "${schema.spec.name}", "fixed")]);
        kro.define(&definition("widget", "Widget", &fields, &resources)).await?;
        kro.wait_served("widget").await?;
        let path = crd("widgets.kro.run");
        let mut edited = kro.get(&path).await?.unwrap_or_default();
        let schema = &mut edited["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["properties"]["spec"]["properties"]
            .as_object_mut()
            .and_then(|properties| properties.remove("size"));
        kro.send(http::Method::PUT, &path, &edited).await?;
        kro.wait(&path, "is as before", |crd| properties(crd)["size"]["default"] == 42).await?;

        let before = kro.get(&path).await?.unwrap_or_default();
        kro.delete(&path).await?;
        kro.wait(&path, "is there again", |crd| {
            crd["metadata"]["uid"] != before["metadata"]["uid"]
        })
        .await?;
        kro.wait_served("widget").await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await.map(drop)
    });
}

#[test]
fn admission_refuses_names_that_no_crd_may_have() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let good = definition("widget", "Widget", &json!({"name": "string"}), &json!([]));
        for (key, value, says) in [
            ("kind", json!("widget"), "spec.schema.kind"),
            ("kind", json!("Wid-get"), "spec.schema.kind"),
            ("apiVersion", json!("1alpha1"), "spec.schema.apiVersion"),
            ("shortNames", json!(["Wd"]), "spec.schema.shortNames"),
            ("shortNames", json!(["wd", "wd"]), "spec.schema.shortNames"),
            ("categories", json!(["-all"]), "spec.schema.categories"),
            ("scope", json!("Everywhere"), "spec.schema.scope"),
        ] {
            let mut bad = good.clone();
            bad["spec"]["schema"][key] = value;
            let error = kro.define(&bad).await.err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            ensure!(error.contains(says), "{key}: {error}");
        }
        kro.define(&good).await?;
        kro.wait_served("widget").await?;
        let renamed = json!({"spec": {"schema": {"kind": "Gadget"}}});
        let error = kro.patch(&rgd("widget"), &renamed).await.err().map(|error| error.to_string());
        ensure!(error.is_some_and(|error| error.contains("kind is immutable")), "the kind changed");
        Ok(())
    });
}

#[test]
fn a_cycle_is_inactive_until_it_is_mended() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let fields = json!({"name": "string"});
        let cyclic = json!([config("a", "a", "${b.data.key}"), config("b", "b", "${a.data.key}"),]);
        kro.define(&definition("widget", "Widget", &fields, &cyclic)).await?;
        let inactive = kro
            .wait(&rgd("widget"), "is refused", |rgd| condition(rgd, "GraphAccepted") == "False")
            .await?;
        ensure!(inactive["status"]["state"] == "Inactive", "{}", inactive["status"]);
        ensure!(message(&inactive, "GraphAccepted").contains("cycle"), "{}", inactive["status"]);
        ensure!(inactive["status"].get("lastIssuedRevision").is_none(), "{}", inactive["status"]);
        ensure!(kro.revisions("widget").await?.is_empty(), "a bad revision was issued");
        let mended = json!([config("a", "a", "fixed"), config("b", "b", "${a.data.key}")]);
        kro.patch(&rgd("widget"), &json!({"spec": {"resources": mended}})).await?;
        let served = kro.wait_served("widget").await?;
        ensure!(served["status"]["topologicalOrder"] == json!(["a", "b"]), "{}", served["status"]);
        let expected = json!([{"id": "b", "dependencies": [{"id": "a"}]}]);
        ensure!(served["status"]["resources"] == expected, "{}", served["status"]);
        Ok(())
    });
}

#[test]
fn kinds_may_come_and_go() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let part = json!([{
            "id": "part",
            "template": {
                "apiVersion": "parts.example.com/v1", "kind": "Part",
                "metadata": {"name": "${schema.spec.name}"},
                "spec": {"size": "${schema.spec.size}"},
            },
        }]);
        let fields = json!({"name": "string", "size": "integer | default=1"});
        kro.define(&definition("widget", "Widget", &fields, &part)).await?;
        let waiting = kro
            .wait(&rgd("widget"), "misses a kind", |rgd| {
                message(rgd, "GraphAccepted").contains("Part")
            })
            .await?;
        ensure!(waiting["status"]["state"] == "Inactive", "{}", waiting["status"]);
        let others = json!([config("map", "${schema.spec.name}", "fixed")]);
        kro.define(&definition("other", "Other", &json!({"name": "string"}), &others)).await?;
        kro.wait_served("other").await?;

        // It appears.
        let kind = |size: &str| {
            json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "parts.parts.example.com"},
                "spec": {
                    "group": "parts.example.com", "scope": "Namespaced",
                    "names": {"kind": "Part", "plural": "parts"},
                    "versions": [{"name": "v1", "served": true, "storage": true,
                        "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                            "spec": {"type": "object", "properties": {"size": {"type": size}}},
                        }}}}],
                },
            })
        };
        kro.create(&crd(""), &kind("integer")).await?;
        kro.wait_served("widget").await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;

        // It changes: exactly what uses it is looked at again.
        let other = kro.get(&rgd("other")).await?.unwrap_or_default();
        let path = crd("parts.parts.example.com");
        let types = json!({"spec": {"versions": kind("string")["spec"]["versions"]}});
        kro.patch(&path, &types).await?;
        let failed = kro
            .wait(&rgd("widget"), "does not fit", |rgd| condition(rgd, "GraphAccepted") == "False")
            .await?;
        ensure!(message(&failed, "GraphAccepted").contains("size"), "{}", failed["status"]);
        ensure!(condition(&failed, "GraphRevisionsResolved") == "False", "{}", failed["status"]);
        let says = |object: &Value| {
            object["status"]["state"] == "ERROR"
                && message(object, "GraphResolved") == "latest issued graph revision 1 failed"
        };
        kro.wait(&instance("widgets", "one"), "says so", says).await?;
        kro.patch(&path, &json!({"spec": {"versions": kind("integer")["spec"]["versions"]}}))
            .await?;
        kro.wait_served("widget").await?;
        kro.wait(&instance("widgets", "one"), "is well again", is_active).await?;

        // It goes, and comes back.
        kro.delete(&path).await?;
        kro.wait(&instance("widgets", "one"), "misses its kind", says).await?;
        kro.create(&crd(""), &kind("integer")).await?;
        kro.wait_served("widget").await?;
        kro.wait(&instance("widgets", "one"), "is well again", is_active).await?;
        let same = kro.get(&rgd("other")).await?.unwrap_or_default();
        ensure!(
            same["metadata"]["resourceVersion"] == other["metadata"]["resourceVersion"],
            "{same:#}"
        );
        ensure!(kro.revisions("widget").await?.len() == 1, "a revision too many");
        Ok(())
    });
}
