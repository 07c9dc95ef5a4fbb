//! The frame around the bytes of a state.
//!
//! ```text
//! 0   magic, "Lv"
//! 2   version of the format, u8
//! 3   check of the header: the sum of the bytes of its CRC-32, computed with 0 in this place
//! 4   sequence number, u32
//! 8   schema, u32
//! 12  state
//! ..  CRC-32 of everything before it, u32
//! ```
//!
//! The first four bytes have the same meaning in every version of the format.

use core::fmt;

use super::{Checkpoint, Reader, Writer};

const MAGIC: [u8; 2] = *b"Lv";

/// The version of the format. Raise it when the bytes of a state change their meaning but not their schema.
const VERSION: u8 = 1;

const HEADER: usize = 12;

/// Number of bytes of an image that are not state.
pub const OVERHEAD: usize = HEADER + 4;

/// The reason why an image was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointError {
    /// There are fewer bytes than the image needs.
    Truncated,
    /// All bytes are equal, as in erased memory: nothing was ever saved here.
    Empty,
    /// The bytes do not begin as an image does.
    NotAnImage,
    /// The CRC does not match: bytes were changed, or the power failed during a save.
    Corrupted,
    /// The image is whole, but in another version of the format.
    Version {
        /// The version that the image has.
        found: u8,
    },
    /// The image is whole, but of another type, or of a type whose fields have changed since.
    Schema,
    /// The image is whole, but holds a value that no valid state can have, such as a step size of −1.
    Invalid,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "checkpoint is cut short",
            Self::Empty => "memory is blank: no checkpoint was saved",
            Self::NotAnImage => "bytes are not a checkpoint",
            Self::Corrupted => "checkpoint is corrupted",
            Self::Version { found } => {
                return write!(f, "checkpoint has format version {found}, not {VERSION}");
            }
            Self::Schema => "checkpoint is of another type of state",
            Self::Invalid => "checkpoint holds a value that no valid state can have",
        })
    }
}

impl core::error::Error for CheckpointError {}

/// The CRC-32 of IEEE 802.3, bit by bit: a table would be larger than the rest of this module.
fn crc(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32, crc::NoTable> =
        crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// Returns the header with these fields and its check byte.
fn header(version: u8, sequence: u32, schema: u32) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    let mut out = Writer::new(&mut bytes);
    out.bytes(MAGIC);
    out.bytes([version, 0]);
    out.bytes(sequence.to_le_bytes());
    out.bytes(schema.to_le_bytes());
    let sum = crc(&bytes)
        .to_le_bytes()
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_add(*byte));
    let [_, _, _, check, ..] = &mut bytes;
    *check = sum;
    bytes
}

/// Writes the image of `state` into the first bytes of `image`.
pub fn make<T: Checkpoint>(
    state: &T,
    sequence: u32,
    image: &mut [u8],
) -> Result<(), CheckpointError> {
    let framed = image
        .split_at_mut_checked(T::IMAGE)
        .and_then(|(image, _)| image.split_last_chunk_mut::<4>());
    let Some((framed, tail)) = framed else {
        return Err(CheckpointError::Truncated);
    };
    let mut out = Writer::new(framed);
    out.bytes(header(VERSION, sequence, T::SCHEMA));
    state.write(&mut out);
    if !out.is_full() {
        // The implementation of `write` does not agree with its SIZE.
        return Err(CheckpointError::Invalid);
    }
    *tail = crc(framed).to_le_bytes();
    Ok(())
}

/// Checks the frame of an image of a `T` and returns its sequence number.
pub fn check<T: Checkpoint>(image: &[u8]) -> Result<u32, CheckpointError> {
    if let Some((first, rest)) = image.split_first() {
        if rest.iter().all(|byte| byte == first) {
            return Err(CheckpointError::Empty);
        }
    }
    let mut input = Reader::new(image);
    let whole: [u8; HEADER] = input.bytes()?;
    let mut input = Reader::new(&whole);
    if input.bytes()? != MAGIC {
        return Err(CheckpointError::NotAnImage);
    }
    let [version, _] = input.bytes()?;
    let sequence = u32::from_le_bytes(input.bytes()?);
    let schema = u32::from_le_bytes(input.bytes()?);
    if whole != header(version, sequence, schema) {
        return Err(CheckpointError::Corrupted);
    }
    if version != VERSION {
        return Err(CheckpointError::Version { found: version });
    }
    if schema != T::SCHEMA {
        return Err(CheckpointError::Schema);
    }
    let framed = image
        .split_at_checked(T::IMAGE)
        .and_then(|(image, _)| image.split_last_chunk::<4>());
    match framed {
        None => Err(CheckpointError::Truncated),
        Some((framed, tail)) if *tail == crc(framed).to_le_bytes() => Ok(sequence),
        Some(_) => Err(CheckpointError::Corrupted),
    }
}

/// Reads the state from an image whose frame was checked.
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

    /// Returns an image of 7 in some version of the format.
    fn of_version(version: u8) -> [u8; u32::IMAGE] {
        let mut image = [0; u32::IMAGE];
        make(&7_u32, 3, &mut image).unwrap();
        image[..HEADER].copy_from_slice(&header(version, 3, u32::SCHEMA));
        let crc = crc(&image[..HEADER + 4]);
        image[HEADER + 4..].copy_from_slice(&crc.to_le_bytes());
        image
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let image = of_version(VERSION);
        assert_eq!(u32::load(&image), Ok(7));
        assert_eq!(check::<u32>(&image), Ok(3));
        for found in [0, 2, 255] {
            let refused = Err(CheckpointError::Version { found });
            assert_eq!(u32::load(&of_version(found)), refused);
        }
        assert_eq!(f32::load(&image), Err(CheckpointError::Schema));
        assert_eq!(<[u32; 1]>::load(&image), Err(CheckpointError::Schema));
        assert_eq!(u64::load(&image), Err(CheckpointError::Schema));
        assert_eq!(u32::load(&[0xff; 64]), Err(CheckpointError::Empty));
        assert_eq!(u32::load(&[0; 64]), Err(CheckpointError::Empty));
        assert_eq!(u32::load(&[]), Err(CheckpointError::Truncated));
        assert_eq!(
            u32::load(b"something else altogether"),
            Err(CheckpointError::NotAnImage)
        );
        for length in 2..image.len() {
            assert_eq!(u32::load(&image[..length]), Err(CheckpointError::Truncated));
        }
        for position in 2..image.len() {
            let mut bad = image;
            bad[position] ^= 0x10;
            assert_eq!(
                u32::load(&bad),
                Err(CheckpointError::Corrupted),
                "{position}"
            );
        }
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
        struct WrongSize<const SIZE: usize>;
        impl<const SIZE: usize> Checkpoint for WrongSize<SIZE> {
            const SIZE: usize = SIZE;
            const SCHEMA: u32 = 0;
            fn write(&self, out: &mut Writer<'_>) {
                out.bytes([1; 4]);
            }
            fn read(_: &mut Reader<'_>) -> Result<Self, CheckpointError> {
                Ok(Self)
            }
        }
        assert!(WrongSize::<4>.save(&mut [0; 64]).is_ok());
        assert_eq!(
            WrongSize::<3>.save(&mut [0; 64]),
            Err(CheckpointError::Invalid)
        );
        assert_eq!(
            WrongSize::<5>.save(&mut [0; 64]),
            Err(CheckpointError::Invalid)
        );
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
