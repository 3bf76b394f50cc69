//! Which protocol a request speaks, who sends it, and how answers look.
//!
//! As the real gateways, by headers: `X-Amz-Target` is JSON 1.0, a form body is the query protocol,
//! everything else is S3's REST-XML.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use crate::auth;
use crate::auth::Credential;
use crate::auth::Refusal;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::dynamodb;
use crate::failure::Failure;
use crate::ids::Ids;
use crate::neighbours;
use crate::query;
use crate::s3;
use crate::shape::xml;
use crate::sqs;
use crate::sts;
use crate::text::crc32;

/// The operation name of a request that names none that is implemented.
pub(crate) const UNKNOWN: &str = "Unknown";

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// AWS JSON 1.0.
    Json,
    /// Form in, XML out.
    Query,
    /// S3.
    RestXml,
    /// S3's control plane, which wraps its errors.
    ControlXml,
}

/// A successful answer, in the form of its protocol.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Further response headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// None.
    Empty,
    /// A JSON document.
    Json(Value),
    /// An XML document.
    Xml(Vec<u8>),
    /// A document of another type.
    Raw(&'static str, Vec<u8>),
}

impl Answer {
    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    /// A JSON document; null is no body at all, as operations without an output answer.
    pub(crate) fn json(value: Value) -> Self {
        let body = if value.is_null() { Body::Empty } else { Body::Json(value) };
        Self { status: 200, headers: Vec::new(), body }
    }

    /// An XML document.
    pub(crate) fn xml(body: Vec<u8>) -> Self {
        Self { status: 200, headers: Vec::new(), body: Body::Xml(body) }
    }

    /// A document of another type.
    pub(crate) fn raw(kind: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, headers: Vec::new(), body: Body::Raw(kind, body) }
    }

    /// Adds a response header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What carries out an operation.
pub(crate) type Run<'r> = Box<dyn FnOnce(&mut World) -> Result<Answer, Failure> + 'r>;

/// An operation found by a service, not yet carried out.
pub(crate) struct Routed<'r> {
    /// Its name.
    pub(crate) operation: &'static str,
    /// The resource that the request names.
    pub(crate) resource: String,
    /// What carries it out, or why nothing can.
    pub(crate) run: Result<Run<'r>, Failure>,
}

/// A request as far as it is understood.
pub(crate) struct Incoming<'r> {
    pub(crate) protocol: Protocol,
    pub(crate) service: &'static str,
    pub(crate) caller: Option<Caller>,
    pub(crate) operation: &'static str,
    pub(crate) resource: String,
    pub(crate) run: Result<Run<'r>, Failure>,
}

/// Finds out what a request asks for.
pub(crate) fn identify<'r>(world: &mut World, request: &'r Request<Vec<u8>>) -> Incoming<'r> {
    let headers = request.headers();
    let (protocol, service) = match (headers.get("x-amz-target"), is_form(headers)) {
        (Some(target), _) => {
            let service = match target.to_str().unwrap_or_default().split_once('.') {
                Some((dynamodb::TARGET, _)) => dynamodb::SERVICE,
                Some((sqs::TARGET, _)) => sqs::SERVICE,
                Some(_) | None => "",
            };
            (Protocol::Json, service)
        }
        (None, true) => (Protocol::Query, query_service(headers)),
        (None, false) if s3::control::is_meant(request) => (Protocol::ControlXml, s3::SERVICE),
        (None, false) => (Protocol::RestXml, s3::SERVICE),
    };
    let mut incoming = Incoming {
        protocol,
        service,
        caller: None,
        operation: UNKNOWN,
        resource: String::new(),
        run: Err(Failure::not_implemented("this service")),
    };
    let credential = match auth::credential(headers) {
        Ok(credential) => credential,
        Err(refusal) => {
            incoming.run = Err(protocol.unauthenticated(refusal));
            return incoming;
        }
    };
    if service.is_empty() {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        incoming.run =
            Err(Failure::not_implemented(format_args!("`{}`", target.unwrap_or_default())));
        return incoming;
    }
    if let Some(name) = unknown_header(protocol, headers) {
        incoming.run = Err(Failure::not_implemented(format_args!("the header `{name}`")));
        return incoming;
    }
    let express = credential.service == s3::directory::SIGNING_NAME && service == s3::SERVICE;
    if credential.service != service && !express {
        incoming.run = Err(wrong_service(protocol, service, &credential));
        return incoming;
    }
    let signed_for = credential.service.clone();
    let caller = match caller(world, headers, credential, protocol) {
        Ok(caller) => caller,
        Err(failure) => {
            incoming.run = Err(failure);
            return incoming;
        }
    };
    let routed = match service {
        dynamodb::SERVICE => dynamodb::route(request, caller.clone()),
        sqs::SERVICE => sqs::route(request, caller.clone()),
        _ if let Some(service) = QUERY.iter().find(|found| found.name == service) => {
            query::route(service, request, caller.clone())
        }
        _ if protocol == Protocol::ControlXml => s3::control::route(request, caller.clone()),
        _ => s3::route(request, caller.clone(), &signed_for, &world.settings.hosts),
    };
    incoming.caller = Some(caller);
    incoming.operation = routed.operation;
    incoming.resource = routed.resource;
    incoming.run = routed.run;
    incoming
}

