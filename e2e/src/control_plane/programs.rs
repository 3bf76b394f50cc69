//! With which flags each program of a control plane runs.

use std::path::Path;

use crate::{credentials::Credentials, process::Program};

/// The ports of one control plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) api_server: u16,
    pub(crate) etcd_clients: u16,
    pub(crate) etcd_peers: u16,
}

/// The controllers that scenarios rely on. All of them would cost a second of two cores at each
/// start; in particular nothing watches over the health of nodes.
const CONTROLLERS: &str = "deployment-controller,replicaset-controller,statefulset-controller,\
     daemonset-controller,job-controller,cronjob-controller,endpoints-controller,\
     endpointslice-controller,garbage-collector-controller,namespace-controller,\
     serviceaccount-controller,clusterrole-aggregation-controller";

pub(crate) fn etcd(path: &Path, directory: &Path, ports: &Ports) -> Program {
    let clients = format!("http://127.0.0.1:{}", ports.etcd_clients);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peers);
    Program::new("etcd", path)
        .arg(flag("--data-dir", directory.join("etcd").display()))
        .args([
            flag("--listen-client-urls", &clients),
            flag("--advertise-client-urls", &clients),
            flag("--listen-peer-urls", &peers),
            flag("--initial-advertise-peer-urls", &peers),
            flag("--initial-cluster", format!("default={peers}")),
        ])
        // What it holds is gone with the scenario anyway.
        .arg("--unsafe-no-fsync")
}

pub(crate) fn kube_apiserver(
    path: &Path,
    ports: &Ports,
    credentials: &Credentials,
    audit_policy: &Path,
    audit_log: &Path,
) -> Program {
    let service_account_key = credentials.service_account_key.display();
    Program::new("kube-apiserver", path).args([
        flag("--etcd-servers", format!("http://127.0.0.1:{}", ports.etcd_clients)),
        flag("--bind-address", "127.0.0.1"),
        flag("--advertise-address", "127.0.0.1"),
        flag("--secure-port", ports.api_server),
        flag("--tls-cert-file", credentials.certificate.display()),
        flag("--tls-private-key-file", credentials.key.display()),
        flag("--token-auth-file", credentials.tokens.display()),
        flag("--anonymous-auth", false),
        flag("--authorization-mode", "RBAC"),
        flag("--service-account-issuer", "https://kubernetes.default.svc"),
        flag("--service-account-key-file", credentials.service_account_public_key.display()),
        flag("--service-account-signing-key-file", &service_account_key),
        flag("--service-cluster-ip-range", "10.0.0.0/24"),
        flag("--endpoint-reconciler-type", "none"),
        // Its taint is taken off by the controller of node health, which does not run.
        flag("--disable-admission-plugins", "TaintNodesByCondition"),
        flag("--enable-priority-and-fairness", false),
        flag("--max-requests-inflight", 0),
        flag("--max-mutating-requests-inflight", 0),
        flag("--audit-policy-file", audit_policy.display()),
        flag("--audit-log-path", audit_log.display()),
        flag("--audit-log-mode", "blocking"),
        flag("--profiling", false),
    ])
}

pub(crate) fn kube_controller_manager(
    path: &Path,
    kubeconfig: &Path,
    credentials: &Credentials,
) -> Program {
    Program::new("kube-controller-manager", path).args([
        flag("--kubeconfig", kubeconfig.display()),
        flag("--secure-port", 0),
        flag("--leader-elect", false),
        flag("--controllers", CONTROLLERS),
        flag("--service-account-private-key-file", credentials.service_account_key.display()),
        flag("--kube-api-qps", 500),
        flag("--kube-api-burst", 1000),
        flag("--concurrent-deployment-syncs", 10),
    ])
}

pub(crate) fn kube_scheduler(path: &Path, kubeconfig: &Path) -> Program {
    Program::new("kube-scheduler", path).args([
        flag("--kubeconfig", kubeconfig.display()),
        flag("--secure-port", 0),
        flag("--leader-elect", false),
        flag("--kube-api-qps", 500),
        flag("--kube-api-burst", 1000),
    ])
}

/// KWOK with the stages that it has built in, which are its `fast` ones for nodes and pods.
pub(crate) fn kwok(path: &Path, kubeconfig: &Path) -> Program {
    Program::new("kwok", path)
        .args([flag("--kubeconfig", kubeconfig.display()), flag("--manage-all-nodes", true)])
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}={value}")
}
