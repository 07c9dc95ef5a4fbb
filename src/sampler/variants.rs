//! Enums as bytes: a tag, the variant's fields, and zeros up to the longest variant.

/// Returns the largest of some sizes.
pub(super) const fn largest(sizes: &[usize]) -> usize {
    let mut rest = sizes;
    let mut most = 0;
    while let [size, tail @ ..] = rest {
        if *size > most {
            most = *size;
        }
        rest = tail;
    }
    most
}

/// Implements [`Checkpoint`](crate::Checkpoint) for an enum of tuple and unit variants.
macro_rules! variants {
    (impl[$($generics:tt)*] for $type:ty {
        $($tag:literal $variant:ident $(($($field:ident: $of:ty),+))?),+
    }) => {
        impl<$($generics)*> $crate::Checkpoint for $type {
            const SIZE: usize = 1 + $crate::sampler::variants::largest(&[
                $(0 $($(+ <$of as $crate::Checkpoint>::SIZE)+)?),+
            ]);
            const SCHEMA: u32 = $crate::checkpoint::schema_hash(
                stringify!($type),
                &[$($($(<$of as $crate::Checkpoint>::SCHEMA,)+)?)+],
            );

            fn write(&self, out: &mut $crate::checkpoint::Writer<'_>) {
                let unused = match self {
                    $(Self::$variant $(($($field),+))? => {
                        $crate::Checkpoint::write(&($tag as u8), out);
                        $($($crate::Checkpoint::write($field, out);)+)?
                        Self::SIZE - 1 $($(- <$of as $crate::Checkpoint>::SIZE)+)?
                    })+
                };
                out.zeros(unused);
            }

            fn read(
                input: &mut $crate::checkpoint::Reader<'_>,
            ) -> Result<Self, $crate::checkpoint::CheckpointError> {
                match <u8 as $crate::Checkpoint>::read(input)? {
                    $($tag => {
                        $($(let $field = <$of as $crate::Checkpoint>::read(input)?;)+)?
                        input.skip(Self::SIZE - 1 $($(- <$of as $crate::Checkpoint>::SIZE)+)?)?;
                        Ok(Self::$variant $(($($field),+))?)
                    })+
                    _ => Err($crate::checkpoint::CheckpointError::Invalid),
                }
            }
        }
    };
}
pub(super) use variants;
