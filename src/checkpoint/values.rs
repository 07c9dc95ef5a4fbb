//! `Checkpoint` for numbers, arrays, tuples, `Option` and types without state.

use core::marker::PhantomData;

use super::{Checkpoint, CheckpointError, Reader, Writer, schema_hash};

macro_rules! numbers {
    ($($number:ident)*) => {$(
        impl Checkpoint for $number {
            const SIZE: usize = size_of::<$number>();
            const SCHEMA: u32 = schema_hash(stringify!($number), &[]);

            fn write(&self, out: &mut Writer<'_>) {
                out.bytes(self.to_le_bytes());
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
                Ok(Self::from_le_bytes(input.bytes()?))
            }
        }
    )*};
}
numbers!(u8 u16 u32 u64 i8 i16 i32 i64 f32);

impl Checkpoint for bool {
    const SIZE: usize = 1;
    const SCHEMA: u32 = schema_hash("bool", &[]);

    fn write(&self, out: &mut Writer<'_>) {
        out.bytes([u8::from(*self)]);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        match input.bytes()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(CheckpointError::Invalid),
        }
    }
}

/// `None` takes as many bytes as `Some`; they are zero.
impl<T: Checkpoint> Checkpoint for Option<T> {
    const SIZE: usize = 1 + T::SIZE;
    const SCHEMA: u32 = schema_hash("Option", &[T::SCHEMA]);

    fn write(&self, out: &mut Writer<'_>) {
        self.is_some().write(out);
        match self {
            Some(value) => value.write(out),
            None => out.zeros(T::SIZE),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        if bool::read(input)? {
            T::read(input).map(Some)
        } else {
            input.skip(T::SIZE)?;
            Ok(None)
        }
    }
}

impl<T: Checkpoint + Copy, const N: usize> Checkpoint for [T; N] {
    const SIZE: usize = N * T::SIZE;
    const SCHEMA: u32 = schema_hash("array", &[N as u32, T::SCHEMA]);

    fn write(&self, out: &mut Writer<'_>) {
        for element in self {
            element.write(out);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        const { assert!(N > 0, "an empty array has no state") };
        let mut array = [T::read(input)?; N];
        for element in array.iter_mut().skip(1) {
            *element = T::read(input)?;
        }
        Ok(array)
    }
}

macro_rules! nothings {
    ($($name:literal $type:ty, $value:expr;)*) => {$(
        impl Checkpoint for $type {
            const SIZE: usize = 0;
            const SCHEMA: u32 = schema_hash($name, &[]);

            fn write(&self, _: &mut Writer<'_>) {}

            fn read(_: &mut Reader<'_>) -> Result<Self, CheckpointError> {
                Ok($value)
            }
        }
    )*};
}
nothings! {
    "()" (), ();
    "Identity" crate::preconditioner::Identity, crate::preconditioner::Identity;
    "Minimax" crate::noise::Minimax, crate::noise::Minimax;
    "Libm" crate::noise::Libm, crate::noise::Libm;
    "Micromath" crate::noise::Micromath, crate::noise::Micromath;
}

/// Saves what it refers to, so that a tuple of references saves several values without a copy of them; it cannot be
/// loaded.
impl<T: Checkpoint> Checkpoint for &T {
    const SIZE: usize = T::SIZE;
    const SCHEMA: u32 = T::SCHEMA;

    fn write(&self, out: &mut Writer<'_>) {
        (**self).write(out);
    }

    fn read(_: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        Err(CheckpointError::Invalid)
    }
}

impl<T: Checkpoint> Checkpoint for PhantomData<T> {
    const SIZE: usize = 0;
    const SCHEMA: u32 = schema_hash("PhantomData", &[T::SCHEMA]);

    fn write(&self, _: &mut Writer<'_>) {}

    fn read(_: &mut Reader<'_>) -> Result<Self, CheckpointError> {
        Ok(Self)
    }
}

macro_rules! tuples {
    ($(($($part:ident $index:tt)+))*) => {$(
        impl<$($part: Checkpoint),+> Checkpoint for ($($part,)+) {
            const SIZE: usize = 0 $(+ $part::SIZE)+;
            const SCHEMA: u32 = schema_hash("tuple", &[$($part::SCHEMA),+]);

            fn write(&self, out: &mut Writer<'_>) {
                $(self.$index.write(out);)+
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
                Ok(($($part::read(input)?,)+))
            }
        }
    )*};
}
tuples! {
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
}

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use super::*;

    fn round_trip<T: Checkpoint + PartialEq + Debug>(value: T) {
        let mut image = [0; 256];
        value.save(&mut image).unwrap();
        assert_eq!(T::load(&image).unwrap(), value);
    }

    #[test]
    fn values_come_back() {
        round_trip((1_u8, 2_u16, 3_u32, 4_u64, true));
        round_trip((-1_i8, -2_i16, -3_i32, -4_i64, false, ()));
        round_trip([[1.5_f32, -0.0], [f32::INFINITY, 1e-45]]);
        round_trip((Some(7_u32), None::<u32>));
        let mut image = [0; f32::IMAGE];
        let odd = f32::from_bits(0x7fc1_2345);
        odd.save(&mut image).unwrap();
        assert_eq!(f32::load(&image).unwrap().to_bits(), odd.to_bits());
    }

    #[test]
    fn bytes_that_nothing_writes_are_invalid() {
        // A u8 that calls itself a bool.
        struct Byte(u8);
        impl Checkpoint for Byte {
            const SIZE: usize = 1;
            const SCHEMA: u32 = bool::SCHEMA;
            fn write(&self, out: &mut Writer<'_>) {
                self.0.write(out);
            }
            fn read(input: &mut Reader<'_>) -> Result<Self, CheckpointError> {
                u8::read(input).map(Self)
            }
        }
        let mut image = [0; bool::IMAGE];
        Byte(1).save(&mut image).unwrap();
        assert_eq!(bool::load(&image), Ok(true));
        Byte(2).save(&mut image).unwrap();
        assert_eq!(bool::load(&image), Err(CheckpointError::Invalid));
    }
}
