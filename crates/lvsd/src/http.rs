//! What all HTTP servers of the daemon have in common: connections that are few, short and bounded.

use std::convert::Infallible;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a request's header may take to come.
const HEADER_LIMIT: Duration = Duration::from_secs(5);

/// The greatest header of a request, in bytes.
const MAX_HEADER: usize = 16 * 1024;

/// Answers the requests of one connection until it ends or its time is up.
pub(crate) async fn converse<S, A, F, B>(stream: S, limit: Duration, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error = Infallible> + 'static,
{
    let service = service_fn(|request| {
        let response = answer(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .keep_alive(false)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever goes wrong with a client is its own affair.
    let _ = tokio::time::timeout(limit, connection).await;
}
