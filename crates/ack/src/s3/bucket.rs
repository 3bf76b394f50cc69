//! The kind `Bucket`.

use aws_sdk_s3::operation::create_bucket::builders::CreateBucketInputBuilder;
use aws_sdk_s3::operation::delete_bucket::builders::DeleteBucketInputBuilder;
use aws_sdk_s3::types;

use super::shapes::AbacStatus;
use super::shapes::BucketSpec;
use super::shapes::BucketStatus;
use super::shapes::CreateBucketConfiguration;
use super::shapes::NotificationConfiguration;
use super::shapes::OwnershipControls;
use super::shapes::PublicAccessBlockConfiguration;
use super::shapes::RequestPaymentConfiguration;
use super::shapes::ServerSideEncryptionConfiguration;
use super::shapes::Tag;
use super::shapes::Tagging;
use super::shapes::WebsiteConfiguration;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::Kind;
use crate::reference::Referrer;
use crate::reference::Target;
use crate::resource::Asked;
use crate::resource::Observed;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::shape::Delta;
use crate::shape::Shape;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::shape::compare::same;
use crate::tags::Tags;

mod acl;
mod call;
mod read;
mod update;

pub use call::Call;

/// An S3 bucket.
#[derive(Debug)]
pub enum Bucket {}

impl Resource for Bucket {
    const KIND: Kind = Kind {
        service: "s3",
        kind: "Bucket",
        plural: "buckets",
        columns: &[],
        rules: &[(
            "!has(self.tags) || !has(self.tagging) || !has(self.tagging.tagSet)",
            "tags and tagging.tagSet are two forms of the same value: set only one of them",
        )],
        terminal: &[
            "PermanentRedirect",
            "InvalidLocationConstraint",
            "MalformedXML",
            "IllegalLocationConstraintException",
            "InvalidNamespaceHeader",
            "MissingNamespaceHeader",
        ],
        missing: &["NoSuchBucket"],
        exists: &["BucketAlreadyOwnedByYou", "OperationAborted"],
        adoption_key: "name",
    };
    const REFERRERS: &'static [Referrer<BucketSpec>] = &[Referrer {
        field: "replication.roleRef",
        value_field: "replication.role",
        target: Target {
            service: "iam",
            kind: "Role",
            plural: "roles",
            pointer: "/status/ackResourceMetadata/arn",
        },
        reference: |spec| spec.replication.as_ref()?.role_ref.as_ref(),
        value: |spec| spec.replication.as_mut().map(|replication| &mut replication.role),
    }];
    type Spec = BucketSpec;
    type Status = BucketStatus;
    type Call = Call;

    /// The tags are in `tagging.tagSet`; what says nothing is unset.
    fn canonical(spec: &mut BucketSpec) {
        if let Some(tags) = spec.tags.take() {
            spec.tagging = Some(Tagging { tag_set: Some(tags) });
        }
        drop_if(&mut spec.abac, |abac| abac.status.is_none());
        drop_if(&mut spec.accelerate, |accelerate| accelerate.status.is_none());
        drop_if(&mut spec.analytics, Vec::is_empty);
        drop_if(&mut spec.cors, |cors| is_empty(cors.cors_rules.as_ref()));
        drop_if(&mut spec.encryption, |encryption| is_empty(encryption.rules.as_ref()));
        drop_if(&mut spec.intelligent_tiering, Vec::is_empty);
        drop_if(&mut spec.inventory, Vec::is_empty);
        drop_if(&mut spec.lifecycle, |lifecycle| is_empty(lifecycle.rules.as_ref()));
        drop_if(&mut spec.logging, |logging| logging.logging_enabled.is_none());
        drop_if(&mut spec.metrics, Vec::is_empty);
        if let Some(notification) = &mut spec.notification {
            drop_if(&mut notification.lambda_function_configurations, Vec::is_empty);
            drop_if(&mut notification.queue_configurations, Vec::is_empty);
            drop_if(&mut notification.topic_configurations, Vec::is_empty);
        }
        drop_if(&mut spec.notification, |n| *n == NotificationConfiguration::default());
        drop_if(&mut spec.object_lock_configuration, |lock| lock.rule.is_none());
        drop_if(&mut spec.ownership_controls, |controls| is_empty(controls.rules.as_ref()));
        drop_if(&mut spec.policy, |policy| policy.trim().is_empty());
        drop_if(&mut spec.public_access_block, |block| {
            *block == PublicAccessBlockConfiguration::default()
        });
        drop_if(&mut spec.replication, |replication| is_empty(replication.rules.as_ref()));
        drop_if(&mut spec.request_payment, |payment| payment.payer.is_none());
        drop_if(&mut spec.tagging, |tagging| is_empty(tagging.tag_set.as_ref()));
        drop_if(&mut spec.versioning, |versioning| versioning.status.is_none());
        drop_if(&mut spec.website, |website| *website == WebsiteConfiguration::default());
        acl::canonical(spec);
    }

    fn in_form_of(spec: &mut BucketSpec, user: &BucketSpec) {
        if user.tags.is_some() {
            spec.tags = spec.tagging.take().and_then(|tagging| tagging.tag_set);
        }
        acl::shown(spec);
    }

    fn tags(spec: &BucketSpec) -> Tags {
        let tags = spec.tagging.iter().filter_map(|tagging| tagging.tag_set.as_ref()).flatten();
        tags.map(Tag::pair).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn set_tags(spec: &mut BucketSpec, tags: Tags) {
        let tag = |(key, value)| Tag { key: Some(key), value: Some(value) };
        let tags: Vec<Tag> = tags.into_iter().map(tag).collect();
        // Of a bucket that has AWS's own tags only, the published controllers keep the empty field.
        spec.tagging = if tags.is_empty() {
            spec.tagging.as_ref().map(|_| Tagging { tag_set: None })
        } else {
            Some(Tagging { tag_set: Some(tags) })
        };
    }

    fn identity(spec: &BucketSpec) -> Option<&str> {
        spec.name.as_deref()
    }

    fn identify(spec: &mut BucketSpec, id: &str) {
        spec.name = Some(id.to_owned());
    }

    /// Directory buckets have few sub-resources.
    fn refuses(desired: &BucketSpec) -> Option<String> {
        if !is_directory(desired.name.as_deref()?) {
            return None;
        }
        let set = serde_json::to_value(desired).ok()?;
        let unsupported: Vec<&str> = set
            .as_object()?
            .keys()
            .map(String::as_str)
            .filter(|field| !OF_DIRECTORY_BUCKETS.contains(field))
            .collect();
        (!unsupported.is_empty()).then(|| {
            let fields = unsupported.join(", ");
            format!("directory buckets do not support the following fields: {fields}")
        })
    }

    /// Beyond late initialisation: what AWS gives every bucket is no difference while the spec says
    /// nothing, so that a bare bucket keeps it.
    // Differs from ACK, which deletes these defaults in the first update of a bare bucket.
    fn left_to_aws(desired: &mut BucketSpec, latest: &BucketSpec) {
        let needs_lists = desired.ownership_controls.is_none()
            && acl::grants(desired)
            && !update::lists_count(latest);
        acl::left_to_aws(desired, latest);
        if desired.ownership_controls.is_none() {
            let at_creation = desired.object_ownership.as_deref().unwrap_or("BucketOwnerEnforced");
            let expected = OwnershipControls::of(at_creation);
            if latest.ownership_controls.as_ref().is_some_and(|found| same(found, &expected)) {
                desired.ownership_controls.clone_from(&latest.ownership_controls);
            }
        }
        if desired.public_access_block.is_none() {
            let default = PublicAccessBlockConfiguration::aws_default();
            if latest.public_access_block.as_ref().is_some_and(|found| same(found, &default)) {
                desired.public_access_block.clone_from(&latest.public_access_block);
            }
        }
        // Object lock switches versioning on, and does not allow to switch it off.
        if desired.versioning.is_none() && latest.object_lock_enabled_for_bucket == Some(true) {
            desired.versioning.clone_from(&latest.versioning);
        }
        desired.late_initialize(latest);
        // Who asks for a list that grants something, and does not say whether lists count, has asked
        // for that, too: AWS's default would refuse the list for good.
        if needs_lists {
            desired.ownership_controls = None;
        }
    }

    /// Access control lists follow in the first update: the new bucket bars public ones, and may
    /// not let lists count at all, until its other fields are there.
    fn create(desired: &BucketSpec, place: &Place) -> Result<Call, Unfit> {
        let name = desired.name.clone().unwrap_or_default();
        let mut configuration = desired.create_bucket_configuration.clone().unwrap_or_default();
        let directory = is_directory(&name);
        if !directory && configuration.location_constraint.is_none() {
            configuration.location_constraint =
                Some(place.region.clone()).filter(|region| region != read::CLASSIC);
        }
        let tags = tag_set(desired)?;
        let is_needed = configuration != CreateBucketConfiguration::default() || tags.is_some();
        let mut sdk: types::CreateBucketConfiguration =
            configuration.to_sdk().map_err(|u| u.within("createBucketConfiguration"))?;
        sdk.tags = tags;
        let input = CreateBucketInputBuilder::default()
            .bucket(name)
            .set_create_bucket_configuration(is_needed.then_some(sdk))
            .set_bucket_namespace(desired.namespace.as_deref().map(Into::into))
            .set_object_lock_enabled_for_bucket(desired.object_lock_enabled_for_bucket)
            .set_object_ownership(desired.object_ownership.as_deref().map(Into::into));
        Ok(input.into())
    }

    fn update(
        desired: &BucketSpec,
        latest: &Observed<Self>,
        delta: &Delta,
        place: &Place,
    ) -> Result<Plan<Call>, Unfit> {
        update::update(desired, &latest.spec, delta, place)
    }

    fn delete(desired: &BucketSpec, _latest: &Observed<Self>, place: &Place) -> Plan<Call> {
        let name = desired.name.clone().unwrap_or_default();
        let owner = (!is_directory(&name)).then(|| place.account.clone());
        let delete =
            DeleteBucketInputBuilder::default().bucket(name).set_expected_bucket_owner(owner);
        Plan { calls: vec![delete.into()], then: Then::Settled }
    }

    async fn read(
        aws: &Regional,
        asked: &Asked<'_, Self>,
        place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        read::read(aws, asked, place).await
    }

    async fn send(aws: &Regional, call: Call) -> Result<(), Failure> {
        call.send(aws).await
    }
}

