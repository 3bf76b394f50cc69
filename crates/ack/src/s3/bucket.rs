//! The kind `Bucket`.

use aws_sdk_s3::operation::create_bucket::builders::CreateBucketInputBuilder;
use aws_sdk_s3::operation::delete_bucket::builders::DeleteBucketInputBuilder;
use aws_sdk_s3::operation::delete_bucket_tagging::builders::DeleteBucketTaggingInputBuilder;
use aws_sdk_s3::operation::put_bucket_tagging::builders::PutBucketTaggingInputBuilder;
use aws_sdk_s3::types;

use super::shapes::BucketSpec;
use super::shapes::BucketStatus;
use super::shapes::Tag;
use super::shapes::Tagging;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::Kind;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::shape::Delta;
use crate::shape::FromSdk;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::tags::Tags;

/// An S3 bucket.
#[derive(Debug)]
pub enum Bucket {}

/// A request that changes a bucket.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Creates it.
    Create(Box<CreateBucketInputBuilder>),
    /// Replaces all its tags.
    PutTagging(PutBucketTaggingInputBuilder),
    /// Removes all its tags.
    DeleteTagging(DeleteBucketTaggingInputBuilder),
    /// Deletes it; it must be empty.
    Delete(DeleteBucketInputBuilder),
}

/// The region in which a location constraint is an error and which the legacy URL form belongs to.
const CLASSIC: &str = "us-east-1";

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
    type Spec = BucketSpec;
    type Status = BucketStatus;
    type Call = Call;

    /// The tags are in `tagging.tagSet`.
    fn canonical(spec: &mut BucketSpec) {
        if let Some(tags) = spec.tags.take() {
            spec.tagging = Some(Tagging { tag_set: Some(tags) });
        }
    }

    fn in_form_of(spec: &mut BucketSpec, user: &BucketSpec) {
        if user.tags.is_some() {
            spec.tags = spec.tagging.take().and_then(|tagging| tagging.tag_set);
        }
    }

    fn tags(spec: &BucketSpec) -> Tags {
        let tags = spec.tagging.iter().filter_map(|tagging| tagging.tag_set.as_ref()).flatten();
        tags.map(Tag::pair).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn set_tags(spec: &mut BucketSpec, tags: Tags) {
        let tag = |(key, value)| Tag { key: Some(key), value: Some(value) };
        let tags: Vec<Tag> = tags.into_iter().map(tag).collect();
        spec.tagging = (!tags.is_empty()).then_some(Tagging { tag_set: Some(tags) });
    }

    fn identity(spec: &BucketSpec) -> Option<&str> {
        spec.name.as_deref()
    }

    fn identify(spec: &mut BucketSpec, id: &str) {
        spec.name = Some(id.to_owned());
    }

    fn create(desired: &BucketSpec, place: &Place) -> Result<Call, Unfit> {
        let constraint = desired
            .create_bucket_configuration
            .as_ref()
            .and_then(|configuration| configuration.location_constraint.as_deref())
            .or_else(|| Some(place.region.as_str()).filter(|region| *region != CLASSIC));
        let tags = tag_set(desired)?;
        let configuration = types::CreateBucketConfiguration::builder()
            .set_location_constraint(constraint.map(Into::into))
            .set_tags(tags)
            .build();
        let is_needed = configuration.location_constraint.is_some() || configuration.tags.is_some();
        let input = CreateBucketInputBuilder::default()
            .set_bucket(desired.name.clone())
            .set_create_bucket_configuration(is_needed.then_some(configuration));
        Ok(Call::Create(Box::new(input)))
    }

    fn update(
        desired: &BucketSpec,
        _latest: &Observed<Self>,
        delta: &Delta,
        place: &Place,
    ) -> Result<Plan<Call>, Unfit> {
        let mut calls = Vec::new();
        if delta.touches("spec.tagging") {
            let tagging = desired.tagging.as_ref().map(Tagging::to_sdk).transpose()?;
            calls.push(match tagging {
                tagging @ Some(_) => Call::PutTagging(
                    PutBucketTaggingInputBuilder::default()
                        .set_bucket(desired.name.clone())
                        .expected_bucket_owner(&place.account)
                        .set_tagging(tagging),
                ),
                None => Call::DeleteTagging(
                    DeleteBucketTaggingInputBuilder::default()
                        .set_bucket(desired.name.clone())
                        .expected_bucket_owner(&place.account),
                ),
            });
        }
        Ok(Plan { calls, then: Then::Settled })
    }

    fn delete(desired: &BucketSpec, _latest: &Observed<Self>, place: &Place) -> Plan<Call> {
        let delete = DeleteBucketInputBuilder::default()
            .set_bucket(desired.name.clone())
            .expected_bucket_owner(&place.account);
        Plan { calls: vec![Call::Delete(delete)], then: Then::Settled }
    }

    /// # Flow
    ///
    /// GetBucketTagging alone: its answer tells whether the bucket exists, and its tags. The
    /// expected owner in the request makes S3 refuse (403) a bucket of somebody else even if its
    /// policy lets us read it. Since a lack of permission is refused alike, ListBuckets, which
    /// lists our own buckets only, then decides which of the two it was.
    async fn read(
        aws: &Regional,
        desired: &BucketSpec,
        place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        let name = desired.name.clone().unwrap_or_default();
        let tagging = aws
            .s3
            .get_bucket_tagging()
            .bucket(&name)
            .expected_bucket_owner(&place.account)
            .send()
            .await
            .map_err(Failure::from);
        let tags = match tagging {
            Ok(answer) => Vec::<Tag>::from_sdk(&answer.tag_set),
            Err(failure) if failure.has_code(&["NoSuchTagSet"]) => Vec::new(),
            Err(failure) if failure.has_code(Self::KIND.missing) => return Ok(None),
            Err(failure) if failure.has_code(&["AccessDenied"]) => {
                return if is_ours(aws, &name).await? { Err(failure) } else { Ok(None) };
            }
            Err(failure) => return Err(failure),
        };
        Ok(Some(observed(name, tags, desired, place)))
    }

    async fn send(aws: &Regional, call: Call) -> Result<(), Failure> {
        match call {
            Call::Create(input) => drop(input.send_with(&aws.s3).await?),
            Call::PutTagging(input) => drop(input.send_with(&aws.s3).await?),
            Call::DeleteTagging(input) => drop(input.send_with(&aws.s3).await?),
            Call::Delete(input) => drop(input.send_with(&aws.s3).await?),
        }
        Ok(())
    }
}

