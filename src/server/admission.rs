//! Whether a request is taken on: the limits are asked first, then the user.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::concurrency::{Model, Shared, guarded, report};
use crate::family::{Family, Request};
use crate::handler::{Context, Failure};
use crate::lifecycle::{Connection, Reservation};
use crate::limits::{PeerKey, Refusal};
use crate::net::Peer;
use crate::runtime;

/// Asks the limits, those that need no look at the request first.
///
/// # Errors
/// Which limit the request is beyond. `reservation` is `None` when as many are
/// in flight as may be.
pub(super) fn admit<F: Family>(
    shared: &Shared<F>,
    reservation: Option<Reservation>,
    request: &F::Request,
    peer: &Peer,
) -> Result<Reservation, Refusal> {
    let mut reservation = reservation.ok_or(Refusal::Connections)?;
    shared.lifecycle.gate().admit(runtime::now())?;
    // Behind a proxy, the client is known once its header is.
    if shared.proxies.is_none() {
        reservation.admit_peer(|| PeerKey::of(peer, request.user()))?;
    }
    Ok(reservation)
}

/// Asks the hooks `verify_request` and `process_request`; one that fails is
/// reported, and the request is not welcome.
pub(super) fn is_welcome<F: Family, M: Model>(shared: &Shared<F>, request: &F::Request, peer: &Peer) -> bool {
    let hooks = shared.hooks.as_ref();
    let asked = catch_unwind(AssertUnwindSafe(|| {
        let welcome = hooks.verify_request(request, peer)?;
        if welcome {
            hooks.process_request(request, peer)?;
        }
        Ok::<_, Failure>(welcome)
    }));
    if let Ok(Ok(welcome)) = asked {
        return welcome;
    }
    let connection = Connection::new(M::NAME, shared.handler.name(), peer.clone());
    let context = Context::new(Arc::new(connection), Arc::clone(&shared.lifecycle));
    let failed = guarded(&context, || match asked {
        Ok(asked) => asked.map(drop),
        Err(panic) => resume_unwind(panic),
    });
    if let Err(error) = failed {
        report(hooks, &error, &context);
    }
    false
}
