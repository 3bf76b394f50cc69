//! STS: who calls, and sessions in other accounts.
//!
//! Every role exists and may be assumed; a test that wants a refusal arms a fault.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::query::Operation;
use crate::query::Parameters;
use crate::query::Service;
use crate::query::answer;

/// The name in the credential scope.
pub(crate) const SERVICE: &str = "sts";

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

/// What somebody signs with for a while.
pub(crate) struct Temporary {
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
}

/// Gives out credentials of an account.
pub(crate) fn lend(
    world: &mut World,
    account: &str,
    arn: &str,
    user_id: &str,
    seconds: i64,
) -> Temporary {
    let access_key = format!("ASIA{}", world.ids.upper(16));
    let secret = world.ids.upper(40);
    let token = world.ids.upper(120);
    let expires =
        world.now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX);
    world.sts.insert(
        access_key.clone(),
        Session {
            account: account.to_owned(),
            token: token.clone(),
            expires,
            arn: arn.to_owned(),
            user_id: user_id.to_owned(),
        },
    );
    Temporary { access_key, secret, token, expires }
}

/// Who a caller is: ARN and user id.
pub(crate) fn identity(world: &World, caller: &Caller) -> (String, String) {
    match world.sts.session(&caller.access_key) {
        Some(session) => (session.arn.clone(), session.user_id.clone()),
        None => (format!("arn:aws:iam::{}:root", caller.account), caller.account.clone()),
    }
}

/// An instant as the query protocol and S3 write it.
pub(crate) fn instant(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The service.
pub(crate) static STS: Service = Service {
    name: SERVICE,
    version: "2011-06-15",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    operations: &[
        Operation {
            name: "AssumeRole",
            parameters: &["DurationSeconds", "ExternalId", "RoleArn", "RoleSessionName"],
            resource: "RoleArn",
            run: assume_role,
        },
        Operation {
            name: "GetCallerIdentity",
            parameters: &[],
            resource: "",
            run: get_caller_identity,
        },
    ],
};

fn get_caller_identity(
    world: &mut World,
    caller: &Caller,
    _: &Parameters,
) -> Result<Answer, Failure> {
    let (arn, user_id) = identity(world, caller);
    Ok(answer(world, &STS, "GetCallerIdentity", |out| {
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

    let role_id = format!("AROA{}", world.ids.upper(17));
    let role_name = path.rsplit('/').next().unwrap_or(path);
    let arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}");
    let user_id = format!("{role_id}:{session_name}");
    let lent = lend(world, account, &arn, &user_id, seconds);
    Ok(answer(world, &STS, "AssumeRole", |out| {
        out.element("AssumedRoleUser", |out| {
            out.text("AssumedRoleId", &user_id);
            out.text("Arn", &arn);
        });
        out.element("Credentials", |out| {
            out.text("AccessKeyId", &lent.access_key);
            out.text("SecretAccessKey", &lent.secret);
            out.text("SessionToken", &lent.token);
            out.text("Expiration", &instant(lent.expires));
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
