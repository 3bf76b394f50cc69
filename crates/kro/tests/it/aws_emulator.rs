//! `kro aws-emulator` as a process: it says how to reach it, serves, and ends when told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn it_says_how_to_reach_it_serves_and_ends_when_told() {
    let mut running = Command::new(env!("CARGO_BIN_EXE_kro"))
        .args(["aws-emulator", "--port", "0", "--admin", "--latency", "1"])
        .args(["--fail", "sqs.ListQueues=RequestThrottled", "--fail-times", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let exports: Vec<String> = lines.take(5).collect();
    let url = exports[0].strip_prefix("export AWS_ENDPOINT_URL=http://").unwrap();
    assert_eq!(
        exports[1..],
        [
            "export AWS_ACCESS_KEY_ID=test",
            "export AWS_SECRET_ACCESS_KEY=test",
            "export AWS_REGION=us-west-2",
            "export AWS_DEFAULT_REGION=us-west-2"
        ]
    );

    let mut answer = String::new();
    let mut stream = TcpStream::connect(url).unwrap();
    let request = "GET /_emulator/faults HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"operation\":\"ListQueues\""), "{answer}");
    assert!(answer.contains("\"times\":2"), "{answer}");

    let told = Command::new("kill").arg(running.id().to_string()).status().unwrap();
    assert!(told.success());
    assert_eq!(running.wait().unwrap().code(), Some(0));
}
