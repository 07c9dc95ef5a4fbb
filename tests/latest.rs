//! A value handed from one thread to another, which on a microcontroller is an interrupt, is whole.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
};

use langevin_apps::latest::Latest;

/// Two threads put values whose words are all the same, two read: never a value whose words differ,
/// never one that was not put, and from one writer never an older one after a newer one.
#[test]
fn values_are_never_torn() {
    const PUTS: u32 = 100_000;
    static LATEST: Latest<[u32; 16]> = Latest::new();
    static LEFT: AtomicU32 = AtomicU32::new(2);
    assert_eq!(LATEST.get(), None);
    thread::scope(|scope| {
        for writer in 0..2 {
            scope.spawn(move || {
                for n in 0..PUTS {
                    LATEST.put([2 * n + writer; 16]);
                }
                LEFT.fetch_sub(1, Relaxed);
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = [0; 2];
                while LEFT.load(Relaxed) > 0 {
                    let Some(value) = LATEST.get() else {
                        continue;
                    };
                    assert_eq!(value, [value[0]; 16]);
                    let (n, writer) = (value[0] / 2, value[0] % 2);
                    assert!(n < PUTS && n >= last[writer as usize]);
                    last[writer as usize] = n;
                }
            });
        }
    });
    let end = LATEST.take().expect("something was put");
    assert_eq!(end[0] / 2, PUTS - 1);
    assert_eq!(LATEST.get(), None);
}
