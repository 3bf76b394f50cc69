//! A small HTTP server on an address as Go programs write it.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;

use crate::shutdown::Tasks;

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`")]
pub struct ListenError {
    /// The address as it was given.
    pub address: String,
    /// Why not.
    #[source]
    pub source: std::io::Error,
}

/// Serves `router` as a task of `tasks`, and returns the bound address; `None` when `address` says
/// that there shall be no server.
pub(crate) async fn serve(
    tasks: &Tasks,
    name: &'static str,
    address: &str,
    router: Router,
) -> Result<Option<SocketAddr>, ListenError> {
    let failed = |source| ListenError { address: address.to_owned(), source };
    let Some(listener) = listen(address).await.map_err(failed)? else {
        tracing::info!(server = name, "server disabled");
        return Ok(None);
    };
    let bound = listener.local_addr().map_err(failed)?;
    tracing::info!(server = name, address = %bound, "listening");
    let stop = tasks.token().clone();
    tasks.spawn(name, async move {
        let served = axum::serve(listener, router);
        Ok(served.with_graceful_shutdown(stop.cancelled_owned()).await?)
    });
    Ok(Some(bound))
}

/// `"0"` and the empty string mean no server; `":8079"` all addresses, of both IP versions where
/// the machine has both; anything else a host or an IP address with a port.
async fn listen(address: &str) -> std::io::Result<Option<TcpListener>> {
    if address.is_empty() || address == "0" {
        return Ok(None);
    }
    let Some(port) = address.strip_prefix(':') else {
        return TcpListener::bind(address).await.map(Some);
    };
    let port: u16 = port
        .parse()
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(Some(listener)),
        // A machine without IPv6. A port in use fails here again, with the same error.
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map(Some),
    }
}
