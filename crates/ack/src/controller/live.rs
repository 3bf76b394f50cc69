//! The world as it is: the API server and AWS.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use kube::api::Patch;
use kube::api::PatchParams;
use kube::core::Request;
use runtime::store::Store;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::events::Events;
use super::kept::Kept;
use super::memory::Memory;
use crate::aws::Effect;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::event::Event;
use crate::object::Object;
use crate::reconcile::Patched;
use crate::reconcile::Target;
use crate::reconcile::World;
use crate::reference;
use crate::resource::Asked;
use crate::resource::Depth;
use crate::resource::Observed;
use crate::resource::Place;
use crate::resource::Resource;
use crate::shape::Time;

/// One object and everything that a pass over it touches.
pub(super) struct Live<'a> {
    pub(super) client: &'a Client,
    pub(super) store: &'a Store<Kept>,
    /// The objects of the kind in the object's namespace.
    pub(super) url: String,
    pub(super) name: String,
    pub(super) aws: Arc<Regional>,
    pub(super) place: Option<Place>,
    pub(super) memory: &'a Memory,
    pub(super) events: &'a Events,
    /// AWS has throttled a call of this pass.
    pub(super) throttled: AtomicBool,
    /// AWS has refused the credentials of a call of this pass.
    pub(super) unknown: AtomicBool,
}

impl Live<'_> {
    /// The answer, looked at for what concerns more than this pass.
    fn seen<T>(&self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if answer.as_ref().is_err_and(Failure::is_throttling) {
            self.throttled.store(true, Ordering::Relaxed);
        }
        if answer.as_ref().is_err_and(Failure::is_of_credentials) {
            self.unknown.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl<R: Resource> World<R> for Live<'_> {
    async fn read(&self, asked: &Asked<'_, R>) -> Result<Option<Observed<R>>, Failure> {
        let Some(place) = &self.place else {
            let message = "no region".to_owned();
            return Err(Failure { code: None, message, effect: Effect::None });
        };
        self.seen(R::read(&self.aws, asked, place).await)
    }

    async fn send(&self, call: R::Call) -> Result<(), Failure> {
        self.seen(R::send(&self.aws, call).await)
    }

    async fn patch(&self, target: Target, patch: &Json) -> Patched {
        let (request, parameters) = (Request::new(self.url.as_str()), PatchParams::default());
        let patch = Patch::Merge(patch);
        let request = match target {
            Target::Object => request.patch(&self.name, &parameters, &patch),
            Target::Status => request.patch_subresource("status", &self.name, &parameters, &patch),
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return Patched::Failed(error.to_string()),
        };
        match self.client.request::<Json>(request).await {
            Ok(object) => {
                if let Err(error) = self.store.observe_write(object.clone()) {
                    tracing::warn!(%error, "answer to a patch");
                }
                Patched::Now(object)
            }
            Err(kube::Error::Api(status)) => match status.code {
                404 => Patched::Gone,
                409 => Patched::Conflict,
                // The message may quote values of the object.
                code => Patched::Failed(format!("{code} {}", status.reason)),
            },
            Err(error) => Patched::Failed(error.to_string()),
        }
    }

    fn settled(&self, object: &Object<R::Spec>, depth: Depth) {
        self.memory.settled(object, depth, Instant::now());
    }

    async fn referenced(
        &self,
        target: &reference::Target,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Json>, String> {
        super::request(self.client, "GET", &target.url(namespace, name), None).await
    }

    fn tell(&self, object: &Object<R::Spec>, event: &Event) {
        self.events.tell(&R::KIND, object, event);
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now(&self) -> Time {
        Time(Timestamp::now())
    }
}
