//! Every label, annotation, finalizer and field manager that kro reads or writes.
//!
//! Source: kro-controller facts, section 2.

/// Finalizer on definitions and instances.
pub const FINALIZER: &str = "kro.run/finalizer";

/// Field manager of the applied children.
pub const MANAGER_APPLYSET: &str = "kro.run/applyset";
/// Field manager of an instance's finalizer and labels.
pub const MANAGER_LABELLER: &str = "kro.run/labeller";
/// Field manager of an instance's ApplySet annotations.
pub const MANAGER_PARENT: &str = "kro.run/applyset-parent";

/// Label: written on everything that kro made or manages.
pub const OWNED: &str = "kro.run/owned";
/// Label: version of the kro that wrote last.
pub const KRO_VERSION: &str = "kro.run/kro-version";
/// Label of instances and CRDs: UID of the definition.
pub const RGD_ID: &str = "kro.run/resource-graph-definition-id";
/// Label of instances and CRDs: name of the definition.
pub const RGD_NAME: &str = "kro.run/resource-graph-definition-name";
/// Label of revisions: hash of the spec.
pub const REVISION_HASH: &str = "kro.run/graph-revision-hash";
/// Label of children: UID of the instance.
pub const INSTANCE_ID: &str = "kro.run/instance-id";
/// Label of children: name of the instance.
pub const INSTANCE_NAME: &str = "kro.run/instance-name";
/// Label of children: namespace of a namespaced instance.
pub const INSTANCE_NAMESPACE: &str = "kro.run/instance-namespace";
/// Label of children: API group of the instance.
pub const INSTANCE_GROUP: &str = "kro.run/instance-group";
/// Label of children: API version of the instance.
pub const INSTANCE_VERSION: &str = "kro.run/instance-version";
/// Label of children: kind of the instance.
pub const INSTANCE_KIND: &str = "kro.run/instance-kind";
/// Label of children: id of the resource in the definition.
pub const NODE_ID: &str = "kro.run/node-id";
/// Label of a collection's items: the position, from 0.
pub const COLLECTION_INDEX: &str = "kro.run/collection-index";
/// Label of a collection's items: how many there are.
pub const COLLECTION_SIZE: &str = "kro.run/collection-size";
/// Label of children.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label of children: id of the ApplySet that the object is a member of (KEP-3659).
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";

/// Label of an instance: its ApplySet's id (KEP-3659).
pub const APPLYSET_ID: &str = "applyset.kubernetes.io/id";
/// Annotation of an instance: the tool that manages its ApplySet (KEP-3659).
pub const TOOLING: &str = "applyset.kubernetes.io/tooling";
/// Annotation of an instance: kinds of the ApplySet's members (KEP-3659).
pub const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Annotation of an instance: namespaces of members beside its own (KEP-3659).
pub const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// Annotation of an instance: hash over the three fields above.
pub const INVENTORY_HASH: &str = "internal.kro.run/applyset-inventory-hash";

/// Annotation of children: the layer in which the object is applied, 1 first.
pub const APPLY_ORDER: &str = "internal.kro.run/apply-order";
/// Annotation of an instance that suspends its reconciliation.
pub const RECONCILE: &str = "kro.run/reconcile";
/// Annotation of a definition that permits breaking changes of its CRD.
pub const ALLOW_BREAKING: &str = "kro.run/allow-breaking-changes";
