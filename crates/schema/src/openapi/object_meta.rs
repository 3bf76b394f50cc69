//! `ObjectMeta`, which every object has and no CRD describes.

use std::sync::LazyLock;

use crate::ListType;
use crate::MapType;
use crate::Schema;
use crate::SchemaNode;
use crate::Type;

/// The schema of `metadata` (`io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`).
#[must_use]
pub fn object_meta() -> Schema {
    static OBJECT_META: LazyLock<Schema> = LazyLock::new(build);
    OBJECT_META.clone()
}

fn build() -> Schema {
    let text = || Schema::of(Type::String);
    let formatted = |ty: Type, format: &str| {
        let format = Some(format.to_owned());
        Schema::from(SchemaNode { ty: Some(ty), format, ..SchemaNode::default() })
    };
    let time = || formatted(Type::String, "date-time");
    let long = || formatted(Type::Integer, "int64");
    let flag = || Schema::of(Type::Boolean);

    let mut owners = Schema::array(atomic_object(
        [
            ("apiVersion", text()),
            ("blockOwnerDeletion", flag()),
            ("controller", flag()),
            ("kind", text()),
            ("name", text()),
            ("uid", text()),
        ],
        &["apiVersion", "kind", "name", "uid"],
    ));
    let node = owners.make_mut();
    node.list_type = Some(ListType::Map);
    node.list_map_keys = vec!["uid".to_owned()];

    let mut managed_fields = Schema::array(Schema::object([
        ("apiVersion", text()),
        ("fieldsType", text()),
        ("fieldsV1", Schema::of(Type::Object)),
        ("manager", text()),
        ("operation", text()),
        ("subresource", text()),
        ("time", time()),
    ]));
    managed_fields.make_mut().list_type = Some(ListType::Atomic);

    let mut finalizers = Schema::array(text());
    finalizers.make_mut().list_type = Some(ListType::Set);

    Schema::object([
        ("annotations", Schema::map(text())),
        ("creationTimestamp", time()),
        ("deletionGracePeriodSeconds", long()),
        ("deletionTimestamp", time()),
        ("finalizers", finalizers),
        ("generateName", text()),
        ("generation", long()),
        ("labels", Schema::map(text())),
        ("managedFields", managed_fields),
        ("name", text()),
        ("namespace", text()),
        ("ownerReferences", owners),
        ("resourceVersion", text()),
        ("selfLink", text()),
        ("uid", text()),
    ])
}

fn atomic_object<const N: usize>(properties: [(&str, Schema); N], required: &[&str]) -> Schema {
    let mut schema = Schema::object(properties);
    let node = schema.make_mut();
    node.map_type = Some(MapType::Atomic);
    node.required = required.iter().map(|name| (*name).to_owned()).collect();
    schema
}
