//! Access control lists: a canned name or grants in a spec, and always grants in S3's answer.

use aws_sdk_s3::operation::get_bucket_acl::GetBucketAclOutput;
use aws_sdk_s3::types;

use crate::s3::shapes::BucketSpec;
use crate::s3::shapes::OR;

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// The list of a bucket that was never told.
pub(super) const PRIVATE: &str = "private";

/// Canned lists by what they grant besides full control for the owner. The first line has three
/// names, since two of them differ for objects only.
const CANNED: &[(&str, &[(&str, &str)])] = &[
    ("private|bucket-owner-read|bucket-owner-full-control", &[]),
    ("public-read", &[(ALL_USERS, "READ")]),
    ("public-read-write", &[(ALL_USERS, "READ"), (ALL_USERS, "WRITE")]),
    ("authenticated-read", &[(AUTHENTICATED, "READ")]),
    ("log-delivery-write", &[(LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")]),
];

/// Puts S3's answer into the fields of a spec: the canned lists that it may stand for, or else the
/// grants.
pub(super) fn read(spec: &mut BucketSpec, answer: &GetBucketAclOutput) {
    let owner = answer.owner().and_then(types::Owner::id).unwrap_or_default();
    let mut others: Vec<(&str, &str)> = Vec::new();
    let mut owner_has_all = false;
    let mut by_permission = [const { Vec::<String>::new() }; 5];
    for grant in answer.grants() {
        let Some((grantee, permission)) = grant.grantee().zip(grant.permission()) else { continue };
        let permission = permission.as_str();
        if permission == "FULL_CONTROL" && grantee.id() == Some(owner) {
            owner_has_all = true;
        } else {
            others.push((grantee.uri().unwrap_or_default(), permission));
        }
        let named = PERMISSIONS.iter().position(|known| *known == permission);
        if let Some(list) = named.and_then(|at| by_permission.get_mut(at)) {
            list.extend(text(grantee));
        }
    }
    others.sort_unstable();
    let canned = CANNED.iter().find(|(_, grants)| {
        let mut grants = grants.to_vec();
        grants.sort_unstable();
        grants == others
    });
    // Where lists are switched off S3 still tells one grant, to the owner.
    if let Some((names, _)) = canned.filter(|_| owner_has_all) {
        spec.acl = Some((*names).to_owned());
        return;
    }
    let fields = fields(spec);
    for (field, grantees) in fields.into_iter().zip(by_permission) {
        *field = (!grantees.is_empty()).then(|| grantees.join(","));
    }
}

/// In the order of [`fields`].
const PERMISSIONS: [&str; 5] = ["FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"];

fn fields(spec: &mut BucketSpec) -> [&mut Option<String>; 5] {
    [
        &mut spec.grant_full_control,
        &mut spec.grant_read,
        &mut spec.grant_read_acp,
        &mut spec.grant_write,
        &mut spec.grant_write_acp,
    ]
}

fn text(grantee: &types::Grantee) -> Option<String> {
    let by = |kind: &str, value: Option<&str>| Some(format!("{kind}={}", value?));
    by("id", grantee.id())
        .or_else(|| by("uri", grantee.uri()))
        .or_else(|| by("emailAddress", grantee.email_address()))
}

/// Brings grants into one form: no quotes, one order. A canned list makes them void.
pub(super) fn canonical(spec: &mut BucketSpec) {
    if spec.acl.as_deref() == Some("") {
        spec.acl = None;
    }
    let canned = spec.acl.is_some();
    for field in fields(spec) {
        let Some(grantees) = field.take().filter(|_| !canned) else { continue };
        let mut grantees: Vec<String> = grantees
            .split(',')
            .map(|grantee| grantee.trim().replace('"', ""))
            .filter(|grantee| !grantee.is_empty())
            .collect();
        grantees.sort_unstable();
        grantees.dedup();
        *field = (!grantees.is_empty()).then(|| grantees.join(","));
    }
}

/// Whether a spec in canonical form asks for a list that grants something to somebody else.
pub(super) fn grants(spec: &BucketSpec) -> bool {
    let canned = spec.acl.as_ref().is_some_and(|names| {
        !CANNED.iter().any(|(known, others)| {
            others.is_empty() && names.split(OR).all(|name| known.split(OR).any(|k| k == name))
        })
    });
    let given = [
        &spec.grant_full_control,
        &spec.grant_read,
        &spec.grant_read_acp,
        &spec.grant_write,
        &spec.grant_write_acp,
    ];
    canned || given.into_iter().any(Option::is_some)
}

/// Settles what the user leaves to AWS: nothing at all means the private list, a canned list says
/// nothing about grants, and grants say nothing about a canned list, nor about full control, which
/// the owner has anyway.
pub(super) fn left_to_aws(desired: &mut BucketSpec, latest: &BucketSpec) {
    let grants = |spec: &mut BucketSpec| fields(spec).into_iter().any(|field| field.is_some());
    let mut latest = latest.clone();
    if desired.acl.is_none() && !grants(desired) {
        // A list that grants nothing to anybody is as private as can be.
        if latest.acl.is_none() && !grants(&mut latest) {
            return;
        }
        desired.acl = Some(PRIVATE.to_owned());
    }
    if desired.acl.is_some() {
        for (mine, theirs) in fields(desired).into_iter().zip(fields(&mut latest)) {
            mine.clone_from(theirs);
        }
        return;
    }
    desired.acl.clone_from(&latest.acl);
    if desired.grant_full_control.is_none() {
        desired.grant_full_control = latest.grant_full_control;
    }
}

/// A spec with what a user would write for the list that the bucket has.
pub(super) fn shown(spec: &mut BucketSpec) {
    let private = |names: &String| names.split(OR).any(|name| name == PRIVATE);
    if spec.acl.as_ref().is_some_and(private) {
        spec.acl = None;
    }
}
