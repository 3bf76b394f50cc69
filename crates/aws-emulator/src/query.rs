//! The query protocol: a form in, XML out.

use std::collections::BTreeMap;

use http::Request;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Routed;
use crate::protocol::UNKNOWN;
use crate::shape::xml::Writer;
use crate::text::query_pairs;

/// What a request gives, beside `Action` and `Version`.
pub(crate) type Parameters = BTreeMap<String, String>;

/// A service that speaks the query protocol.
#[derive(Debug)]
pub(crate) struct Service {
    /// The name in the credential scope.
    pub(crate) name: &'static str,
    /// The version of its API.
    pub(crate) version: &'static str,
    /// The namespace of answers.
    pub(crate) namespace: &'static str,
    /// What it can do.
    pub(crate) operations: &'static [Operation],
}

/// An operation: what carries it out, and what its request may contain.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Its parameters; one that ends with a dot stands for all that begin so.
    pub(crate) parameters: &'static [&'static str],
    /// The parameter that names what it is about.
    pub(crate) resource: &'static str,
    pub(crate) run: fn(&mut World, &Caller, &Parameters) -> Result<Answer, Failure>,
}

impl Operation {
    fn knows(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|known| {
            *known == parameter || (known.ends_with('.') && parameter.starts_with(known))
        })
    }
}

/// Finds the operation of a request.
pub(crate) fn route<'r>(
    service: &'static Service,
    request: &'r Request<Vec<u8>>,
    caller: Caller,
) -> Routed<'r> {
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
    let title = service.name.to_uppercase();
    let Some(operation) = service.operations.iter().find(|operation| operation.name == action)
    else {
        return refused(UNKNOWN, Failure::not_implemented(format_args!("{title}.{action}")));
    };
    let version = parameters.remove("Version");
    if version.as_deref() != Some(service.version) {
        let message = format!(
            "Could not find operation {action} for version {}",
            version.as_deref().unwrap_or("NO_VERSION_SPECIFIED")
        );
        return refused(operation.name, Failure::new(400, "InvalidAction", message));
    }
    if let Some(name) = parameters.keys().find(|name| !operation.knows(name)) {
        let failure =
            Failure::not_implemented(format_args!("the parameter `{name}` of {title}.{action}"));
        return refused(operation.name, failure);
    }
    Routed {
        operation: operation.name,
        resource: parameters.get(operation.resource).cloned().unwrap_or_default(),
        run: Ok(Box::new(move |world| (operation.run)(world, &caller, &parameters))),
    }
}

/// An answer with a result.
pub(crate) fn answer(
    world: &mut World,
    service: &Service,
    operation: &str,
    inside: impl FnOnce(&mut Writer),
) -> Answer {
    let root = format!("{operation}Response");
    let mut out = Writer::new(&root, service.namespace);
    out.element(&format!("{operation}Result"), inside);
    let id = world.ids.uuid();
    out.element("ResponseMetadata", |out| out.text("RequestId", &id));
    Answer::xml(out.finish(&root))
}