/// Whether the account owns a bucket of this name.
async fn is_ours(aws: &Regional, name: &str) -> Result<bool, Failure> {
    let mut pages = aws.s3.list_buckets().prefix(name).into_paginator().send();
    while let Some(page) = pages.next().await {
        if page?.buckets().iter().any(|bucket| bucket.name() == Some(name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn tag_set(spec: &BucketSpec) -> Result<Option<Vec<types::Tag>>, Unfit> {
    let tags = spec.tagging.as_ref().and_then(|tagging| tagging.tag_set.as_ref());
    tags.filter(|tags| !tags.is_empty())
        .map(Vec::to_sdk)
        .transpose()
        .map_err(|unfit| unfit.within("tags"))
}

fn observed(name: String, tags: Vec<Tag>, desired: &BucketSpec, place: &Place) -> Observed<Bucket> {
    // S3 answers a creation with this location. It can't be asked for it again, so it is always
    // derived: the same whether or not we have seen that answer.
    let location = if place.region == CLASSIC {
        format!("/{name}")
    } else {
        format!("http://{name}.s3.amazonaws.com/")
    };
    let tagging = (!tags.is_empty()).then_some(Tagging { tag_set: Some(tags) });
    Observed {
        arn: format!("arn:{}:s3:::{name}", place.partition),
        spec: BucketSpec {
            create_bucket_configuration: desired.create_bucket_configuration.clone(),
            name: Some(name),
            tagging,
            tags: None,
        },
        status: BucketStatus { location: Some(location) },
        phase: Phase::Ready,
    }
}
