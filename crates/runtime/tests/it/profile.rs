//! A profile can be had, and is one.

use crate::probes::get_bytes;
use pprof::protos::{Message, Profile};
use runtime::profile;
use runtime::shutdown::Tasks;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn a_profile_tells_what_the_process_does() {
    let tasks = Tasks::new();
    let address = profile::serve(&tasks, "127.0.0.1:0").await;
    let address = address.expect("it listens").expect("it is not disabled");
    for wrong in ["0", "301", "long"] {
        let (status, body) =
            get_bytes(address, &format!("/debug/pprof/profile?seconds={wrong}")).await;
        assert_eq!(status, "HTTP/1.1 400 Bad Request");
        assert_eq!(body, b"seconds must be a number from 1 to 300");
    }
    let ended = Arc::new(AtomicBool::new(false));
    let worker = {
        let ended = ended.clone();
        std::thread::spawn(move || {
            let mut number = 0_u64;
            while !ended.load(Ordering::Relaxed) {
                number = std::hint::black_box(number.wrapping_mul(31).wrapping_add(7));
            }
        })
    };
    let (status, body) = get_bytes(address, "/debug/pprof/profile?seconds=1").await;
    ended.store(true, Ordering::Relaxed);
    worker.join().expect("it ends");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let profile = Profile::decode(body.as_slice()).expect("a profile");
    assert!(!profile.sample.is_empty(), "it was busy");
}
