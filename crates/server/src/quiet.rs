//! Wake-ups that lead to nothing, left out.
//!
//! Who takes a piece out of a body wakes whom it comes from, so that there is a next piece; hyper does so
//! also when that was the last one. The body and its connection are one task here, so after each request
//! with a body the task would be run once more, from the runtime's queue down to the operation that waits,
//! for nothing.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};

thread_local! {
    /// Whether a piece of a body is being taken on this thread, and whether the task was woken meanwhile.
    static TAKING: Cell<Option<bool>> = const { Cell::new(None) };
}

/// The next piece of a body, `None` at its end. Within [`listening`] the last piece wakes nobody.
pub(crate) async fn next_piece(body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
    poll_fn(|context| {
        TAKING.set(Some(false));
        let polled = Pin::new(&mut *body).poll_frame(context);
        let was_woken = TAKING.take() == Some(true);
        let is_over = matches!(polled, Poll::Ready(Some(Ok(_)))) && body.is_end_stream();
        if was_woken && !is_over {
            context.waker().wake_by_ref();
        }
        polled
    })
    .await
}

/// The same future, which is not woken by what [`next_piece`] does within it.
pub(crate) async fn listening<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut ear: Option<(Arc<Ear>, Waker)> = None;
    poll_fn(|context| {
        let waker = match &ear {
            Some((ear, waker)) if ear.task.will_wake(context.waker()) => waker,
            Some(_) | None => {
                let new = Arc::new(Ear { task: context.waker().clone() });
                &ear.insert((new.clone(), Waker::from(new))).1
            }
        };
        future.as_mut().poll(&mut Context::from_waker(waker))
    })
    .await
}

/// Wakes a task.
struct Ear {
    task: Waker,
}

impl Wake for Ear {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match TAKING.get() {
            // Only what is done on this thread just now can be meant.
            Some(_) => TAKING.set(Some(true)),
            None => self.task.wake_by_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often a task is woken by a future in it that wakes itself once.
    fn wakes(is_taking: bool) -> usize {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waking = poll_fn(|context| {
            TAKING.set(is_taking.then_some(false));
            context.waker().wake_by_ref();
            assert_eq!(TAKING.take(), is_taking.then_some(true));
            Poll::<()>::Pending
        });
        let waker = Waker::from(count.clone());
        assert!(pin!(listening(waking)).poll(&mut Context::from_waker(&waker)).is_pending());
        count.0.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_said_while_a_piece_is_taken_wakes_nobody() {
        assert_eq!((wakes(true), wakes(false)), (0, 1));
    }
}
