//! IAM: roles, managed policies, and which is attached to which. They grant nothing here.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::query::Operation;
use crate::query::Parameters;
use crate::query::Service;
use crate::query::answer;
use crate::shape::xml::Writer;
use crate::sts::instant;
use crate::text::percent_encode;

/// The service.
pub(crate) static IAM: Service = Service {
    name: "iam",
    version: "2010-05-08",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    operations: &[
        Operation {
            name: "AttachRolePolicy",
            parameters: &["PolicyArn", "RoleName"],
            resource: "RoleName",
            run: attach_role_policy,
        },
        Operation {
            name: "CreatePolicy",
            parameters: &["Description", "PolicyDocument", "PolicyName"],
            resource: "PolicyName",
            run: create_policy,
        },
        Operation {
            name: "CreateRole",
            parameters: &["AssumeRolePolicyDocument", "Description", "RoleName"],
            resource: "RoleName",
            run: create_role,
        },
        Operation {
            name: "DeletePolicy",
            parameters: &["PolicyArn"],
            resource: "PolicyArn",
            run: delete_policy,
        },
        Operation {
            name: "DeleteRole",
            parameters: &["RoleName"],
            resource: "RoleName",
            run: delete_role,
        },
        Operation {
            name: "DetachRolePolicy",
            parameters: &["PolicyArn", "RoleName"],
            resource: "RoleName",
            run: detach_role_policy,
        },
        Operation {
            name: "GetRole",
            parameters: &["RoleName"],
            resource: "RoleName",
            run: get_role,
        },
        Operation {
            name: "ListAttachedRolePolicies",
            parameters: &["RoleName"],
            resource: "RoleName",
            run: list_attached_role_policies,
        },
        Operation {
            name: "ListInstanceProfilesForRole",
            parameters: &["RoleName"],
            resource: "RoleName",
            run: list_instance_profiles_for_role,
        },
        Operation {
            name: "ListRolePolicies",
            parameters: &["RoleName"],
            resource: "RoleName",
            run: list_role_policies,
        },
    ],
};

/// Roles and policies of all accounts.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// By account and name.
    roles: BTreeMap<(String, String), Role>,
    /// By ARN.
    policies: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Role {
    id: String,
    created: Timestamp,
    description: String,
    trust: String,
    /// ARNs of policies.
    attached: BTreeSet<String>,
}

impl Store {
    pub(super) fn dump(&self) -> Value {
        if self.roles.is_empty() && self.policies.is_empty() {
            return json!({});
        }
        let roles: BTreeMap<String, &BTreeSet<String>> = self
            .roles
            .iter()
            .map(|((account, name), role)| (role_arn(account, name), &role.attached))
            .collect();
        json!({ "policies": self.policies.keys().collect::<Vec<_>>(), "roles": roles })
    }
}

fn role_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

/// A name as IAM allows it.
fn name<'p>(parameters: &'p Parameters, parameter: &str, max: usize) -> Result<&'p str, Failure> {
    let given = parameters.get(parameter).map_or("", String::as_str);
    let fits = (1..=max).contains(&given.len())
        && given.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if fits {
        return Ok(given);
    }
    let message = format!("The specified value for {parameter} is invalid.");
    Err(Failure::new(400, "ValidationError", message))
}

/// A policy document: JSON with statements.
fn document(parameters: &Parameters, parameter: &str) -> Result<String, Failure> {
    let text = parameters.get(parameter).map_or("", String::as_str);
    match serde_json::from_str::<Value>(text) {
        Ok(document) if !document["Statement"].is_null() => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err(Failure::new(
            400,
            "MalformedPolicyDocument",
            "This policy contains invalid Json or has no statement.",
        )),
    }
}

fn role<'w>(
    world: &'w mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<(&'w str, &'w mut Role), Failure> {
    let name = name(parameters, "RoleName", 64)?;
    let key = (caller.account.clone(), name.to_owned());
    match world.neighbours.iam.roles.range_mut(key.clone()..=key).next() {
        Some(((_, name), role)) => Ok((name, role)),
        None => {
            let message = format!("The role with name {name} cannot be found.");
            Err(Failure::new(404, "NoSuchEntity", message))
        }
    }
}

fn write_role(out: &mut Writer, account: &str, name: &str, role: &Role) {
    out.text("Path", "/");
    out.text("RoleName", name);
    out.text("RoleId", &role.id);
    out.text("Arn", &role_arn(account, name));
    out.text("CreateDate", &instant(role.created));
    out.text("AssumeRolePolicyDocument", &percent_encode(&role.trust));
    if !role.description.is_empty() {
        out.text("Description", &role.description);
    }
}

