use std::{os::unix::process::ExitStatusExt, time::Duration};

use e2e::{
    ControlPlane, Options, Process, Program, Proxy, User,
    proxy::{Action, Match, Moment, Nth, Outcome, Rule},
};
use futures::{StreamExt, TryStreamExt};
use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{PostParams, WatchEvent, WatchParams},
};

use crate::SOON;

/// A proxy before an API server, and a kubeconfig that goes through it.
struct Proxied {
    proxy: Proxy,
    kubeconfig: std::path::PathBuf,
    plane: ControlPlane,
}

impl Proxied {
    async fn start() -> anyhow::Result<Self> {
        let plane = ControlPlane::start(Options::api_server()).await?;
        let proxy = Proxy::before_api_server(&plane, User::KroController).await?;
        let kubeconfig = plane.kubeconfig_through("kro", &proxy.url())?;
        Ok(Self { proxy, kubeconfig, plane })
    }

    fn client(&self) -> anyhow::Result<kube::Client> {
        let mut config = kube::Config::new(self.proxy.url().parse()?);
        config.default_retry = false;
        Ok(kube::Client::try_from(config)?)
    }

    fn config_maps(&self) -> anyhow::Result<Api<ConfigMap>> {
        Ok(Api::namespaced(self.client()?, "default"))
    }

    /// A kubectl that makes a ConfigMap through the proxy, once it is started.
    fn create(&self, name: &str) -> Process {
        let program = Program::new(format!("create-{name}"), self.plane.kubectl_path())
            .arg(format!("--kubeconfig={}", self.kubeconfig.display()))
            .args(["create", "configmap", name])
            .env("HOME", self.plane.directory());
        Process::prepared(program, self.plane.directory())
    }

    async fn exists(&self, name: &str) -> anyhow::Result<bool> {
        let found = self.plane.kubectl(&["get", "configmap", name, "--ignore-not-found"]).await?;
        Ok(!found.is_empty())
    }
}

fn config_map(name: &str) -> ConfigMap {
    let mut config_map = ConfigMap::default();
    config_map.metadata.name = Some(name.to_owned());
    config_map
}

#[test]
fn a_program_is_killed_before_and_after_a_write() {
    e2e::scenario(async || {
        let proxied = Proxied::start().await?;
        for (moment, outcome) in
            [(Moment::Before, Outcome::KilledBefore), (Moment::After, Outcome::KilledAfter(201))]
        {
            let name = format!("{moment:?}").to_lowercase();
            let victim = proxied.create(&name);
            let mut point = proxied.proxy.kill_point(Match::writes(), 2, moment, victim.killer());

            let spared = proxied.create(&format!("{name}-spared"));
            spared.restart()?;
            let status = e2e::wait_for("it ends", SOON, async || spared.ended()).await?;
            assert!(status.success(), "{}", spared.log());
            assert!(!point.is_reached());

            victim.restart()?;
            tokio::time::timeout(SOON, point.reached()).await??;
            assert!(point.is_reached());
            assert_eq!(victim.ended()?.and_then(|status| status.signal()), Some(9));
            assert_eq!(victim.log(), "", "it never learns what came of it");
            assert_eq!(proxied.exists(&name).await?, moment == Moment::After);
            let last = proxied.proxy.passed().pop().expect("it arrived");
            assert_eq!(last.outcome, outcome, "{last}");

            // Frozen: what comes now gets no answer, and is not forwarded, not even afterwards.
            let late = proxied.create(&format!("{name}-late"));
            late.restart()?;
            e2e::wait_for("a request is held", SOON, async || {
                let last = proxied.proxy.passed().pop();
                Ok(last.filter(|passed| passed.outcome == Outcome::Held))
            })
            .await?;
            late.kill()?;
            proxied.proxy.resume();

            victim.restart()?;
            let status = e2e::wait_for("it ends", SOON, async || victim.ended()).await?;
            assert_eq!(status.success(), moment == Moment::Before, "{}", victim.log());
            assert!(proxied.exists(&name).await?);
            assert!(!proxied.exists(&format!("{name}-late")).await?);
            let entries = proxied.plane.audit().entries().await?.of(User::KroController);
            assert_eq!(entries.creations("configmaps", "default", &name), 1, "{entries}");
        }
        Ok(())
    });
}