/// Fields that a directory bucket has.
const OF_DIRECTORY_BUCKETS: &[&str] =
    &["createBucketConfiguration", "encryption", "lifecycle", "name", "policy", "tagging", "tags"];

/// Whether a name is one of a directory bucket.
fn is_directory(name: &str) -> bool {
    name.ends_with("--x-s3")
}

/// Whether a field that the spec sets says more than AWS's default.
fn is_in_use(spec: &BucketSpec, field: &str) -> bool {
    let like = |is_default: Option<bool>| is_default != Some(true);
    match field {
        "abac" => like(
            spec.abac
                .as_ref()
                .map(|abac| *abac == AbacStatus { status: Some("Disabled".to_owned()) }),
        ),
        "encryption" => {
            like(spec.encryption.as_ref().map(|encryption| {
                same(encryption, &ServerSideEncryptionConfiguration::aws_default())
            }))
        }
        "ownership_controls" => like(
            spec.ownership_controls
                .as_ref()
                .map(|controls| same(controls, &OwnershipControls::aws_default())),
        ),
        "request_payment" => like(
            spec.request_payment
                .as_ref()
                .map(|payment| same(payment, &RequestPaymentConfiguration::aws_default())),
        ),
        _ => true,
    }
}

fn drop_if<T>(field: &mut Option<T>, says_nothing: impl Fn(&T) -> bool) {
    if field.as_ref().is_some_and(says_nothing) {
        *field = None;
    }
}

fn is_empty<T>(list: Option<&Vec<T>>) -> bool {
    list.is_none_or(Vec::is_empty)
}

fn tag_set(spec: &BucketSpec) -> Result<Option<Vec<types::Tag>>, Unfit> {
    let tags = spec.tagging.as_ref().and_then(|tagging| tagging.tag_set.as_ref());
    tags.filter(|tags| !tags.is_empty())
        .map(Vec::to_sdk)
        .transpose()
        .map_err(|unfit| unfit.within("tags"))
}
