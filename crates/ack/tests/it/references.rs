//! Fields that are given by reference to another object.

use ack::sqs::Queue;
use serde_json::Value as Json;
use serde_json::json;

use crate::world::Script;

const KEY: &str = "/apis/kms.services.k8s.aws/v1alpha1/namespaces/team/keys/main";

fn queue() -> Json {
    json!({ "spec": { "queueName": "q", "kmsMasterKeyRef": { "from": { "name": "main" } } } })
}

fn key(condition: &str, status: &str) -> Json {
    json!({ "status": { "keyID": "key-1",
        "conditions": [{ "type": condition, "status": status }] } })
}

#[track_caller]
fn said(script: &Script<Queue>, expected: &str) {
    assert_eq!(script.conditions(), [expected], "and nothing else");
}

#[tokio::test]
async fn what_is_not_there_is_waited_for() {
    let script = Script::<Queue>::new(queue());
    let log = script.pass().await;
    assert!(log.ends_with("again with backoff") && !log.contains("send"), "{log}");
    let at = "resource:Key, namespace:team, name:main";
    let begin = "ACK.ReferencesResolved | Unknown | ";
    let end = " | Reference resolution failed";
    said(&script, &format!("{begin}the referenced resource does not exist. {at}{end}"));
    script.with(KEY, key("ACK.ResourceSynced", "False"));
    script.pass().await;
    said(&script, &format!("{begin}the referenced resource is not synced yet. {at}{end}"));
    script.with(KEY, key("ACK.Terminal", "True"));
    script.pass().await;
    let begin = "ACK.ReferencesResolved | False | ";
    let text = "the referenced resource has 'ACK.Terminal' condition 'True'. Cannot be referenced.";
    said(&script, &format!("{begin}{text} {at}{end}"));
}

/// AWS gets the value, and the spec keeps the reference alone.
#[tokio::test]
async fn the_value_goes_to_aws_only() {
    let script = Script::<Queue>::new(queue()).reads(Ok(None)).sends(Err(crate::world::silence()));
    script.with(KEY, key("ACK.ResourceSynced", "True"));
    let log = script.pass().await;
    assert!(log.contains("key-1"), "{log}");
    assert_eq!(script.object()["spec"], queue()["spec"]);
    let conditions = script.conditions();
    assert_eq!(
        conditions.first().map(String::as_str),
        Some("ACK.ReferencesResolved | True | - | -")
    );
}

#[tokio::test]
async fn value_and_reference_exclude_each_other() {
    let mut both = queue();
    both["spec"]["kmsMasterKeyID"] = "key-2".into();
    let script = Script::<Queue>::new(both);
    let log = script.pass().await;
    assert!(log.ends_with("no more"), "{log}");
    said(
        &script,
        "ACK.ReferencesResolved | Unknown | both resource reference wrapper and ID cannot be used \
         together: kmsMasterKeyID,kmsMasterKeyRef | Reference resolution failed",
    );
}

/// AWS quotes a policy that it refuses; whether the policy came by reference makes no difference.
#[tokio::test]
async fn a_policy_that_is_referenced_is_not_quoted() {
    let policy = r#"{"Statement":[{"Sid":"OfTheVault","Effect":"Allow"}]}"#;
    let mut refused = crate::world::refusal("InvalidAttributeValue");
    refused.message = format!("Invalid value for the parameter Policy: {policy} (OfTheVault)");
    let spec = json!({ "queueName": "q", "policyRef": { "from": { "name": "main" } } });
    let script = Script::<Queue>::new(json!({ "spec": spec })).reads(Ok(None)).sends(Err(refused));
    let object = json!({
        "spec": { "policyDocument": policy },
        "status": { "conditions": [{ "type": "ACK.ResourceSynced", "status": "True" }] },
    });
    script.with("/apis/iam.services.k8s.aws/v1alpha1/namespaces/team/policies/main", object);
    let log = script.pass().await;
    assert!(log.contains("send"), "{log}");
    let said = script.conditions();
    let terminal = "ACK.Terminal | True | - | Invalid value for the parameter Policy: … (…)";
    assert!(said.iter().any(|condition| condition == terminal), "{said:#?}");
    assert!(!said.join("").contains("OfTheVault"), "{said:#?}");
}