/// The services that speak the query protocol here.
static QUERY: [&query::Service; 5] = [
    &sts::STS,
    &neighbours::cloudformation::CLOUDFORMATION,
    &neighbours::ec2::EC2,
    &neighbours::iam::IAM,
    &neighbours::sns::SNS,
];

/// Every operation that is served, as (service, operation), in no particular order.
///
/// The service is the name in the credential scope, as in [`Call::service`](crate::Call::service);
/// the control plane of S3 signs as `s3`.
pub fn operations() -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    all.extend(dynamodb::operations().map(|name| (dynamodb::SERVICE, name)));
    all.extend(s3::operations().map(|name| (s3::SERVICE, name)));
    all.extend(sqs::operations().map(|name| (sqs::SERVICE, name)));
    for service in QUERY {
        all.extend(service.operations.iter().map(|operation| (service.name, operation.name)));
    }
    all
}

/// Which of them a request is for: nothing else says so than what it is signed for.
fn query_service(headers: &HeaderMap) -> &'static str {
    let signed_for = auth::credential(headers).map(|credential| credential.service);
    let known = QUERY.iter().find(|known| signed_for.as_ref().is_ok_and(|name| name == known.name));
    known.map_or(sts::SERVICE, |known| known.name)
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}

/// A header that would change what a call means and that nobody here looks at. (S3 has its own
/// list, by operation.)
fn unknown_header(protocol: Protocol, headers: &HeaderMap) -> Option<&str> {
    const KNOWN: &[&str] = &[
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-target",
        "x-amz-user-agent",
    ];
    headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|_| matches!(protocol, Protocol::Json | Protocol::Query))
        .find(|name| name.starts_with("x-amz-") && !KNOWN.contains(name))
}

fn wrong_service(protocol: Protocol, service: &str, credential: &Credential) -> Failure {
    let known = ["dynamodb", "s3", "sqs"].into_iter().chain(QUERY.iter().map(|known| known.name));
    if !known.into_iter().any(|known| known == credential.service) {
        return Failure::not_implemented(format_args!("the service `{}`", credential.service));
    }
    if protocol == Protocol::Query {
        return Failure::not_implemented(format_args!(
            "the query protocol of the service `{}`",
            credential.service
        ));
    }
    let message = format!("Credential should be scoped to correct service: '{service}'.");
    match protocol {
        Protocol::Json => Failure::new(400, "InvalidSignatureException", message),
        Protocol::Query | Protocol::RestXml | Protocol::ControlXml => {
            Failure::new(400, "AuthorizationHeaderMalformed", message)
        }
    }
}

/// The account behind an access key.
fn caller(
    world: &World,
    headers: &HeaderMap,
    credential: Credential,
    protocol: Protocol,
) -> Result<Caller, Failure> {
    let token = headers
        .get("x-amz-security-token")
        .or_else(|| headers.get(s3::directory::TOKEN_HEADER))
        .and_then(|value| value.to_str().ok());
    let account = match world.sts.session(&credential.access_key) {
        Some(session) if token != Some(session.token.as_str()) => {
            return Err(protocol.invalid_token());
        }
        Some(session) if session.expires <= world.now => return Err(protocol.expired_token()),
        Some(session) => session.account.clone(),
        // Keys that AssumeRole gives out begin like this: one that is not known comes from an
        // earlier run, and AWS would not know it either.
        None if credential.access_key.starts_with("ASIA") => return Err(protocol.invalid_token()),
        None => world
            .settings
            .access_keys
            .get(&credential.access_key)
            .unwrap_or(&world.settings.account)
            .clone(),
    };
    Ok(Caller { account, region: credential.region, access_key: credential.access_key })
}

impl Protocol {
    fn unauthenticated(self, refusal: Refusal) -> Failure {
        match (self, refusal) {
            (_, Refusal::Scheme(scheme)) => {
                Failure::not_implemented(format_args!("the signature scheme `{scheme}`"))
            }
            (Self::Json, Refusal::Missing) => Failure::new(
                400,
                "MissingAuthenticationTokenException",
                "Request is missing Authentication Token",
            ),
            (Self::Query, Refusal::Missing) => Failure::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            (Self::RestXml | Self::ControlXml, Refusal::Missing) => {
                Failure::new(403, "AccessDenied", "Access Denied")
            }
            (Self::Json, Refusal::Malformed(text)) => {
                Failure::new(400, "IncompleteSignatureException", text)
            }
            (Self::Query, Refusal::Malformed(text)) => {
                Failure::new(400, "IncompleteSignature", text)
            }
            (Self::RestXml | Self::ControlXml, Refusal::Malformed(text)) => {
                Failure::new(400, "AuthorizationHeaderMalformed", text)
            }
        }
    }

