//! What people put together most: a web application with all that stands around it; and what a
//! quota makes of it.

use crate::process::{address, fetch};
use anyhow::ensure;
use e2e::kro::{Kro, config_map, instance, object};
use e2e::scenario;
use e2e::stack::message;
use serde_json::json;

const WEB: &str = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: web}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Web
    spec:
      image: string
      replicas: {min: integer | default=1, max: integer | default=3}
      host: string | default=""
    status: {address: "${service.spec.clusterIP}", replicas: "${scaler.spec.minReplicas}"}
  resources:
  - id: account
    template: {apiVersion: v1, kind: ServiceAccount, metadata: {name: "${schema.metadata.name}"}}
  - id: settings
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}"}
      data: {image: "${schema.spec.image}"}
  - id: deployment
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${schema.metadata.name}"}
      spec:
        selector: {matchLabels: {app: "${schema.metadata.name}"}}
        template:
          metadata: {labels: {app: "${schema.metadata.name}"}}
          spec:
            serviceAccountName: ${account.metadata.name}
            containers:
            - name: main
              image: ${schema.spec.image}
              envFrom: [{configMapRef: {name: "${settings.metadata.name}"}}]
  - id: service
    template:
      apiVersion: v1
      kind: Service
      metadata: {name: "${deployment.metadata.name}"}
      spec:
        selector: ${deployment.spec.selector.matchLabels}
        ports: [{port: 80, targetPort: 8080}]
  - id: scaler
    template:
      apiVersion: autoscaling/v2
      kind: HorizontalPodAutoscaler
      metadata: {name: "${deployment.metadata.name}"}
      spec:
        scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: "${deployment.metadata.name}"}
        minReplicas: ${schema.spec.replicas.min}
        maxReplicas: ${schema.spec.replicas.max}
  - id: ingress
    includeWhen: ['${schema.spec.host != ""}']
    template:
      apiVersion: networking.k8s.io/v1
      kind: Ingress
      metadata: {name: "${service.metadata.name}"}
      spec:
        rules:
        - host: ${schema.spec.host}
          http:
            paths:
            - path: /
              pathType: Prefix
              backend: {service: {name: "${service.metadata.name}", port: {number: 80}}}
"#;

#[test]
fn a_web_application_with_service_ingress_and_autoscaler_lives_and_goes() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(WEB).await?;
        kro.wait_served("web").await?;
        let spec = json!({"image": "first", "host": "web.example.com"});
        kro.create(&instance("webs", "shop"), &object("Web", "shop", &spec)).await?;
        let active = kro.wait_active("webs", "shop").await?;
        let apps = "/apis/apps/v1/namespaces/default/deployments/shop";
        let service = "/api/v1/namespaces/default/services/shop";
        let scaler =
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/shop".to_owned();
        let ingress = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/shop";
        let live = kro.wait(service, "is there", |_| true).await?;
        ensure!(active["status"]["address"] == live["spec"]["clusterIP"], "{active:#}");
        ensure!(live["spec"]["selector"] == json!({"app": "shop"}), "{live:#}");
        kro.wait(ingress, "leads to the service", |ingress| {
            ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] == "shop"
        })
        .await?;

        let change = json!({"spec": {"image": "second", "host": "", "replicas": {"min": 2}}});
        kro.patch(&instance("webs", "shop"), &change).await?;
        kro.wait(apps, "runs the image", |deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "second"
        })
        .await?;
        kro.wait(&scaler, "scales", |scaler| scaler["spec"]["minReplicas"] == 2).await?;
        kro.wait_gone(ingress).await?;
        let changed = kro.wait_active("webs", "shop").await?;
        ensure!(changed["status"]["replicas"] == 2, "{}", changed["status"]);

        kro.delete(&instance("webs", "shop")).await?;
        kro.wait_gone(&instance("webs", "shop")).await?;
        for path in [apps, service, scaler.as_str(), &config_map("shop")] {
            ensure!(kro.get(path).await?.is_none(), "{path} is left");
        }
        Ok(())
    });
}

#[test]
fn what_a_quota_refuses_is_no_failure_of_the_reconcile() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(WEB).await?;
        kro.wait_served("web").await?;
        // Nobody counts here what there is, so that is written down.
        let path = "/api/v1/namespaces/default/resourcequotas/few";
        let quota = |hard: &str| json!({"services": hard});
        let few = json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": "default"}, "spec": {"hard": quota("0")},
        });
        kro.create(path, &few).await?;
        let counted = json!({"status": {"hard": quota("0"), "used": quota("0")}});
        kro.patch(&format!("{path}/status"), &counted).await?;
        e2e::wait_for("the quota has an effect", e2e::kro::SOON, async || {
            let args = ["create", "service", "clusterip", "probe", "--tcp=80", "--dry-run=server"];
            ensure!(kro.plane.kubectl(&args).await.is_err(), "not yet");
            Ok(Some(()))
        })
        .await?;

        let one = instance("webs", "shop");
        kro.create(&one, &object("Web", "shop", &json!({"image": "first"}))).await?;
        kro.wait(&one, "says why", |one| {
            one["status"]["state"] == "ERROR"
                && message(one, "ResourcesReady").contains("exceeded quota: few")
        })
        .await?;
        // What does not depend on the service is there.
        let scaler = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/shop";
        kro.wait(scaler, "is there", |_| true).await?;
        let (code, metrics) = fetch(&address(&kro.controller, "metrics")?, "/metrics").await?;
        ensure!(code == 200, "{metrics}");
        let errors = metrics.lines().filter(|line| {
            line.starts_with("instance_reconcile_errors_total{") && !line.ends_with(" 0")
        });
        ensure!(errors.clone().count() == 0, "{:?}", errors.collect::<Vec<_>>());
        ensure!(metrics.contains("instance_reconcile_total{"), "no reconcile: {metrics}");

        let more = json!({"spec": {"hard": quota("9")}});
        kro.patch(path, &more).await?;
        let counted = json!({"status": {"hard": quota("9"), "used": quota("1")}});
        kro.patch(&format!("{path}/status"), &counted).await?;
        kro.wait_active("webs", "shop").await.map(drop)
    });
}
