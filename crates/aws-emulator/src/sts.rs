//! STS: who calls, and sessions in other accounts.
//!
//! Every role exists and may be assumed; a test that wants a refusal arms a fault.

use std::collections::BTreeMap;

use http::Request;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Routed;
use crate::protocol::UNKNOWN;
use crate::shape::xml::Writer;
use crate::text::query_pairs;

/// The name in the credential scope.
pub(crate) const SERVICE: &str = "sts";

/// The namespace of answers.
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

const VERSION: &str = "2011-06-15";

/// How many sessions are remembered; the ones that expire first are forgotten first.
const MAX_SESSIONS: usize = 10_000;

/// Sessions by access key.
#[derive(Debug, Default)]
pub(crate) struct Store {
    sessions: BTreeMap<String, Session>,
}

/// What AssumeRole gave out.
#[derive(Debug)]
pub(crate) struct Session {
    /// The account of the role.
    pub(crate) account: String,
    /// What `x-amz-security-token` must be.
    pub(crate) token: String,
    /// When it ends.
    pub(crate) expires: Timestamp,
    arn: String,
    user_id: String,
}

impl Store {
    /// The session of an access key.
    pub(crate) fn session(&self, access_key: &str) -> Option<&Session> {
        self.sessions.get(access_key)
    }

    fn insert(&mut self, access_key: String, session: Session) {
        if self.sessions.len() >= MAX_SESSIONS
            && let Some(oldest) = self
                .sessions
                .iter()
                .min_by_key(|(_, session)| session.expires)
                .map(|(key, _)| key.clone())
        {
            self.sessions.remove(&oldest);
        }
        self.sessions.insert(access_key, session);
    }
}

type Parameters = BTreeMap<String, String>;

struct Operation {
    name: &'static str,
    parameters: &'static [&'static str],
    run: fn(&mut World, &Caller, &Parameters) -> Result<Answer, Failure>,
}

const OPERATIONS: &[Operation] = &[
    Operation {
        name: "AssumeRole",
        parameters: &["DurationSeconds", "ExternalId", "RoleArn", "RoleSessionName"],
        run: assume_role,
    },
    Operation { name: "GetCallerIdentity", parameters: &[], run: get_caller_identity },
];

/// Finds the operation of a request.
pub(crate) fn route<'r>(request: &'r Request<Vec<u8>>, caller: Caller) -> Routed<'r> {
    let refused =
        |operation, failure| Routed { operation, resource: String::new(), run: Err(failure) };
    let pairs = std::str::from_utf8(request.body()).ok().and_then(|body| query_pairs(body, true));
    let Some(pairs) = pairs else {
        return refused(
            UNKNOWN,
            Failure::new(400, "MalformedQueryString", "The query string is malformed"),
        );
    };
    let mut parameters: Parameters = pairs.into_iter().collect();
    let Some(action) = parameters.remove("Action") else {
        return refused(UNKNOWN, Failure::new(400, "MissingAction", "Missing Action"));
    };
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.name == action) else {
        return refused(UNKNOWN, Failure::not_implemented(format_args!("STS.{action}")));
    };
    let version = parameters.remove("Version");
    if version.as_deref() != Some(VERSION) {
        let message = format!(
            "Could not find operation {action} for version {}",
            version.as_deref().unwrap_or("NO_VERSION_SPECIFIED")
        );
        return refused(operation.name, Failure::new(400, "InvalidAction", message));
    }
    if let Some(name) =
        parameters.keys().find(|name| !operation.parameters.contains(&name.as_str()))
    {
        let failure =
            Failure::not_implemented(format_args!("the parameter `{name}` of STS.{action}"));
        return refused(operation.name, failure);
    }
    Routed {
        operation: operation.name,
        resource: parameters.get("RoleArn").cloned().unwrap_or_default(),
        run: Ok(Box::new(move |world| (operation.run)(world, &caller, &parameters))),
    }
}

