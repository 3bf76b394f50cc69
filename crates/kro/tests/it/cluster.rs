//! Commands that ask a cluster, against a few answers of an API server.

use crate::console::rerun;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

const DEFINITION: &str = "\
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata:
  name: gadget
spec:
  schema:
    apiVersion: v1alpha1
    kind: Gadget
    spec:
      size: integer
  resources:
    - id: widget
      template:
        apiVersion: example.com/v1
        kind: Widget
        metadata:
          name: one
        spec:
          size: ${schema.spec.size}
    - id: other
      template:
        apiVersion: example.com/v1
        kind: Widget
        metadata:
          name: ${widget.metadata.name}-forbidden
        spec:
          size: ${widget.spec.size}
---
apiVersion: kro.run/v1alpha1
kind: Gadget
metadata:
  name: mine
spec:
  size: 3
";

/// Answers until the test ends; the requests are noted.
fn serve(listener: &TcpListener, requests: &Arc<Mutex<Vec<String>>>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let requests = requests.clone();
        thread::spawn(move || answer_all(stream, &requests));
    }
}

fn answer_all(stream: TcpStream, requests: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut words = line.split_whitespace();
        let request = format!("{} {}", words.next().unwrap_or(""), words.next().unwrap_or(""));
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).expect("a request has headers");
            let header = header.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length is a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a request has its body");
        let (status, answer) = answer(&request, &body);
        requests.lock().expect("no test panics here").push(request);
        let text = answer.to_string();
        write!(
            writer,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )
        .expect("the answer can be sent");
    }
}

fn answer(request: &str, body: &[u8]) -> (&'static str, Value) {
    let missing = || {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
            "reason": "NotFound", "message": "not found",
        });
        ("404 Not Found", status)
    };
    let (path, query) = request.split_once('?').unwrap_or((request, ""));
    match path {
        "GET /apis/example.com/v1" => {
            let widget =
                json!({"name": "widgets", "kind": "Widget", "namespaced": true, "verbs": []});
            ("200 OK", json!({"kind": "APIResourceList", "resources": [widget]}))
        }
        "GET /openapi/v3/apis/example.com/v1" => {
            let spec = json!({"type": "object", "properties": {
                "size": {"type": "integer"}, "colour": {"type": "string"},
            }});
            let kind = json!({"group": "example.com", "version": "v1", "kind": "Widget"});
            let widget = json!({
                "type": "object", "properties": {"spec": spec},
                "x-kubernetes-group-version-kind": [kind],
            });
            let schemas = json!({"com.example.v1.Widget": widget});
            ("200 OK", json!({"openapi": "3.0.0", "components": {"schemas": schemas}}))
        }
        "GET /apis/example.com/v1/namespaces/default/widgets" => {
            assert!(query.starts_with("labelSelector=applyset.kubernetes.io%2Fpart-of%3D"));
            ("200 OK", json!({"kind": "WidgetList", "items": []}))
        }
        "GET /apis/example.com/v1/namespaces/default/widgets/one" => {
            let widget = json!({
                "apiVersion": "example.com/v1", "kind": "Widget",
                "metadata": {"name": "one", "namespace": "default", "uid": "w-1"},
                "spec": {"size": 1, "colour": "red"},
            });
            ("200 OK", widget)
        }
        "PATCH /apis/example.com/v1/namespaces/default/widgets/one" => {
            assert_eq!(query, "dryRun=All&force=true&fieldManager=kro.run%2Fapplyset");
            let mut stored: Value = serde_json::from_slice(body).expect("an apply is JSON");
            stored["metadata"]["uid"] = json!("w-1");
            stored["spec"]["colour"] = json!("red");
            ("200 OK", stored)
        }
        "PATCH /apis/example.com/v1/namespaces/default/widgets/one-forbidden" => {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
                "reason": "Forbidden", "message": "widgets are not for you",
            });
            ("403 Forbidden", status)
        }
        _ => missing(),
    }
}

fn kubeconfig(port: u16) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

/// A directory with the definition and a kubeconfig for a server that runs.
fn start(directory: &Path) -> Arc<Mutex<Vec<String>>> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let requests = Arc::default();
    let noted = Arc::clone(&requests);
    thread::spawn(move || serve(&listener, &noted));
    fs::write(directory.join("kubeconfig"), kubeconfig(port)).expect("a file can be written");
    fs::write(directory.join("gadget.yaml"), DEFINITION).expect("a file can be written");
    requests
}

#[test]
fn a_cluster_says_which_kinds_there_are() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    start(directory.path());
    let session = "\
$ kro validate -f gadget.yaml --cluster --kubeconfig kubeconfig
ok: 1 definition, 1 instance: no mistakes

$ sed 's/size: ..schema/sise: ${schema/' gadget.yaml | kro validate -f - --cluster --kubeconfig kubeconfig
error[KRO0303]: schema not found for field `sise`: `spec` of `example.com/v1 Widget` has no such field
  --> <stdin>:19:11
   |
19 |           sise: ${schema.spec.size}
   |           ^^^^
   |
   = note: at spec.resources[0].template.spec.sise
   = help: did you mean `spec.size`?

1 error; `kro explain KRO0303` says more
[exit 1]
";
    assert_eq!(rerun(session, directory.path()), session);
}

#[test]
fn a_cluster_answers_for_every_apply_without_being_changed() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let requests = start(directory.path());
    let session = "\
$ kro diff -f gadget.yaml --cluster --kubeconfig kubeconfig
ResourceGraphDefinition.kro.run gadget
  + create CRD gadgets.kro.run
Gadget.kro.run default/mine
  + create the instance
  ~ change widget (Widget.example.com default/one)
      ~ spec.size: 1 → 3
  ! other is refused: widgets are not for you
  1 to create, 1 to change, 1 blocked
[exit 1]
";
    assert_eq!(rerun(session, directory.path()), session);
    let requests = requests.lock().expect("the server does not panic");
    let writes = requests.iter().filter(|request| !request.starts_with("GET "));
    let mut writes = writes.peekable();
    assert!(writes.peek().is_some(), "no apply was asked for");
    assert!(writes.all(|request| request.contains("dryRun=All")), "{requests:#?}");
}

#[test]
fn without_a_cluster_that_is_said() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    fs::write(directory.path().join("gadget.yaml"), DEFINITION).expect("a file can be written");
    let session = "$ kro validate -f gadget.yaml --cluster --kubeconfig nowhere; echo $?\n";
    let fresh = rerun(session, directory.path());
    assert!(fresh.contains("error: can't use the kubeconfig: "), "{fresh}");
    assert!(fresh.ends_with("\n2\n"), "{fresh}");
}
