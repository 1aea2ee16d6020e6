//! Locks that outlive a panic: what a thread leaves behind is whole between two statements.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value of a mutex, also after another thread panicked with it.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