fn get_caller_identity(
    world: &mut World,
    caller: &Caller,
    _: &Parameters,
) -> Result<Answer, Failure> {
    let (arn, user_id) = match world.sts.session(&caller.access_key) {
        Some(session) => (session.arn.clone(), session.user_id.clone()),
        None => (format!("arn:aws:iam::{}:root", caller.account), caller.account.clone()),
    };
    Ok(answer(world, "GetCallerIdentity", |out| {
        out.text("Arn", &arn);
        out.text("UserId", &user_id);
        out.text("Account", &caller.account);
    }))
}

fn assume_role(world: &mut World, _: &Caller, parameters: &Parameters) -> Result<Answer, Failure> {
    let given = |name: &str| parameters.get(name).map_or(Value::Null, |v| Value::from(v.as_str()));
    let mut problems = Vec::new();
    let mut broken = |value: Value, name: &str, constraint: &str| {
        let shown = value.as_str().map_or_else(|| "null".to_owned(), |text| format!("'{text}'"));
        problems.push(format!(
            "Value {shown} at '{name}' failed to satisfy constraint: Member must {constraint}"
        ));
    };
    let role = parameters.get("RoleArn").map_or("", String::as_str);
    let session_name = parameters.get("RoleSessionName").map_or("", String::as_str);
    if role.is_empty() {
        broken(given("RoleArn"), "roleArn", "not be null");
    } else if role.len() < 20 {
        broken(given("RoleArn"), "roleArn", "have length greater than or equal to 20");
    }
    if session_name.is_empty() {
        broken(given("RoleSessionName"), "roleSessionName", "not be null");
    } else if session_name.len() < 2 || session_name.len() > 64 {
        broken(given("RoleSessionName"), "roleSessionName", "have length between 2 and 64");
    } else if !session_name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b)) {
        let rule = "satisfy regular expression pattern: [\\w+=,.@-]*";
        broken(given("RoleSessionName"), "roleSessionName", rule);
    }
    let seconds = match parameters.get("DurationSeconds") {
        None => 3600,
        Some(text) => match text.parse::<i64>() {
            Ok(seconds) if (900..=43_200).contains(&seconds) => seconds,
            _ => {
                let rule = "have value between 900 and 43200";
                broken(given("DurationSeconds"), "durationSeconds", rule);
                0
            }
        },
    };
    if !problems.is_empty() {
        let count = problems.len();
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("{count} validation error{plural} detected: {}", problems.join("; "));
        return Err(Failure::new(400, "ValidationError", message));
    }
    let (account, path) = role_parts(role)
        .ok_or_else(|| Failure::new(400, "ValidationError", format!("{role} is invalid")))?;

    let access_key = format!("ASIA{}", world.ids.upper(16));
    let secret = world.ids.upper(40);
    let token = world.ids.upper(120);
    let role_id = format!("AROA{}", world.ids.upper(17));
    let role_name = path.rsplit('/').next().unwrap_or(path);
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}");
    let user_id = format!("{role_id}:{session_name}");
    let expires =
        world.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    world.sts.insert(
        access_key.clone(),
        Session {
            account: account.to_owned(),
            token: token.clone(),
            expires,
            arn: arn.clone(),
            user_id: user_id.clone(),
        },
    );
    Ok(answer(world, "AssumeRole", |out| {
        out.element("AssumedRoleUser", |out| {
            out.text("AssumedRoleId", &user_id);
            out.text("Arn", &arn);
        });
        out.element("Credentials", |out| {
            out.text("AccessKeyId", &access_key);
            out.text("SecretAccessKey", &secret);
            out.text("SessionToken", &token);
            out.text("Expiration", &expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        });
    }))
}

/// Account and path of `arn:aws:iam::<account>:role/<path>`.
fn role_parts(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "aws" | "aws-cn" | "aws-us-gov", "iam", "", account, resource] = parts[..] else {
        return None;
    };
    let path = resource.strip_prefix("role/")?;
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (digits && !path.is_empty()).then_some((account, path))
}

fn answer(world: &mut World, operation: &str, inside: impl FnOnce(&mut Writer)) -> Answer {
    let root = format!("{operation}Response");
    let mut out = Writer::new(&root, NAMESPACE);
    out.element(&format!("{operation}Result"), inside);
    let id = world.ids.uuid();
    out.element("ResponseMetadata", |out| out.text("RequestId", &id));
    Answer::xml(out.finish(&root))
}
