//! The frame around a state's bytes.
//!
//! ```text
//! 0   magic, "LGVN"
//! 4   version of the format, u16; then two zeros
//! 8   sequence number, u32
//! 12  number of bytes of state, u32
//! 16  layout, u32
//! 20  state
//! ..  CRC-32 of all before, u32
//! ```

use core::fmt;

use super::{Checkpoint, Reader, Writer};

const MAGIC: [u8; 4] = *b"LGVN";

/// To be raised when the bytes of any state change their meaning without changing their layout.
const VERSION: u16 = 1;

const HEADER: usize = 20;

/// Bytes of an image that are not state.
pub const OVERHEAD: usize = HEADER + 4;

/// Why an image was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError {
    /// There are fewer bytes than the image needs.
    Truncated,
    /// The bytes are all the same, as in erased memory: nothing was ever saved here.
    Empty,
    /// The bytes do not start as an image does.
    NotAnImage,
    /// The CRC does not match: bytes were changed, or the power failed during a save.
    Corrupted,
    /// A whole image, in another version of the format.
    Version {
        /// The version of the image.
        found: u16,
    },
    /// A whole image, of another type, or of one whose fields have changed since.
    Layout,
    /// A whole image with a value that no state has.
    Invalid,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "checkpoint is cut short",
            Self::Empty => "memory is blank; no checkpoint was saved",
            Self::NotAnImage => "bytes are not a checkpoint",
            Self::Corrupted => "checkpoint is corrupted",
            Self::Version { found } => {
                return write!(f, "checkpoint has format version {found}, not {VERSION}");
            }
            Self::Layout => "checkpoint is of another type of state",
            Self::Invalid => "checkpoint holds a value that no state has",
        })
    }
}

impl core::error::Error for CheckpointError {}

/// CRC-32 as of IEEE 802.3.
///
/// Four bits at a time: a table of 64 bytes, a thousand cycles for 100 bytes.
fn crc(bytes: &[u8]) -> u32 {
    const fn nibble(mut value: u32) -> u32 {
        let mut bit = 0;
        while bit < 4 {
            value = (value >> 1) ^ (0xedb8_8320 & (value & 1).wrapping_neg());
            bit += 1;
        }
        value
    }
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut value = 0;
        let mut rest: &mut [u32] = &mut table;
        while let [entry, tail @ ..] = rest {
            *entry = nibble(value);
            value += 1;
            rest = tail;
        }
        table
    };
    // Always there.
    let entry = |value: u32| TABLE.get((value & 15) as usize).copied().unwrap_or(0);
    !bytes.iter().fold(!0, |crc, byte| {
        let crc = crc ^ u32::from(*byte);
        let crc = (crc >> 4) ^ entry(crc);
        (crc >> 4) ^ entry(crc)
    })
}

/// Writes the image of `state` into the first bytes of `image`.
pub fn make<T: Checkpoint>(
    state: &T,
    sequence: u32,
    image: &mut [u8],
) -> Result<(), CheckpointError> {
    const { assert!(T::SIZE <= 1 << 30, "an image's length is a u32") };
    let Some((image, _)) = image.split_at_mut_checked(T::IMAGE) else {
        return Err(CheckpointError::Truncated);
    };
    let Some((framed, tail)) = image.split_last_chunk_mut::<4>() else {
        return Err(CheckpointError::Truncated);
    };
    let mut out = Writer::new(framed);
    out.bytes(MAGIC);
    out.bytes(VERSION.to_le_bytes());
    out.zeros(2);
    out.bytes(sequence.to_le_bytes());
    out.bytes((T::SIZE as u32).to_le_bytes());
    out.bytes(T::LAYOUT.to_le_bytes());
    state.write(&mut out);
    if !out.is_full() {
        // An implementation wrote another number of bytes than its SIZE.
        return Err(CheckpointError::Invalid);
    }
    *tail = crc(framed).to_le_bytes();
    Ok(())
}

