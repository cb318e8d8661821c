//! The values of a channel, one after the other.

use super::receiver::Receiver;

impl<T> Receiver<T> {
    /// The values as they come, until [`recv`](Receiver::recv) fails for
    /// whatever reason.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }
}

/// The values of a channel as they come; made by [`Receiver::iter`].
///
/// ```
/// let (sender, receiver) = greenserve::sync::channel(3);
/// sender.try_send('a')?;
/// sender.try_send('b')?;
/// drop(sender);
/// assert_eq!(receiver.iter().collect::<String>(), "ab");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// As [`Iter`], but owns the receiver; made by using a [`Receiver`] in `for`.
///
/// ```
/// let (sender, receiver) = greenserve::sync::channel(3);
/// greenserve::runtime::spawn(move || (0..9).try_for_each(|n| sender.send(n)))?;
/// for (expected, received) in receiver.into_iter().enumerate() {
///     assert_eq!(received, expected);
/// }
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}
