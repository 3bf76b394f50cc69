//! The requests that kro makes, on objects as JSON.
//!
//! Verbs and field managers are those of the kro-controller facts, section 2.

use http::{Method, Request};
use kube::Client;
use kube::core::{ApiResource, DynamicObject, Status};
use kube::runtime::wait::await_condition;
use plan::object::GroupKind;
use serde_json::{Value, json};
use std::time::Duration;

mod words;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A client for objects of any kind.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The API server said no; `Display` gives its words, without values of Secrets and policies.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    #[error("the request got no answer")]
    Transport(#[source] kube::Error),
    #[error("the request got no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the request could not be built")]
    Build(#[from] http::Error),
    #[error("an object can't be watched")]
    Wait(#[source] kube::runtime::wait::Error),
    #[error(transparent)]
    Lookup(#[from] crate::kinds::LookupError),
    /// Nobody watches the kind any more, so nobody knows what it is called in URLs.
    #[error("the API server has no kind {0}")]
    UnknownKind(GroupKind),
}

/// What became of a deletion.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// It is gone.
    Gone,
    /// It is going: finalizers or dependents hold it.
    Going(Value),
}

// === impl ApiError ===

impl ApiError {
    /// The HTTP status, 0 when there was no answer.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Refused(status) => status.code,
            Self::Transport(_)
            | Self::Timeout
            | Self::Build(_)
            | Self::Wait(_)
            | Self::Lookup(_)
            | Self::UnknownKind(_) => 0,
        }
    }
}

// === impl Api ===

impl Api {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The object; `None` when there is none.
    pub(crate) async fn get(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        self.read(resource, namespace, name, "application/json").await
    }

    /// Type and metadata of the object; `None` when there is none.
    pub(crate) async fn get_metadata(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        self.read(resource, namespace, name, accept).await
    }