#[test]
fn rules_cut_delay_and_refuse() {
    e2e::scenario(async || {
        let proxied = Proxied::start().await?;
        let config_maps = proxied.config_maps()?;
        let create =
            async |name: &str| config_maps.create(&PostParams::default(), &config_map(name)).await;
        let second = |action| Rule { when: Match::writes(), nth: Nth::Only(2), action };

        for (number, (action, reaches)) in
            [(Action::CutBefore, false), (Action::CutAfter, true)].into_iter().enumerate()
        {
            proxied.proxy.add(second(action));
            create(&format!("spared-{number}")).await?;
            let cut = format!("cut-{number}");
            assert!(create(&cut).await.is_err());
            assert_eq!(proxied.exists(&cut).await?, reaches);
            assert!(proxied.proxy.disarm());
        }

        let status = StatusCode::SERVICE_UNAVAILABLE;
        let when = Match::any().method(Method::POST).path("/configmaps");
        proxied.proxy.add(Rule { when, nth: Nth::UpTo(1), action: Action::refuse(status) });
        let refused = create("refused").await.expect_err("refused");
        assert!(matches!(&refused, kube::Error::Api(status) if status.code == 503), "{refused:?}");
        assert!(!proxied.exists("refused").await?);
        create("refused").await?;
        // Not its connections, too: the client may be about to use one.
        assert!(proxied.proxy.disarm());

        let delay = Duration::from_millis(300);
        let when = Match::writes();
        proxied.proxy.add(Rule { when, nth: Nth::Every, action: Action::Delay(delay) });
        let start = tokio::time::Instant::now();
        create("delayed").await?;
        assert!(start.elapsed() >= delay);

        let outcomes: Vec<Outcome> =
            proxied.proxy.passed().into_iter().map(|passed| passed.outcome).collect();
        let created = Outcome::Answered(201);
        let expected = [
            created.clone(),
            Outcome::CutBefore,
            created.clone(),
            Outcome::CutAfter(201),
            Outcome::Refused(503),
            created.clone(),
            created,
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(proxied.proxy.count(&Match::writes()), 7);
        assert_eq!(proxied.proxy.count(&Match::writes().not_path("configmaps")), 0);
        Ok(())
    });
}

#[test]
fn watches_stream_and_can_be_cut() {
    e2e::scenario(async || {
        let proxied = Proxied::start().await?;
        // Two proxies in a row: the outer one is one before plain HTTP.
        let outer = Proxy::before_http(&proxied.proxy.url()).await?;
        let client = kube::Client::try_from(kube::Config::new(outer.url().parse()?))?;
        let config_maps = Api::<ConfigMap>::namespaced(client, "default");
        let mut events = config_maps.watch(&WatchParams::default(), "0").await?.boxed();

        let name = "seen";
        proxied.plane.kubectl(&["create", "configmap", name]).await?;
        let seen = async {
            while let Some(event) = events.try_next().await? {
                if let WatchEvent::Added(config_map) = event {
                    return anyhow::Ok(config_map.metadata.name);
                }
            }
            Ok(None)
        };
        assert_eq!(tokio::time::timeout(SOON, seen).await??.as_deref(), Some(name));
        for proxy in [&outer, &proxied.proxy] {
            assert_eq!(proxy.count(&Match::watches()), 1);
            assert_eq!(proxy.count(&Match::but_watches()), 0);
        }

        outer.disconnect();
        let end = tokio::time::timeout(SOON, events.next()).await?;
        assert!(matches!(end, None | Some(Err(_))), "{end:?}");
        Ok(())
    });
}

#[test]
fn operations_of_aws_are_told_apart_by_their_target() {
    e2e::scenario(async || {
        let proxied = Proxied::start().await?;
        let outer = Proxy::before_http(&proxied.proxy.url()).await?;
        let client = kube::Client::try_from(kube::Config::new(outer.url().parse()?))?;
        for operation in ["DescribeTable", "CreateTable"] {
            let request = http::Request::post("/")
                .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
                .body(Vec::new())?;
            // The API server makes of it what it likes.
            let _ = client.request_text(request).await;
        }
        assert_eq!(outer.count(&Match::any()), 2);
        assert_eq!(outer.count(&Match::writes()), 1);
        assert_eq!(outer.count(&Match::any().target(".DescribeTable")), 1);
        Ok(())
    });
}