/// The sequence number of a whole image of a `T`.
pub fn check<T: Checkpoint>(image: &[u8]) -> Result<u32, CheckpointError> {
    let mut input = Reader::new(image);
    if let Some((first, rest)) = image.split_first() {
        if rest.iter().all(|byte| byte == first) {
            return Err(CheckpointError::Empty);
        }
    }
    if input.bytes()? != MAGIC {
        return Err(CheckpointError::NotAnImage);
    }
    let version = u16::from_le_bytes(input.bytes()?);
    input.skip(2)?;
    let sequence = u32::from_le_bytes(input.bytes()?);
    let size = u32::from_le_bytes(input.bytes()?) as usize;
    let layout = u32::from_le_bytes(input.bytes()?);
    let framed = size
        .checked_add(HEADER)
        .and_then(|length| image.split_at_checked(length));
    let Some((framed, mut tail)) = framed.map(|(a, b)| (a, Reader::new(b))) else {
        return Err(CheckpointError::Truncated);
    };
    if u32::from_le_bytes(tail.bytes()?) != crc(framed) {
        return Err(CheckpointError::Corrupted);
    }
    if version != VERSION {
        return Err(CheckpointError::Version { found: version });
    }
    if layout != T::LAYOUT || size != T::SIZE {
        return Err(CheckpointError::Layout);
    }
    Ok(sequence)
}

/// The state of an image that was checked.
pub fn open<T: Checkpoint>(image: &[u8]) -> Result<T, CheckpointError> {
    let mut input = Reader::new(image);
    input.skip(HEADER)?;
    T::read(&mut input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_has_its_check_value() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(b""), 0);
    }

    /// The image of 7, with these bytes changed and the CRC made anew.
    fn forged(position: usize, bytes: &[u8]) -> [u8; u32::IMAGE] {
        let mut image = [0; u32::IMAGE];
        make(&7_u32, 0, &mut image).unwrap();
        image[position..position + bytes.len()].copy_from_slice(bytes);
        let crc = crc(&image[..HEADER + 4]);
        image[HEADER + 4..].copy_from_slice(&crc.to_le_bytes());
        image
    }

    #[test]
    fn each_refusal_has_its_reason() {
        assert_eq!(u32::load(&forged(0, &[])), Ok(7));
        assert_eq!(
            u32::load(&forged(0, b"l")),
            Err(CheckpointError::NotAnImage)
        );
        assert_eq!(
            u32::load(&forged(4, &[2])),
            Err(CheckpointError::Version { found: 2 })
        );
        assert_eq!(f32::load(&forged(0, &[])), Err(CheckpointError::Layout));
        assert_eq!(
            <[u32; 1]>::load(&forged(0, &[])),
            Err(CheckpointError::Layout)
        );
        assert_eq!(u32::load(&[0xff; 64]), Err(CheckpointError::Empty));
        assert_eq!(u32::load(&[0; 64]), Err(CheckpointError::Empty));
        assert_eq!(u32::load(&[]), Err(CheckpointError::Truncated));
        let image = forged(0, &[]);
        for length in 2..image.len() {
            assert_eq!(u32::load(&image[..length]), Err(CheckpointError::Truncated));
        }
        // A length that overflows, or points beyond.
        assert_eq!(
            u32::load(&forged(12, &[255; 4])),
            Err(CheckpointError::Truncated)
        );
        assert_eq!(
            u32::load(&forged(12, &[5])),
            Err(CheckpointError::Truncated)
        );
    }

    #[test]
    fn save_needs_room_and_leaves_the_rest() {
        let mut short = [9; u32::IMAGE - 1];
        assert_eq!(7_u32.save(&mut short), Err(CheckpointError::Truncated));
        assert_eq!(short, [9; u32::IMAGE - 1]);
        let mut long = [9; u32::IMAGE + 3];
        7_u32.save(&mut long).unwrap();
        assert_eq!(long[u32::IMAGE..], [9; 3]);
        assert_eq!(u32::load(&long), Ok(7));
    }

    #[test]
    fn a_wrong_size_makes_no_image() {
        struct Wrong<const SIZE: usize>;
        impl<const SIZE: usize> Checkpoint for Wrong<SIZE> {
            const SIZE: usize = SIZE;
            const LAYOUT: u32 = 0;
            fn write(&self, out: &mut Writer<'_>) {
                out.bytes([1; 4]);
            }
            fn read(_: &mut Reader<'_>) -> Result<Self, CheckpointError> {
                Ok(Self)
            }
        }
        assert!(Wrong::<4>.save(&mut [0; 64]).is_ok());
        assert_eq!(Wrong::<3>.save(&mut [0; 64]), Err(CheckpointError::Invalid));
        assert_eq!(Wrong::<5>.save(&mut [0; 64]), Err(CheckpointError::Invalid));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut image = [0; <[f32; 4]>::IMAGE];
        [1.0_f32, -2.0, 3.5, 0.0].save(&mut image).unwrap();
        for bit in 0..8 * image.len() {
            let mut flipped = image;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(<[f32; 4]>::load(&flipped).is_err(), "bit {bit}");
        }
    }
}