    async fn read(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        accept: &str,
    ) -> Result<Option<Value>, ApiError> {
        let request = Request::get(url(resource, namespace, name)).header("Accept", accept);
        match self.send(request.body(Vec::new())?).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.code() == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Type and metadata of all objects whose label has one of the values, in all namespaces. A
    /// kind that the API server does not have, has none.
    ///
    /// Without pages: where there are any, the API server answers from etcd, for which it decodes
    /// every object of the kind, and not from its cache.
    pub(crate) async fn list_metadata(
        &self,
        resource: &ApiResource,
        label: &str,
        values: &[&str],
    ) -> Result<Vec<Value>, ApiError> {
        let (base, values) = (url(resource, "", ""), values.join("%2C"));
        let path = format!("{base}?labelSelector={label}%20in%20%28{values}%29");
        let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        let request = Request::get(path).header("Accept", accept).body(Vec::new())?;
        match self.send(request).await {
            Ok(mut list) => match list["items"].take() {
                Value::Array(items) => Ok(items),
                _ => Ok(Vec::new()),
            },
            Err(error) if error.code() == 404 => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// All objects of a cluster-scoped kind for which the field selector holds, whole.
    pub(crate) async fn list_selected(
        &self,
        resource: &ApiResource,
        fields: &str,
    ) -> Result<Vec<Value>, ApiError> {
        let fields = fields.replace('=', "%3D");
        let path = format!("{}?fieldSelector={fields}", url(resource, "", ""));
        let mut list = self.send(Request::get(path).body(Vec::new())?).await?;
        let Value::Array(mut items) = list["items"].take() else { return Ok(Vec::new()) };
        for item in &mut items {
            item["apiVersion"] = resource.api_version.clone().into();
            item["kind"] = resource.kind.clone().into();
        }
        Ok(items)
    }

    /// Forced server-side apply; the answer is the whole object.
    pub(crate) async fn apply(
        &self,
        resource: &ApiResource,
        manager: &str,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or("");
        let path = url(resource, text("namespace"), text("name"));
        let path = format!("{path}?{}&force=true", field_manager(manager));
        self.patch(path, "application/apply-patch+yaml", object).await
    }

    /// JSON merge patch of the object, or of its status with `/status` as `subresource`.
    pub(crate) async fn merge_patch(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        let path = format!("{}{subresource}", url(resource, namespace, name));
        self.patch(path, "application/merge-patch+json", patch).await
    }

    /// JSON merge patch of an instance's labels and the like, as
    /// [`plan::names::MANAGER_LABELLER`].
    pub(crate) async fn label(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        let manager = field_manager(plan::names::MANAGER_LABELLER);
        let path = format!("{}?{manager}", url(resource, namespace, name));
        self.patch(path, "application/merge-patch+json", patch).await
    }

    async fn patch(&self, path: String, kind: &str, patch: &Value) -> Result<Value, ApiError> {
        let request = Request::patch(path).header("Content-Type", kind);
        self.send(request.body(patch.to_string().into_bytes())?).await
    }

    /// Replaces the status of `object`, which carries the resourceVersion that it is based on.
    ///
    /// Of its managed fields nothing is sent: ours lack the field sets, and the API server keeps
    /// its own when there are none.
    pub(crate) async fn replace_status(
        &self,
        resource: &ApiResource,
        mut object: Value,
    ) -> Result<Value, ApiError> {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or("");
        let path = format!("{}/status", url(resource, text("namespace"), text("name")));
        let request = Request::put(path).header("Content-Type", "application/json");
        self.send(request.body(object.to_string().into_bytes())?).await
    }

    /// Creates `object`, in the namespace that it names if it names one.
    pub(crate) async fn create(
        &self,
        resource: &ApiResource,
        object: &Value,
    ) -> Result<Value, ApiError> {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("");
        let request =
            Request::post(url(resource, namespace, "")).header("Content-Type", "application/json");
        self.send(request.body(object.to_string().into_bytes())?).await
    }

    /// Deletes the object if it still has this UID.
    pub(crate) async fn delete(
        &self,
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<Deleted, ApiError> {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": uid },
        });
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(url(resource, namespace, name))
            .header("Content-Type", "application/json");
        match self.send(request.body(options.to_string().into_bytes())?).await {
            Ok(answer) if answer["kind"] == "Status" => Ok(Deleted::Gone),
            Ok(object) => Ok(Deleted::Going(object)),
            Err(error) if error.code() == 404 => Ok(Deleted::Gone),
            Err(error) => Err(error),
        }
    }

    /// Watches one cluster-scoped object until `ready` holds, without a bound.
    pub(crate) async fn wait_for(
        &self,
        resource: &ApiResource,
        name: &str,
        ready: fn(&Value) -> bool,
    ) -> Result<Value, ApiError> {
        let api: kube::Api<DynamicObject> = kube::Api::all_with(self.client.clone(), resource);
        let condition =
            move |object: Option<&DynamicObject>| object.is_some_and(|object| ready(&object.data));
        match await_condition(api, name, condition).await {
            Ok(_) => {}
            Err(error) => return Err(ApiError::Wait(error)),
        }
        let object = self.get(resource, "", name).await?;
        Ok(object.unwrap_or_default())
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Value, ApiError> {
        let secret = words::is_about_secrets(request.uri().path());
        let policies = words::Policies::within(request.body());
        match tokio::time::timeout(TIMEOUT, self.client.request(request)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(kube::Error::Api(mut status))) => {
                status.message = match secret {
                    true => words::discreet(&status.message),
                    false => words::without_policies(&status.message).to_owned(),
                };
                if let Some(policies) = policies {
                    status.message = policies.withheld(&status.message);
                }
                Err(ApiError::Refused(status))
            }
            Ok(Err(error)) => Err(ApiError::Transport(error)),
            Err(_) => Err(ApiError::Timeout),
        }
    }
}

/// The parameter that says who writes.
fn field_manager(manager: &str) -> String {
    format!("fieldManager={}", manager.replace('/', "%2F"))
}

/// The path of an object, or of a collection when `name` is "".
fn url(resource: &ApiResource, namespace: &str, name: &str) -> String {
    let mut path = match resource.group.as_str() {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    if !namespace.is_empty() {
        path.push_str("/namespaces/");
        push_segment(&mut path, namespace);
    }
    path.push('/');
    path.push_str(&resource.plural);
    if !name.is_empty() {
        path.push('/');
        push_segment(&mut path, name);
    }
    path
}

/// Adds a segment to a path; what could end or split it is percent-encoded. Names come from
/// whoever writes an instance.
fn push_segment(path: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
}
