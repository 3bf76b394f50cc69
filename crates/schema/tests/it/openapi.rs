use diagnostics::FieldPath;
use schema::Schema;
use schema::Type;
use schema::openapi::Document;
use schema::openapi::GroupVersionKind;
use schema::openapi::KindError;
use schema::openapi::kinds_of_crd;
use serde_json::Value;
use serde_json::json;

fn at(path: &str) -> FieldPath {
    path.parse().expect("a path written in a test")
}

fn document() -> Document {
    let gvk = |kind: &str| json!([{"group": "apps", "version": "v1", "kind": kind}]);
    Document::new(json!({
        "paths": {
            "/apis/apps/v1/watch/namespaces/{namespace}/wrong/{name}": {
                "get": {"x-kubernetes-group-version-kind": gvk("Deployment")[0]}
            },
            "/apis/apps/v1/namespaces/{namespace}/deployments/{name}": {
                "get": {"x-kubernetes-group-version-kind": gvk("Deployment")[0]}
            },
            "/apis/apps/v1/trees/{name}": {
                "put": {"x-kubernetes-group-version-kind": gvk("Tree")[0]}
            }
        },
        "components": {"schemas": {
            "Deployment": {
                "type": "object",
                "properties": {
                    "metadata": {"allOf": [{"$ref": "#/components/schemas/Meta"}], "default": {}},
                    "spec": {
                        "allOf": [{"$ref": "#/components/schemas/Spec"}],
                        "description": "what is wanted",
                    }
                },
                "x-kubernetes-group-version-kind": gvk("Deployment")
            },
            "Meta": {"type": "object", "properties": {"name": {"type": "string"}}},
            "Spec": {
                "type": "object",
                "description": "a spec",
                "required": ["selector"],
                "properties": {
                    "replicas": {"type": "integer", "format": "int32"},
                    "port": {"oneOf": [{"type": "integer"}, {"type": "string"}],
                             "format": "int-or-string"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}}
                }
            },
            "Tree": {
                "type": "object",
                "properties": {
                    "left": {"$ref": "#/components/schemas/Tree"},
                    "leaf": {"type": "string"}
                },
                "x-kubernetes-group-version-kind": gvk("Tree")
            },
            "Broken": {
                "properties": {"a": {"$ref": "#/components/schemas/Missing"}},
                "x-kubernetes-group-version-kind": gvk("Broken")
            }
        }}
    }))
}

#[test]
fn finds_a_kind_and_resolves_its_references() {
    let gvk = GroupVersionKind::of("apps/v1", "Deployment");
    let found = document().kind(&gvk).unwrap();
    assert_eq!((found.plural.as_deref(), found.namespaced), (Some("deployments"), Some(true)));
    let spec = found.schema.at(&at("spec")).unwrap();
    assert_eq!(spec.description.as_deref(), Some("what is wanted"));
    assert!(spec.requires("selector"));
    let ty = |path: &str| found.schema.at(&at(path)).and_then(|schema| schema.ty);
    assert_eq!(ty("spec.replicas"), Some(Type::Integer));
    assert_eq!(ty("spec.labels.anything"), Some(Type::String));
    assert_eq!(ty("metadata.name"), Some(Type::String));
    assert_eq!(ty("apiVersion"), Some(Type::String));
    assert_eq!(ty("spec.unknown"), None);
    assert!(found.schema.at(&at("spec.port")).unwrap().is_int_or_string());
}

#[test]
fn cuts_a_schema_off_where_it_repeats() {
    let gvk = GroupVersionKind::of("apps/v1", "Tree");
    let found = document().kind(&gvk).unwrap();
    assert_eq!((found.plural.as_deref(), found.namespaced), (Some("trees"), Some(false)));
    assert_eq!(found.schema.field("left"), Some(&Schema::any()));
}

#[test]
fn says_what_is_missing() {
    let gvk = GroupVersionKind::of("v1", "Pod");
    assert_eq!(document().kind(&gvk), Err(KindError::NotFound(gvk)));
    let error = document().kind(&GroupVersionKind::of("apps/v1", "Broken")).unwrap_err();
    insta::assert_snapshot!(error, @"`components.schemas.Broken.properties.a.$ref` in an OpenAPI document must be the name of a schema");
    let error = kinds_of_crd(&json!({"spec": {"group": "x"}})).unwrap_err();
    insta::assert_snapshot!(error, @"`spec.names.kind` in an OpenAPI document must be a string");
}

#[test]
fn types_the_metadata_of_a_crd() {
    let crd = json!({"spec": {
        "group": "kro.run", "scope": "Cluster", "names": {"kind": "App", "plural": "apps"},
        "versions": [
            {"name": "v1alpha1", "served": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"metadata": {"type": "object"}}}}},
            {"name": "v0", "served": false, "schema": {}}
        ]
    }});
    let kinds = kinds_of_crd(&crd).unwrap();
    let [kind] = kinds.as_slice() else { panic!("{kinds:?}") };
    assert_eq!(kind.gvk.to_string(), "kro.run/v1alpha1 App");
    assert_eq!((kind.plural.as_deref(), kind.namespaced), (Some("apps"), Some(false)));
    let labels = kind.schema.at(&at("metadata.labels.x")).and_then(|schema| schema.ty);
    assert_eq!(labels, Some(Type::String));
}

#[test]
fn writes_what_it_read() {
    let value = json!({
        "type": "object", "description": "d", "required": ["b", "a", "a"], "nullable": true,
        "title": "kept", "x-kubernetes-map-type": "atomic", "minProperties": 1,
        "properties": {
            "a": {"type": "string", "enum": ["x", "y"], "default": "x", "pattern": "^x|y$",
                  "minLength": 1, "maxLength": 2, "format": "byte"},
            "b": {"type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": true,
                  "items": {"type": "object", "x-kubernetes-embedded-resource": true,
                            "x-kubernetes-preserve-unknown-fields": true},
                  "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
            "c": {"type": "number", "minimum": 1, "maximum": 2.5, "exclusiveMinimum": true,
                  "multipleOf": 0.5, "exclusiveMaximum": true},
            "d": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"},
                  {"type": "string"}], "not": {"enum": [3]}, "allOf": [{}], "oneOf": [{}]},
            "e": {"type": "object", "additionalProperties": {"type": "integer"}},
            "f": {"type": "object", "additionalProperties": false, "maxProperties": 9}
        },
        "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "m", "reason": "FieldValueInvalid",
             "fieldPath": ".a", "messageExpression": "'x'", "optionalOldSelf": true}
        ]
    });
    assert_eq!(Schema::from_json(&value).unwrap().to_json(), value);
}

#[test]
fn refuses_what_is_no_schema() {
    let error = |value: Value| Schema::from_json(&value).unwrap_err().to_string();
    assert_eq!(
        error(json!({"properties": {"a": {"type": "text"}}})),
        "`properties.a.type` in a schema must be `object`, `array`, `string`, `integer`, \
         `number` or `boolean`"
    );
    assert_eq!(error(json!([])), "`` in a schema must be an object");
    let deep = (0..1_000).fold(json!({}), |inner, _| json!({"items": inner}));
    assert!(error(deep).ends_with("must be nested less deeply"));
}
