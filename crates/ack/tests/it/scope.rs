//! What holds for one object: precedence of annotations, namespaces and flags.

use std::collections::BTreeMap;

use ack::dynamodb::Table;
use ack::dynamodb::shapes::TableSpec;
use ack::object::Object;
use ack::resource::Resource;
use ack::scope::Adoption;
use ack::scope::OutOfScope;
use ack::scope::Scope;
use ack::scope::Surroundings;
use serde_json::Value as Json;
use serde_json::json;

use crate::world::settings;

fn resolve(object: &Json, namespace: &[(&str, &str)]) -> Result<Scope, OutOfScope> {
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let annotations: BTreeMap<_, _> = namespace.iter().map(pair).collect();
    let namespace = Surroundings { annotations, ..Surroundings::default() };
    let object = Object::<TableSpec>::parse(object);
    Scope::resolve(&Table::KIND, &object, &namespace, &settings())
}

fn annotated(annotations: &Json) -> Json {
    json!({ "metadata": { "name": "t", "namespace": "n", "annotations": annotations } })
}

#[test]
fn region_of_object_then_namespace_then_flag() {
    let region = |object: &Json, namespace: &[(&str, &str)]| {
        resolve(object, namespace).map(|scope| scope.place.region)
    };
    let namespace = [("services.k8s.aws/default-region", "eu-west-1")];
    let own = annotated(&json!({ "services.k8s.aws/region": "us-gov-east-1" }));
    assert_eq!(region(&own, &namespace), Ok("us-gov-east-1".into()));
    assert_eq!(region(&json!({}), &namespace), Ok("eu-west-1".into()));
    assert_eq!(region(&json!({}), &[]), Ok("us-west-2".into()));
    let partition = resolve(&own, &[]).map(|scope| scope.place.partition);
    assert_eq!(partition, Ok("aws-us-gov"));
}

#[test]
fn a_resource_does_not_move() {
    let here = |account: &str, region: &str| {
        json!({ "status": { "ackResourceMetadata": {
            "ownerAccountID": account, "region": region,
        } } })
    };
    assert!(resolve(&here("123456789012", "us-west-2"), &[]).is_ok());
    let drifts = [
        resolve(&here("123456789012", "eu-west-1"), &[]),
        resolve(&here("210987654321", "us-west-2"), &[]),
        resolve(&json!({}), &[("services.k8s.aws/owner-account-id", "210987654321")]),
        resolve(&json!({}), &[("services.k8s.aws/endpoint-url", "http://example.org")]),
    ];
    let texts = drifts.map(|drift| drift.expect_err("out of scope").to_string());
    insta::assert_snapshot!(texts.join("\n"), @r#"
    the resource is in region eu-west-1, and region us-west-2 is asked for: a resource can't be moved
    retrieving role ARN for account ID "210987654321" from "ack-role-account-map" configmap: CARM configmap not found
    retrieving role ARN for account ID "210987654321" from "ack-role-account-map" configmap: CARM configmap not found
    annotation services.k8s.aws/endpoint-url of the namespace
    "#);
}

/// The matrix of the published end-to-end tests: the object's annotation wins.
#[test]
fn deletion_policy_of_object_then_namespace_then_flag() {
    let choices = [None, Some("delete"), Some("retain")];
    let mut deletes = Vec::new();
    for of_namespace in choices {
        for own in choices {
            let object = own.map_or(json!({}), |own| {
                annotated(&json!({ "services.k8s.aws/deletion-policy": own }))
            });
            let key = "dynamodb.services.k8s.aws/deletion-policy";
            let namespace: Vec<_> = of_namespace.map(|policy| (key, policy)).into_iter().collect();
            deletes.push(resolve(&object, &namespace).expect("in scope").deletes);
        }
    }
    assert_eq!(deletes, [true, true, false, true, true, false, false, true, false]);
}

#[test]
fn read_only_in_any_case() {
    let read_only =
        |value: &str| resolve(&annotated(&json!({ "services.k8s.aws/read-only": value })), &[]);
    assert!(read_only("True").expect("in scope").read_only);
    assert!(!read_only("yes").expect("in scope").read_only);
}

#[test]
fn adoption_is_checked() {
    let adoption = |policy: &str, fields: Option<&str>| {
        let mut annotations = json!({ "services.k8s.aws/adoption-policy": policy });
        if let Some(fields) = fields {
            annotations["services.k8s.aws/adoption-fields"] = fields.into();
        }
        resolve(&annotated(&annotations), &[]).map(|scope| scope.adoption)
    };
    assert_eq!(
        adoption("adopt", Some(r#"{"tableName":"t"}"#)),
        Ok(Some(Adoption::Adopt { id: "t".into() }))
    );
    assert_eq!(adoption("adopt-or-create", None), Ok(Some(Adoption::AdoptOrCreate { id: None })));
    let refusals = [
        adoption("steal", None),
        adoption("adopt", None),
        adoption("adopt", Some("{")),
        adoption("adopt", Some("{}")),
    ];
    let texts = refusals.map(|refusal| refusal.expect_err("refused").to_string());
    insta::assert_snapshot!(texts.join("\n"), @r"
    unrecognized adoption policy steal: use adopt or adopt-or-create
    adoption policy adopt needs the annotation services.k8s.aws/adoption-fields
    annotation services.k8s.aws/adoption-fields is not a JSON map: EOF while parsing an object at line 1 column 1
    Error populating adoption fields: required field missing: tableName
    ");
}

/// A wrong annotation must not keep an object from being deleted.
#[test]
fn adoption_does_not_matter_to_an_object_that_goes() {
    let mut object = annotated(&json!({ "services.k8s.aws/adoption-policy": "steal" }));
    object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(resolve(&object, &[]).expect("in scope").adoption, None);
}

/// The namespace names the account, a map its role; the resource is in the account of the role.
#[test]
fn a_role_by_account() {
    let roles = ack::roles::Roles {
        accounts: Some(BTreeMap::from([(
            "210987654321".to_owned(),
            "arn:aws:iam::210987654321:role/ack".to_owned(),
        )])),
        ..ack::roles::Roles::default()
    };
    let owner = ("services.k8s.aws/owner-account-id".to_owned(), "210987654321".to_owned());
    let around = Surroundings {
        annotations: BTreeMap::from([owner]),
        roles: std::sync::Arc::new(roles),
        ..Surroundings::default()
    };
    let object = Object::<TableSpec>::parse(&json!({}));
    let scope = Scope::resolve(&Table::KIND, &object, &around, &settings()).expect("in scope");
    assert_eq!(scope.place.account, "210987654321");
    assert_eq!(
        scope.role.map(|role| role.arn).as_deref(),
        Some("arn:aws:iam::210987654321:role/ack")
    );
}
