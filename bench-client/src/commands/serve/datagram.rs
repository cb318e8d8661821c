//! Answers to datagrams, with everything that can be wrong with them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::time::Instant;

use greenserve::net::SystemDatagram;
use greenserve::{Datagram, runtime};

use super::answer::Answer;
use super::fault::Fault;
use super::holdback::Held;
use super::meeting::Met;
use super::service::Service;

/// Answers one datagram.
///
/// # Errors
/// When nothing can be sent to the client, or the server ends.
pub(crate) fn serve<S: SystemDatagram>(datagram: &mut Datagram<S>, service: &Service) -> io::Result<()> {
    service.begin();
    service.pace()?;
    send_forgotten(datagram, service)?;
    let mut answer = Answer::plain(datagram.packet().to_vec());
    let key = key(datagram);
    let Some(fault) = service.choose(key) else {
        return answer_rightly(datagram, &answer.bytes, service);
    };
    match fault {
        Fault::Swap => match service.swap(key, answer.bytes)? {
            Met::Taken(theirs) => return datagram.reply(&theirs).map(drop),
            Met::Nobody(ours) => return answer_rightly(datagram, &ours, service),
        },
        Fault::Reorder => match service.holdback.hold(datagram.peer(), answer.bytes) {
            // Counted when it is sent.
            None => return Ok(()),
            Some(ours) => {
                service.put_back(fault);
                return answer_rightly(datagram, &ours, service);
            }
        },
        Fault::Duplicate => {
            answer_rightly(datagram, &answer.bytes, service)?;
            datagram.reply(&answer.bytes)?;
        }
        Fault::Late(delay) => {
            runtime::sleep(delay)?;
            datagram.reply(&answer.bytes)?;
        }
        Fault::Corrupt => {
            answer.corrupt();
            datagram.reply(&answer.bytes)?;
        }
        Fault::Short => {
            datagram.reply(answer.first_half())?;
        }
        Fault::Drop => {}
        // Not to be had of datagrams: see `ServeOptions::check`.
        Fault::Close | Fault::Reset | Fault::Status(_) | Fault::BadResponse => {}
    }
    service.note(fault);
    Ok(())
}

/// Answers, and sends what was held back until after an answer.
fn answer_rightly<S: SystemDatagram>(datagram: &Datagram<S>, answer: &[u8], service: &Service) -> io::Result<()> {
    datagram.reply(answer)?;
    service.ledger.answered(1, answer.len() as u64);
    if let Some(held) = service.holdback.behind(datagram.peer()) {
        send_held(datagram, &held, service)?;
        service.note(Fault::Reorder);
    }
    Ok(())
}

/// Sends what was held back in vain: its client sent nothing more.
fn send_forgotten<S: SystemDatagram>(datagram: &Datagram<S>, service: &Service) -> io::Result<()> {
    let Some(held) = service.holdback.forgotten(Instant::now()) else {
        return Ok(());
    };
    service.put_back(Fault::Reorder);
    send_held(datagram, &held, service)
}

fn send_held<S: SystemDatagram>(datagram: &Datagram<S>, held: &Held, service: &Service) -> io::Result<()> {
    datagram.send_to(&held.answer, held.peer.clone())?;
    service.ledger.answered(1, held.answer.len() as u64);
    Ok(())
}

/// What tells one client from the others.
fn key<S: SystemDatagram>(datagram: &Datagram<S>) -> u64 {
    let mut hasher = DefaultHasher::new();
    datagram.peer().hash(&mut hasher);
    hasher.finish()
}
