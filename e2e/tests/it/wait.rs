use std::time::Duration;

use anyhow::bail;

#[tokio::test]
async fn what_was_seen_last_is_told() {
    let mut looks = 0;
    let result: anyhow::Result<()> =
        e2e::wait_for("the sun rises", Duration::from_millis(120), async || {
            looks += 1;
            bail!("it is dark ({looks})")
        })
        .await;
    let error = result.expect_err("it never does").to_string();
    assert!(looks >= 2);
    assert_eq!(error, format!("not within 0.12 s: the sun rises; last seen: it is dark ({looks})"));
}

#[tokio::test]
async fn a_look_that_hangs_is_cut_off() {
    let result: anyhow::Result<()> =
        e2e::wait_for("an answer", Duration::from_millis(50), async || {
            std::future::pending().await
        })
        .await;
    let error = result.expect_err("there is none").to_string();
    assert_eq!(error, "not within 0.05 s: an answer; last seen: nothing");
}
