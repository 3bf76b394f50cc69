use std::{fmt, time::Instant};

use http::{Method, header, request::Parts};

/// A request that arrived at a [`Proxy`](super::Proxy).
#[derive(Clone, Debug)]
pub struct Passed {
    /// When it had arrived completely.
    pub at: Instant,
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub uri: String,
    /// Its header `x-amz-target`, or empty.
    pub target: String,
    /// Its header `user-agent`, or empty.
    pub agent: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is on its way.
    Pending,
    /// The server has begun to answer, with this status.
    Answered(u16),
    /// The proxy has answered, with this status.
    Refused(u16),
    /// The proxy has repeated an earlier answer, with this status.
    Repeated(u16),
    /// It was cut off and did not reach the server.
    CutBefore,
    /// It was cut off after the server had answered, with this status.
    CutAfter(u16),
    /// At it the program was killed, and it did not reach the server.
    KilledBefore,
    /// At it the program was killed, after the server had answered with this status.
    KilledAfter(u16),
    /// It was held back, and did not reach the server.
    Held,
    /// The server did not answer, for this reason.
    Failed(String),
}

impl Passed {
    pub(super) fn of(head: &Parts) -> Self {
        let header = |name| {
            let value = head.headers.get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Self {
            at: Instant::now(),
            method: head.method.clone(),
            uri: head.uri.path_and_query().map_or("/", |uri| uri.as_str()).to_owned(),
            target: header("x-amz-target").unwrap_or_default(),
            agent: header(header::USER_AGENT.as_str()).unwrap_or_default(),
            outcome: Outcome::Pending,
        }
    }

    /// Whether it asks for a change. For the services of AWS that name the operation in a header,
    /// where everything is a POST, its name decides; for the API server, reviews of access change
    /// nothing.
    #[must_use]
    pub fn is_write(&self) -> bool {
        if let Some((_, operation)) = self.target.rsplit_once('.') {
            return !["Describe", "List", "Get"].iter().any(|read| operation.starts_with(read));
        }
        let review = ["/apis/authentication.k8s.io/", "/apis/authorization.k8s.io/"]
            .iter()
            .any(|group| self.uri.starts_with(group));
        !review && [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(&self.method)
    }

    /// Whether it is a watch of the API server.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        let query = self.uri.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1" | "watch"))
    }

    /// Whether it is about a lease (leader election and the like).
    #[must_use]
    pub fn is_lease(&self) -> bool {
        self.uri.starts_with("/apis/coordination.k8s.io/")
    }
}

/// One line: method, path and query or operation, and what became of it.
impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, uri, target, outcome, .. } = self;
        write!(f, "{method} {uri} {target} {outcome:?}")
    }
}
