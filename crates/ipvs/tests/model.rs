//! The contract, kept by the model of the kernel.

#[allow(dead_code, reason = "each test binary uses a part")]
mod contract;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ipvs::model::Model;

/// The model never waits.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the model waits for something"),
    }
}

macro_rules! cases {
    ($($case:ident)*) => {$(
        #[test]
        fn $case() {
            now(contract::$case(&mut Model::new().with_interface(contract::INTERFACE)));
        }
    )*};
}

contract::for_each_case!(cases);
