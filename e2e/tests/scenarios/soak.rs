//! The controller does not grow; `cargo xtask prove soak` looks longer.

use std::time::Duration;

#[test]
fn two_minutes_of_churn_leave_the_controller_as_large_as_it_was() {
    e2e::scenario_within(Duration::from_secs(1_200), async || {
        let churn = e2e::soak::churn(Duration::from_secs(120), |_| {}).await?;
        churn.growth().map(drop)
    });
}
