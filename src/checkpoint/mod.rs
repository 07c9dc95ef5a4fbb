//! Saving state as bytes, and loading it after a power failure.

mod ab_slots;
mod bytes;
mod counted;
mod image;
mod values;

pub use ab_slots::AbSlots;
pub use bytes::{Reader, Writer};
pub use counted::CountedPcg32;
pub use image::CheckpointError;

/// State that can be saved as bytes and resumed bit for bit.
///
/// An image consists of a header with the version of the format, [`SIZE`](Self::SIZE) bytes of state, and a CRC-32:
/// 16 bytes more than the state. The [state of a chain](crate::chain::ChainState) and all its parts, preconditioners,
/// windows, estimates, numbers, arrays, `Option` and tuples implement this trait; [`checkpoint!`](crate::checkpoint!) implements it for your own
/// structs.
///
/// Loading checks what constructors check: an image with a valid CRC that holds a step size of −1, a NaN position or
/// unsorted quantiles is refused with [`CheckpointError::Invalid`].
///
/// A random number generator must be able to save its state: [`CountedPcg32`] is a `Pcg32` that can. A generator without
/// state, such as a hardware one, implements this trait with no bytes.
///
/// ```
/// use langevin::{BoxMuller, Chain, Checkpoint, Moments, SeedableRng};
/// use langevin::{chain::ChainState, checkpoint::{CheckpointError, CountedPcg32}, schedule::Constant, stepper::Sgld};
/// type State = (ChainState<2, Sgld, Constant, BoxMuller<CountedPcg32>>, Moments<2>);
/// let noise = BoxMuller::new(CountedPcg32::seed_from_u64(7));
/// let mut chain = Chain::new([0.0; 2], Sgld::new(), Constant::new(0.1)?, noise);
/// let mut resumed = chain.clone();
/// let moments = Moments::<2>::forgetting(256.0)?;
/// let potential = &mut |theta: &[f32; 2]| *theta;
/// chain.step(potential)?;
///
/// let mut image = [0; State::IMAGE];
/// (chain.state(), &moments).save(&mut image)?;
/// let (state, moments) = State::load(&image)?;
/// resumed.resume(state);
/// assert_eq!(resumed.step(potential)?, chain.step(potential)?);
///
/// image[20] ^= 1;
/// assert_eq!(State::load(&image).err(), Some(CheckpointError::Corrupted));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Borrowed values are not part of an image: create potentials and models again after loading, and keep the generator
/// of minibatches beside the chain.
///
/// # In flash
///
/// [`AbSlots`] writes two images alternately, so that one of them is whole whenever the power fails. Give each slot an
/// erase unit of its own, of which [`IMAGE`](Self::IMAGE) bytes are used, and pad writes to the word of the flash. An erase
/// unit survives 10⁴ to 10⁵ erasures: one save per minute wears two of them out in two weeks to five months, one save per
/// hour in two years or more. Put more frequent saves into FRAM or battery-backed RAM. Erasing stalls many single-bank
/// parts for milliseconds, so save between ticks.
pub trait Checkpoint: Sized {
    /// Number of bytes of the state: [`write`](Self::write) writes and [`read`](Self::read) reads exactly so many.
    const SIZE: usize;

    /// Number that identifies the type and the list of its fields: an image with another number is refused.
    /// [`schema_hash`] computes it from a name and the numbers of the fields.
    const SCHEMA: u32;

    /// Number of bytes of an image: the state and its frame.
    const IMAGE: usize = Self::SIZE + image::OVERHEAD;

    /// Writes the state to `out`.
    fn write(&self, out: &mut Writer<'_>);

    /// Reads the state from `input`.
    ///
    /// # Errors
    /// Returns [`CheckpointError::Invalid`] if no valid state has these bytes, and the errors of the reader.
    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError>;

    /// Writes an image into the first [`IMAGE`](Self::IMAGE) bytes of `image`.
    ///
    /// # Errors
    /// Returns [`CheckpointError::Truncated`] if `image` is shorter; it is then unchanged.
    fn save(&self, image: &mut [u8]) -> Result<(), CheckpointError> {
        image::make(self, 0, image)
    }

    /// Loads the state from an image. Bytes after the end of the image are ignored.
    ///
    /// # Errors
    /// Returns the reason why the image is refused.
    fn load(image: &[u8]) -> Result<Self, CheckpointError> {
        image::check::<Self>(image)?;
        image::open(image)
    }
}

/// Returns a number for [`Checkpoint::SCHEMA`], the FNV-1a hash of a type's name and of the schemas of its parts.
pub const fn schema_hash(name: &str, parts: &[u32]) -> u32 {
    const fn mix(mut hash: u32, bytes: &[u8]) -> u32 {
        let mut rest = bytes;
        while let [byte, tail @ ..] = rest {
            hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
            rest = tail;
        }
        hash
    }
    let mut hash = mix(0x811c_9dc5, name.as_bytes());
    let mut rest = parts;
    while let [part, tail @ ..] = rest {
        hash = mix(hash, &part.to_le_bytes());
        rest = tail;
    }
    hash
}

/// Implements [`Checkpoint`](crate::Checkpoint) for a struct from the list of its fields.
///
/// Fields after the semicolon are not saved; they are loaded with the value given. The condition after `if` is checked
/// on loading: write there what the constructor of the struct guarantees.
///
/// ```
/// use langevin::{Checkpoint, Moments};
/// struct App {
///     posterior: Moments<2>,
///     samples: u32,
///     latest: Option<f32>, // a cache
/// }
/// langevin::checkpoint!(impl[] for App { posterior: Moments<2>, samples: u32; latest = None }
///     if |app| app.samples < 1_000_000);
///
/// let app = App { posterior: Moments::new(), samples: 3, latest: Some(1.0) };
/// let mut image = [0; App::IMAGE];
/// app.save(&mut image)?;
/// assert_eq!(App::load(&image)?.samples, 3);
/// # Ok::<(), langevin::checkpoint::CheckpointError>(())
/// ```
#[macro_export]
macro_rules! checkpoint {
    (
        impl[$($generics:tt)*] for $type:ty {
            $($field:tt: $of:ty),+ $(; $($fresh:tt = $value:expr),+)?
        } $(if |$this:ident| $valid:expr)?
    ) => {
        impl<$($generics)*> $crate::Checkpoint for $type {
            const SIZE: usize = 0 $(+ <$of as $crate::Checkpoint>::SIZE)+;
            const SCHEMA: u32 = $crate::checkpoint::schema_hash(
                stringify!($type),
                &[$(<$of as $crate::Checkpoint>::SCHEMA),+],
            );

            fn write(&self, out: &mut $crate::checkpoint::Writer<'_>) {
                $($crate::Checkpoint::write(&self.$field, out);)+
            }

            fn read(
                input: &mut $crate::checkpoint::Reader<'_>,
            ) -> ::core::result::Result<Self, $crate::checkpoint::CheckpointError> {
                let value = Self {
                    $($field: <$of as $crate::Checkpoint>::read(input)?,)+
                    $($($fresh: $value,)+)?
                };
                $(
                    let $this = &value;
                    let valid: bool = $valid;
                    if !valid {
                        return Err($crate::checkpoint::CheckpointError::Invalid);
                    }
                )?
                Ok(value)
            }
        }
    };
}
