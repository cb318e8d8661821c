//! One handler in every family and every model that can run in the background;
//! for forked processes see `fork.rs`.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use greenserve::testing::TestServer;
use greenserve::{Coroutine, Handler, Inline, Model, Server, Tcp, Thread, Udp, Unix, UnixDatagrams, each};
use support::exchange::{Reach, Upper, three_clients, upper};

fn check<F: Reach, M: Model>(handler: impl Handler<F::Request>, model: M) {
    let server = TestServer::build(Server::<F>::builder(handler).model(model)).unwrap();
    three_clients::<F>(server.address());
    assert!(server.stop().unwrap().is_clean());
}

/// One test a family, model and form of the handler.
macro_rules! three_clients_are_served {
    ($($family_name:ident: $family:ty;)*) => {$(
        mod $family_name {
            use super::*;

            three_clients_are_served! {
                $family =>
                coroutine: Coroutine::new();
                thread: Thread::new();
                inline: Inline::new();
            }
        }
    )*};
    ($family:ty => $($model_name:ident: $model:expr;)*) => {$(
        mod $model_name {
            use super::*;

            #[test]
            fn by_a_function() {
                check::<$family, _>(upper::<<$family as greenserve::Family>::Request>, $model);
            }

            #[test]
            fn by_a_type() {
                check::<$family, _>(each(Upper::default), $model);
            }

            #[test]
            fn by_a_type_that_sees_files() {
                check::<$family, _>(<$family>::files(), $model);
            }
        }
    )*};
}

three_clients_are_served! {
    tcp: Tcp;
    udp: Udp;
    unix: Unix;
    unixgram: UnixDatagrams;
}