    fn invalid_token(self) -> Failure {
        match self {
            Self::Json => Failure::new(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Self::Query => Failure::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            Self::RestXml | Self::ControlXml => Failure::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
        }
    }

    fn expired_token(self) -> Failure {
        match self {
            Self::Json => Failure::new(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Self::Query => Failure::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            Self::RestXml | Self::ControlXml => {
                Failure::new(400, "ExpiredToken", "The provided token has expired.")
            }
        }
    }

    /// Writes an outcome as a response.
    pub(crate) fn render(
        self,
        ids: &mut Ids,
        service: &str,
        request: &Request<Vec<u8>>,
        outcome: Result<Answer, Failure>,
    ) -> Response<Vec<u8>> {
        let host_id = match self {
            Self::RestXml | Self::ControlXml => ids.upper(76),
            Self::Json | Self::Query => String::new(),
        };
        let request_id = match self {
            Self::Json => ids.upper(52),
            Self::Query => ids.uuid(),
            Self::RestXml | Self::ControlXml => ids.upper(16),
        };
        let (status, mut headers, content_type, body) = match outcome {
            Ok(answer) => match answer.body {
                Body::Empty => (answer.status, answer.headers, None, Vec::new()),
                Body::Json(value) => {
                    (answer.status, answer.headers, Some(JSON), value.to_string().into_bytes())
                }
                Body::Xml(body) => (answer.status, answer.headers, Some(self.xml_type()), body),
                Body::Raw(kind, body) => (answer.status, answer.headers, Some(kind), body),
            },
            Err(failure) => {
                let (kind, body) = self.error(service, &failure, &request_id, &host_id);
                let mut headers = failure.headers;
                if service == sqs::SERVICE {
                    let whose = if failure.status < 500 { "Sender" } else { "Receiver" };
                    let code = sqs::query_code(&failure.code);
                    headers.push(("x-amzn-query-error", format!("{code};{whose}")));
                }
                (failure.status, headers, Some(kind), body)
            }
        };
        // An answer to HEAD has no body; its headers say all that there is to say.
        let bodiless = request.method() == http::Method::HEAD;
        match self {
            Self::Json => {
                if service == dynamodb::SERVICE {
                    headers.push(("x-amz-crc32", crc32(&body).to_string()));
                }
                headers.push(("x-amzn-requestid", request_id));
            }
            Self::Query => headers.push(("x-amzn-requestid", request_id)),
            Self::RestXml | Self::ControlXml => {
                headers.push(("x-amz-id-2", host_id));
                headers.push(("x-amz-request-id", request_id));
                headers.push(("server", "AmazonS3".to_owned()));
            }
        }
        if let Some(kind) = content_type {
            headers.push(("content-type", kind.to_owned()));
        }
        let mut response = Response::new(if bodiless { Vec::new() } else { body });
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    fn xml_type(self) -> &'static str {
        match self {
            Self::Query => "text/xml",
            Self::Json | Self::RestXml | Self::ControlXml => "application/xml",
        }
    }

    fn error(
        self,
        service: &str,
        failure: &Failure,
        request_id: &str,
        host_id: &str,
    ) -> (&'static str, Vec<u8>) {
        match self {
            Self::Json => {
                let namespace = match service {
                    sqs::SERVICE => sqs::namespace(&failure.code),
                    _ => dynamodb::namespace(&failure.code),
                };
                let kind = format!("{namespace}#{}", failure.code);
                let document = json!({ "__type": kind, "message": failure.message });
                (JSON, document.to_string().into_bytes())
            }
            Self::Query if service == neighbours::ec2::EC2.name => {
                let mut out = xml::Writer::new("Response", "");
                out.element("Errors", |out| {
                    out.element("Error", |out| {
                        out.text("Code", &failure.code);
                        out.text("Message", &failure.message);
                    });
                });
                out.text("RequestID", request_id);
                ("text/xml", out.finish("Response"))
            }
            Self::Query => {
                let known = QUERY.iter().find(|known| known.name == service);
                let namespace = known.map_or("", |known| known.namespace);
                let mut out = xml::Writer::new("ErrorResponse", namespace);
                out.element("Error", |out| {
                    out.text("Type", if failure.status < 500 { "Sender" } else { "Receiver" });
                    out.text("Code", &failure.code);
                    out.text("Message", &failure.message);
                });
                out.text("RequestId", request_id);
                ("text/xml", out.finish("ErrorResponse"))
            }
            Self::ControlXml => {
                let mut out = xml::Writer::new("ErrorResponse", s3::control::NAMESPACE);
                out.element("Error", |out| {
                    out.text("Code", &failure.code);
                    out.text("Message", &failure.message);
                });
                out.text("RequestId", request_id);
                out.text("HostId", host_id);
                ("application/xml", out.finish("ErrorResponse"))
            }
            Self::RestXml => {
                let mut out = xml::Writer::new("Error", "");
                out.text("Code", &failure.code);
                out.text("Message", &failure.message);
                for (name, value) in &failure.details {
                    out.text(name, value);
                }
                out.text("RequestId", request_id);
                out.text("HostId", host_id);
                ("application/xml", out.finish("Error"))
            }
        }
    }
}

const JSON: &str = "application/x-amz-json-1.0";
