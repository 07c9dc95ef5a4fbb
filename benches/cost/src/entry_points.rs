//! Every public function, with arguments of which nothing is known: what none of them can do, no caller can make
//! them do. The build script lists them, from the source; what is said to be called by hand there is called here.

use core::{hint::black_box, ops::Neg, ptr};

#[allow(unused_imports, reason = "what the list needs")]
use langevin::{
    chain::*, checkpoint::*, constraint::*, data::*, dual::*, estimate::*, model::*,
    noise::rand_core::*, noise::*, potential::*, preconditioner::*, sampler::*, schedule::*,
    stepper::*, *,
};
#[cfg(not(target_os = "none"))]
use no_panic::no_panic;

use crate::linear::Linear;

/// Calls `f`. On the host the program is not linked unless the compiler sees that this cannot panic; on a core
/// a panic leaves its symbols.
#[cfg_attr(not(target_os = "none"), no_panic)]
#[inline(never)]
pub fn proven<R>(f: impl FnOnce() -> R) {
    black_box(f());
}

/// A value that the compiler knows nothing about.
fn any<A>() -> A {
    // SAFETY: none. What calls this is compiled and linked, and never run.
    unsafe { black_box(ptr::dangling::<A>()).read() }
}

/// A function that is called with [`any`] arguments.
trait EntryPoint<Arguments> {
    fn call(self);
}

macro_rules! entry_point {
    ($($argument:ident)*) => {
        impl<F: FnOnce($($argument),*) -> R, R, $($argument),*> EntryPoint<($($argument,)*)> for F {
            fn call(self) {
                proven(|| self($(any::<$argument>()),*));
            }
        }
    };
}
entry_point!();
entry_point!(A);
entry_point!(A B);
entry_point!(A B C);
entry_point!(A B C D);
entry_point!(A B C D E);
entry_point!(A B C D E G);

macro_rules! entry_points {
    ($($function:expr),* $(,)?) => {
        $(EntryPoint::call($function);)*
    };
}

/// Parameters: too many for loops to dissolve, and the checks in them.
const N: usize = 8;

type Observations = Window<Sample<N>, 16>;

/// A caller's formula.
struct Own;

impl Response<N> for Own {
    type Input = [f32; N];

    fn response<T: Real>(&self, theta: &[T; N], x: &[f32; N]) -> T {
        theta.iter().zip(x).map(|(t, x)| (*t * *x).exp()).sum()
    }
}

impl Formula<N> for Own {
    fn evaluate<T: Real>(&self, theta: &[T; N]) -> T {
        theta.iter().map(|t| *t * *t).sum()
    }
}

impl ObservationFormula<Sample<N>, N> for Own {
    fn negative_log_density<T: Real>(&self, theta: &[T; N], sample: &Sample<N>) -> T {
        (self.response(theta, &sample.x) - sample.y).powi(2)
    }
}

/// Calls all of them.
pub fn all() {
    include!(concat!(env!("OUT_DIR"), "/entry_points.rs"));
    functions();
    by_hand();
}

/// What is generic over a caller's function.
fn functions() {
    fn of<P: Potential<N>>(_: P) {
        entry_points![P::gradient, P::number_of_data, P::set_centre];
    }
    fn own<P: Energy<N> + Prior<N>>(_: P) {
        entry_points![
            <P as Energy<N>>::energy,
            P::add_gradient,
            P::negative_log_density
        ];
    }
    fn generator<R: TryRng>(_: R) {
        entry_points![R::try_next_u32, R::try_next_u64, R::try_fill_bytes];
    }
    generator(FromFn::new(|| black_box(Ok::<u32, ()>(7))));
    of(|theta: &[f32; N]| *theta);
    let both = FunctionPotential {
        gradient: |theta: &[f32; N]| *theta,
        energy: |theta: &[f32; N]| theta.iter().sum(),
    };
    of(both);
    own(both);
}

fn by_hand() {
    fn weighted<D: Data + ?Sized + 'static>() {
        entry_points![|data: &D| data.weighted().map(|(_, weight)| weight).sum::<f32>()];
    }
    /// What macros implement it for.
    fn saved<T: Checkpoint>() {
        entry_points![T::write, T::read];
    }
    saved::<(u8, i64)>();
    saved::<Option<bool>>();
    weighted::<Observations>();
    weighted::<[Sample<N>]>();
    weighted::<[Sample<N>; 16]>();
    entry_points![
        |window: &Observations| Window::iter(window).map(|(_, weight)| weight).sum::<f32>(),
        |chains: &[Moments<N>]| r_hat(chains),
        |potential: &mut Linear<N>, theta: &[f32; N]| check_gradient(potential, theta),
        |potential: &mut Linear<N>, theta: &[f32; N]| check_symmetry(potential, theta),
    ];
}