fn create_role(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let name = name(parameters, "RoleName", 64)?;
    let trust = document(parameters, "AssumeRolePolicyDocument")?;
    let key = (caller.account.clone(), name.to_owned());
    if world.neighbours.iam.roles.contains_key(&key) {
        let message = format!("Role with name {name} already exists.");
        return Err(Failure::new(409, "EntityAlreadyExists", message));
    }
    let role = Role {
        id: format!("AROA{}", world.ids.upper(17)),
        created: world.now,
        description: parameters.get("Description").cloned().unwrap_or_default(),
        trust,
        attached: BTreeSet::new(),
    };
    world.neighbours.iam.roles.insert(key, role.clone());
    Ok(answer(world, &IAM, "CreateRole", |out| {
        out.element("Role", |out| write_role(out, &caller.account, name, &role));
    }))
}

fn get_role(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let (name, role) = role(world, caller, parameters)?;
    let (name, role) = (name.to_owned(), role.clone());
    Ok(answer(world, &IAM, "GetRole", |out| {
        out.element("Role", |out| {
            write_role(out, &caller.account, &name, &role);
            out.text("MaxSessionDuration", "3600");
            out.element("RoleLastUsed", |_| ());
        });
    }))
}

fn delete_role(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let (name, role) = role(world, caller, parameters)?;
    if !role.attached.is_empty() {
        let message = "Cannot delete entity, must detach all policies first.";
        return Err(Failure::new(409, "DeleteConflict", message));
    }
    let key = (caller.account.clone(), name.to_owned());
    world.neighbours.iam.roles.remove(&key);
    Ok(answer(world, &IAM, "DeleteRole", |_| ()))
}

fn create_policy(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let name = name(parameters, "PolicyName", 128)?;
    let document = document(parameters, "PolicyDocument")?;
    let arn = format!("arn:aws:iam::{}:policy/{name}", caller.account);
    if world.neighbours.iam.policies.contains_key(&arn) {
        let message =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(Failure::new(409, "EntityAlreadyExists", message));
    }
    let id = format!("ANPA{}", world.ids.upper(17));
    world.neighbours.iam.policies.insert(arn.clone(), document);
    let now = instant(world.now);
    Ok(answer(world, &IAM, "CreatePolicy", |out| {
        out.element("Policy", |out| {
            out.text("PolicyName", name);
            out.text("PolicyId", &id);
            out.text("Arn", &arn);
            out.text("Path", "/");
            out.text("DefaultVersionId", "v1");
            out.text("AttachmentCount", "0");
            out.text("IsAttachable", "true");
            out.text("CreateDate", &now);
            out.text("UpdateDate", &now);
        });
    }))
}

fn policy_arn<'p>(world: &World, parameters: &'p Parameters) -> Result<&'p str, Failure> {
    let arn = parameters.get("PolicyArn").map_or("", String::as_str);
    // Those of AWS are everybody's.
    if arn.starts_with("arn:aws:iam::aws:policy/")
        || world.neighbours.iam.policies.contains_key(arn)
    {
        return Ok(arn);
    }
    let message = format!("Policy {arn} does not exist or is not attachable.");
    Err(Failure::new(404, "NoSuchEntity", message))
}

fn delete_policy(
    world: &mut World,
    _: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let arn = policy_arn(world, parameters)?;
    if world.neighbours.iam.roles.values().any(|role| role.attached.contains(arn)) {
        let message = "Cannot delete a policy attached to entities.";
        return Err(Failure::new(409, "DeleteConflict", message));
    }
    world.neighbours.iam.policies.remove(arn);
    Ok(answer(world, &IAM, "DeletePolicy", |_| ()))
}

fn attach_role_policy(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let arn = policy_arn(world, parameters)?.to_owned();
    role(world, caller, parameters)?.1.attached.insert(arn);
    Ok(answer(world, &IAM, "AttachRolePolicy", |_| ()))
}

fn detach_role_policy(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let arn = parameters.get("PolicyArn").map_or("", String::as_str);
    let (name, role) = role(world, caller, parameters)?;
    if !role.attached.remove(arn) {
        let message = format!("Policy {arn} was not found on role {name}.");
        return Err(Failure::new(404, "NoSuchEntity", message));
    }
    Ok(answer(world, &IAM, "DetachRolePolicy", |_| ()))
}

fn list_attached_role_policies(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let attached = role(world, caller, parameters)?.1.attached.clone();
    Ok(answer(world, &IAM, "ListAttachedRolePolicies", |out| {
        out.element("AttachedPolicies", |out| {
            for arn in &attached {
                out.element("member", |out| {
                    out.text("PolicyName", arn.rsplit('/').next().unwrap_or(arn));
                    out.text("PolicyArn", arn);
                });
            }
        });
        out.text("IsTruncated", "false");
    }))
}

/// Policies that are a part of a role can't be made here, so there are none.
fn list_role_policies(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    role(world, caller, parameters)?;
    Ok(answer(world, &IAM, "ListRolePolicies", |out| {
        out.element("PolicyNames", |_| ());
        out.text("IsTruncated", "false");
    }))
}

/// Nor can instance profiles.
fn list_instance_profiles_for_role(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    role(world, caller, parameters)?;
    Ok(answer(world, &IAM, "ListInstanceProfilesForRole", |out| {
        out.element("InstanceProfiles", |_| ());
        out.text("IsTruncated", "false");
    }))
}
