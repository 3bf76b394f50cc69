use e2e::{ControlPlane, Options, User};

#[test]
fn the_log_tells_order_and_counts() {
    e2e::scenario(async || {
        let plane = ControlPlane::start(Options::api_server()).await?;
        plane.kubectl(&["create", "configmap", "first"]).await?;
        // A server-side apply creates, too.
        plane
            .kubectl_with(
                &["apply", "--server-side", "--filename=-"],
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: second}}",
            )
            .await?;
        plane.kubectl(&["label", "configmap", "second", "seen=yes"]).await?;
        plane.kubectl(&["delete", "configmap", "first"]).await?;

        let all = plane.audit().entries().await?.of(User::Admin);
        let first = all.creation("configmaps", "default", "first").expect("created");
        let second = all.creation("configmaps", "default", "second").expect("applied");
        let deleted = all.deletion("configmaps", "default", "first").expect("deleted");
        assert!(first.answered < second.received && second.answered < deleted.received, "{all}");
        assert_eq!((first.verb.as_str(), second.verb.as_str()), ("create", "patch"));
        assert_eq!(first.user, "admin");
        assert!(first.agent.starts_with("kubectl/v1.34."), "{}", first.agent);
        assert_eq!((first.group.as_str(), first.version.as_str(), first.code), ("", "v1", 201));
        assert_eq!(all.creations("configmaps", "default", "second"), 1);

        let writes = all.writes();
        let counts: Vec<_> = writes.count_by_verb().into_iter().collect();
        assert_eq!(counts, [("create", 1), ("delete", 1), ("patch", 2)], "{writes}");
        Ok(())
    });
}

#[test]
fn a_mark_separates_before_from_after() {
    e2e::scenario(async || {
        let plane = ControlPlane::start(Options::api_server()).await?;
        plane.kubectl(&["create", "configmap", "before"]).await?;
        let mark = plane.audit().mark().await?;
        let quiet = plane.audit().since(mark).await?.of(User::Admin);
        assert!(quiet.is_empty(), "{quiet}");

        plane.kubectl(&["create", "configmap", "after"]).await?;
        let lease = "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: leader}}";
        plane.kubectl_with(&["create", "--filename=-"], lease).await?;
        let watch = ["get", "configmaps", "--watch-only", "--request-timeout=1s"];
        plane.kubectl(&watch).await?;

        let since = plane.audit().since(mark).await?.of(User::Admin);
        assert!(since.creation("configmaps", "default", "before").is_none());
        assert!(since.iter().any(e2e::audit::Entry::is_watch), "{since}");
        let counted = since.but_watches_and_leases();
        assert!(counted.creation("configmaps", "default", "after").is_some());
        assert!(!counted.iter().any(|entry| entry.is_watch() || entry.is_lease()), "{counted}");
        Ok(())
    });
}
