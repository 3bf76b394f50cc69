//! The kinds that come with Kubernetes are those that it publishes.

use xtask::builtins;

#[test]
fn the_tables_have_what_a_server_publishes() {
    e2e::scenario(builtins::check_live);
}
