//! The HTTP server, with limits so that no client can lock out others.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// The number of connections that may be open at once.
const CONNECTIONS: usize = 4_096;

/// The time that a client may take to send request headers, on an idle connection, too.
const HEADERS: Duration = Duration::from_secs(10);

/// The longest duration of a connection, and the time that its last response may then take.
const LASTS: Duration = Duration::from_mins(15);
const LAST_RESPONSE: Duration = Duration::from_secs(30);

pub(crate) async fn serve(listener: TcpListener, pages: Router) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Acquired before a connection is accepted, so that further clients wait in the kernel's
        // queue.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return Ok(()) };
        let Ok((stream, peer)) = listener.accept().await else {
            // For example, no file descriptors are free: accepting is retried after other
            // connections end.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let pages = pages.clone();
        tokio::spawn(async move {
            let _place = permit;
            connection(stream, ConnectInfo(peer), pages).await;
        });
    }
}

async fn connection(stream: TcpStream, peer: ConnectInfo<std::net::SocketAddr>, pages: Router) {
    let pages = TowerToHyperService::new(pages);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        pages.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(64 * 1024);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    if timeout(LASTS, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        // A response that is not complete by then is cut off, which harms only its client.
        let _ = timeout(LAST_RESPONSE, connection).await;
    }
}
