//! What is logged, and what is not.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;

use runtime::logs::Format;
use runtime::logs::Level;
use runtime::logs::LogOptions;

/// A writer whose text can be read.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while held").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: Format, level: &str, write: impl FnOnce()) -> String {
    let sink = Sink::default();
    let options =
        LogOptions { format, level: level.parse().expect("a level"), crates: vec!["controller"] };
    let writer = sink.clone();
    let subscriber = runtime::logs::subscriber(&options, move || writer.clone());
    tracing::subscriber::with_default(subscriber, write);
    let bytes = sink.0.lock().expect("no panic while held").clone();
    String::from_utf8(bytes).expect("UTF-8")
}

fn write_some() {
    tracing::info!(target: "controller::instance", instance = "default/app", "applied");
    tracing::debug!(target: "controller", "own detail");
    tracing::trace!(target: "runtime::store", "own trace");
    tracing::debug!(target: "some_library", "foreign detail");
    tracing::info!(target: "some_library", "foreign information");
    tracing::error!(target: "some_library", "foreign error");
    tracing::error!(target: "kube_client::client", "the body of a Secret");
}

fn messages(text: &str) -> Vec<&str> {
    [
        "applied",
        "own detail",
        "own trace",
        "foreign detail",
        "foreign information",
        "foreign error",
        "body",
    ]
    .into_iter()
    .filter(|message| text.contains(message))
    .collect()
}

#[test]
fn levels_apply_to_our_own_crates_only() {
    let at = |level| messages(&logged(Format::Human, level, write_some)).join(", ");
    assert_eq!(at("error"), "foreign error");
    assert_eq!(at("info"), "applied, foreign error");
    assert_eq!(at("debug"), "applied, own detail, foreign error");
    assert_eq!(at("1"), "applied, own detail, foreign error");
    assert_eq!(at("5"), "applied, own detail, own trace, foreign error");
}

#[test]
fn a_json_line_holds_fields_and_span() {
    let text = logged(Format::Json, "info", || {
        let span = tracing::info_span!(target: "controller", "reconcile", key = "default/app");
        span.in_scope(|| tracing::info!(target: "controller", node = "bucket", "waiting"));
    });
    let mut line: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
    line["timestamp"] = "now".into();
    insta::assert_json_snapshot!(line, @r#"
    {
      "level": "INFO",
      "message": "waiting",
      "node": "bucket",
      "span": {
        "key": "default/app",
        "name": "reconcile"
      },
      "target": "controller",
      "timestamp": "now"
    }
    "#);
}

#[test]
fn unknown_levels_and_formats_are_refused() {
    for level in ["", "loud", "0", "-1", "1.5"] {
        level.parse::<Level>().expect_err(level);
    }
    assert_eq!("console".parse(), Ok(Format::Human));
    assert_eq!("json".parse(), Ok(Format::Json));
    "xml".parse::<Format>().expect_err("no such format");
}
