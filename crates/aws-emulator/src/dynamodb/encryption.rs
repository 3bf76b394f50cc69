//! Encryption at rest: with AWS's own key (nothing is shown), or with one of the account.

use jiff::Timestamp;
use serde_json::Value;

use super::Input;
use super::phase::Phase;
use super::phase::Status;
use super::table::Encryption;
use super::table::Table;
use crate::cloud::Caller;
use crate::failure::Failure;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";

/// The ARN of the key that a request asks for; `None` for AWS's own.
pub(super) fn read(input: &Input, caller: &Caller) -> Result<Option<String>, Failure> {
    let Some(specification) = input.get("SSESpecification") else { return Ok(None) };
    let key = specification["KMSMasterKeyId"].as_str();
    let kind = specification["SSEType"].as_str();
    if specification["Enabled"] != true {
        if key.is_some() || kind.is_some() {
            return Err(validation(format!(
                "{INVALID}Enabled must be true if SSEType or KMSMasterKeyId is specified"
            )));
        }
        return Ok(None);
    }
    if kind == Some("AES256") {
        return Err(validation(format!("{INVALID}SSEType AES256 is not supported")));
    }
    Ok(Some(arn(key.unwrap_or("alias/aws/dynamodb"), caller)))
}

/// The ARN behind a key id, an ARN or an alias. Every key exists; an alias means a key whose id is
/// derived from its name, so that the same alias always means the same key.
fn arn(key: &str, caller: &Caller) -> String {
    if key.starts_with("arn:") && !key.contains(":alias/") {
        return key.to_owned();
    }
    let id = match key.rsplit_once("alias/") {
        Some((_, alias)) => {
            let crc = crate::text::crc32(alias.as_bytes());
            format!("{crc:08x}-0000-4000-8000-{crc:012x}")
        }
        None => key.to_owned(),
    };
    format!("arn:aws:kms:{}:{}:key/{id}", caller.region, caller.account)
}

/// Encryption with a key.
pub(super) fn at(key: String, phase: Phase) -> Encryption {
    Encryption { phase, key }
}

/// Goes over to another key.
pub(super) fn change(
    table: &mut Table,
    input: &Input,
    caller: &Caller,
    due: Timestamp,
) -> Result<(), Failure> {
    if input.get("SSESpecification").is_none_or(Value::is_null) {
        return Ok(());
    }
    match (read(input, caller)?, &mut table.encryption) {
        (None, None) => {
            return Err(validation(format!("{INVALID}Table is already encrypted by default")));
        }
        (Some(wanted), Some(current)) if current.key == wanted => {
            return Err(validation(format!(
                "{INVALID}Table is already encrypted by given KMSMasterKeyId"
            )));
        }
        (None, Some(current)) => current.phase = Phase::deleting(due),
        (Some(wanted), current) => {
            *current = Some(at(wanted, Phase::until(Status::Updating, due, Status::Enabled)));
        }
    }
    Ok(())
}
