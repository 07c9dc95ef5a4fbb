//! State as bytes that survive a power cut.

mod ab_slots;
mod bytes;
mod counted;
mod image;
mod values;

pub use ab_slots::AbSlots;
pub use bytes::{Reader, Writer};
pub use counted::CountedPcg32;
pub use image::CheckpointError;

/// State that is kept as bytes, and resumed bit for bit.
///
/// An image is `SIZE` bytes of state behind a header with the version of the format, and before a
/// CRC-32: 16 bytes more. Implemented by chains and by all that they are made of, by schedules, metrics, windows and estimates, by
/// numbers, arrays, `Option` and tuples; for a struct of one's own there is [`checkpoint!`](crate::checkpoint!).
///
/// A generator must be able to tell its state: [`CountedPcg32`] is `Pcg32` with that ability. A generator without
/// state, such as a hardware one, implements this with no bytes.
///
/// ```
/// use langevin::{BoxMuller, Chain, Checkpoint, Moments, SeedableRng};
/// use langevin::{checkpoint::{CheckpointError, CountedPcg32}, schedule::Constant, stepper::Sgld};
/// type State = (Chain<2, Sgld, Constant, BoxMuller<CountedPcg32>>, Moments<2>);
/// let noise = BoxMuller::new(CountedPcg32::seed_from_u64(7));
/// let mut state: State = (
///     Chain::new([0.0; 2], Sgld::new(), Constant::new(0.1)?, noise),
///     Moments::forgetting(256.0)?,
/// );
/// let potential = &mut |theta: &[f32; 2]| *theta;
/// state.0.step(potential)?;
///
/// let mut image = [0; State::IMAGE];
/// state.save(&mut image)?;
/// let mut resumed = State::load(&image)?;
/// assert_eq!(resumed.0.step(potential)?, state.0.step(potential)?);
///
/// image[20] ^= 1;
/// assert_eq!(State::load(&image).err(), Some(CheckpointError::Corrupted));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What is borrowed is not part of an image: potentials and models are made anew, and the generator of
/// minibatches is kept beside the chain and lent to them.
///
/// # In flash
///
/// [`AbSlots`] keeps two images in turn, so that one is whole whenever the power fails. Give each slot its own
/// erase unit, of which [`IMAGE`](Self::IMAGE) bytes are used; pad writes to the flash's word. An erase unit survives some 10⁴ to 10⁵
/// erasures: a save a minute wears two of them out in two weeks to five months, a save an hour in two years or more; keep
/// frequent saves in FRAM or battery-backed RAM. Erasing halts many single-bank parts for milliseconds: save between ticks.
pub trait Checkpoint: Sized {
    /// Number of bytes that [`write`](Self::write) writes and [`read`](Self::read) reads.
    const SIZE: usize;

    /// A number that tells types apart, and versions of one: an image of another is refused. [`schema_hash`] makes one of
    /// a name and the parts' numbers.
    const SCHEMA: u32;

    /// Number of bytes of an image.
    const IMAGE: usize = Self::SIZE + image::OVERHEAD;

    /// Writes the state.
    fn write(&self, out: &mut Writer<'_>);

    /// Reads the state.
    ///
    /// # Errors
    /// [`CheckpointError::Invalid`] for bytes that no state writes; the reader's own.
    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError>;

    /// Writes an image into the first [`IMAGE`](Self::IMAGE) bytes of `image`.
    ///
    /// # Errors
    /// [`CheckpointError::Truncated`] when there are fewer; they are then as they were.
    fn save(&self, image: &mut [u8]) -> Result<(), CheckpointError> {
        image::make(self, 0, image)
    }

    /// The state of an image; bytes after its end are ignored.
    ///
    /// # Errors
    /// Why the image is refused.
    fn load(image: &[u8]) -> Result<Self, CheckpointError> {
        image::check::<Self>(image)?;
        image::open(image)
    }
}

/// A number for [`Checkpoint::SCHEMA`] from the name of a type and the layouts of its parts.
pub const fn schema_hash(name: &str, parts: &[u32]) -> u32 {
    // FNV-1a.
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

/// Implements [`Checkpoint`](crate::Checkpoint) for a struct, field by field.
///
/// Fields after the semicolon are not kept: they start with the value given. A condition after `if` refuses what
/// no state of the struct can be.
///
/// ```
/// use langevin::{Checkpoint, Moments};
/// struct App {
///     posterior: Moments<2>,
///     samples: u32,
///     last: Option<f32>, // a cache
/// }
/// langevin::checkpoint!(impl[] for App { posterior: Moments<2>, samples: u32; last = None });
///
/// let app = App { posterior: Moments::new(), samples: 3, last: Some(1.0) };
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
                    if !$valid {
                        return Err($crate::checkpoint::CheckpointError::Invalid);
                    }
                )?
                Ok(value)
            }
        }
    };
}
