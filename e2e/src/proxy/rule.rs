use std::time::Duration;

use http::{Method, StatusCode};

use super::record::Passed;

/// What a [`Proxy`](super::Proxy) does with some requests.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which requests it is about.
    pub when: Match,
    /// Which of them, in the order of their arrival.
    pub nth: Nth,
    /// What happens to these.
    pub action: Action,
}

/// Which of the requests that match, counted from one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nth {
    /// All of them.
    Every,
    /// This one only.
    Only(usize),
    /// All up to and including this one.
    UpTo(usize),
    /// This one and all after it.
    From(usize),
    /// One in so many, at random, always the same ones.
    Random {
        /// One in this many.
        one_in: usize,
    },
}

/// What happens to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// It is forwarded after this time.
    Delay(Duration),
    /// It is answered by the proxy and not forwarded.
    Refuse {
        /// The status of the answer.
        status: StatusCode,
        /// The type of its body.
        content_type: String,
        /// Its body.
        body: String,
    },
    /// It is not forwarded, and its connection is closed without an answer.
    CutBefore,
    /// It is forwarded, and when the answer is complete the connection is closed without it.
    CutAfter,
    /// It is neither forwarded nor answered; its connection stays open.
    Hold,
    /// It is forwarded, and the answer ends after this time, complete or not: what a server does to
    /// a watch.
    EndAfter(Duration),
    /// It is answered with what was answered the first time that this rule struck a request for the
    /// same path and query.
    Stale,
}

/// When a kill point kills.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// The request has left the program, and has not reached the server.
    Before,
    /// The server has done what was asked, and the program does not know.
    After,
}

/// A set of requests.
///
/// Start with one of the functions, and narrow it with the methods; all conditions have to hold.
#[derive(Clone, Debug)]
pub struct Match {
    sort: Sort,
    methods: Vec<Method>,
    paths: Vec<String>,
    not_paths: Vec<String>,
    targets: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Sort {
    Any,
    Write,
    Watch,
    ButWatch,
}

impl Match {
    /// All requests.
    #[must_use]
    pub fn any() -> Self {
        Self::new(Sort::Any)
    }

    /// Requests for a change, as [`Passed::is_write`] tells them; leases aside.
    #[must_use]
    pub fn writes() -> Self {
        Self::new(Sort::Write)
    }

    /// Watches of the API server.
    #[must_use]
    pub fn watches() -> Self {
        Self::new(Sort::Watch)
    }

    /// Everything but watches.
    #[must_use]
    pub fn but_watches() -> Self {
        Self::new(Sort::ButWatch)
    }

    fn new(sort: Sort) -> Self {
        Self {
            sort,
            methods: Vec::new(),
            paths: Vec::new(),
            not_paths: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Only with this method, or with another one that is given in the same way.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Only where path and query contain this text; given twice, both.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.paths.push(part.into());
        self
    }

    /// Not where path and query contain this text.
    #[must_use]
    pub fn not_path(mut self, part: impl Into<String>) -> Self {
        self.not_paths.push(part.into());
        self
    }

    /// Only where the header `x-amz-target`, which names the operation for some AWS services, ends
    /// so (`.CreateTable`), or with another text that is given in the same way.
    #[must_use]
    pub fn target(mut self, end: impl Into<String>) -> Self {
        self.targets.push(end.into());
        self
    }

    /// Whether a request is in the set.
    #[must_use]
    pub fn matches(&self, passed: &Passed) -> bool {
        let sort = match self.sort {
            Sort::Any => true,
            Sort::Write => passed.is_write() && !passed.is_lease(),
            Sort::Watch => passed.is_watch(),
            Sort::ButWatch => !passed.is_watch(),
        };
        sort && (self.methods.is_empty() || self.methods.contains(&passed.method))
            && self.paths.iter().all(|part| passed.uri.contains(part))
            && !self.not_paths.iter().any(|part| passed.uri.contains(part))
            && (self.targets.is_empty()
                || self.targets.iter().any(|end| passed.target.ends_with(end)))
    }
}

impl Nth {
    pub(super) fn includes(self, number: usize) -> bool {
        match self {
            Self::Every => true,
            Self::Only(nth) => number == nth,
            Self::UpTo(nth) => number <= nth,
            Self::From(nth) => number >= nth,
            Self::Random { one_in } => {
                // The finalizer of a hash (SplitMix64): equal steps become independent bits.
                let mut bits = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (bits ^ (bits >> 31)).is_multiple_of(one_in.max(1) as u64)
            }
        }
    }
}

impl Action {
    /// Refuses as the API server does: with a `Status` object.
    #[must_use]
    pub fn refuse(status: StatusCode) -> Self {
        let body = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "reason": reason(status),
            "message": "refused by the proxy of a test",
            "code": status.as_u16(),
        });
        Self::Refuse { status, content_type: "application/json".to_owned(), body: body.to_string() }
    }
}

/// What the API server calls a status.
fn reason(status: StatusCode) -> String {
    match status {
        StatusCode::GONE => "Expired".to_owned(),
        StatusCode::INTERNAL_SERVER_ERROR => "InternalError".to_owned(),
        other => other.canonical_reason().unwrap_or_default().replace(' ', ""),
    }
}
