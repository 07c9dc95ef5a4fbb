//! serde for `[T; N]`: serde itself stops short of const generics.

use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
    ser::SerializeTuple,
};

/// An array as a tuple of its elements.
pub fn serialize<S: Serializer, T: Serialize, const N: usize>(
    array: &[T; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(N)?;
    for element in array {
        tuple.serialize_element(element)?;
    }
    tuple.end()
}

/// The array back.
pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de> + Copy, const N: usize>(
    deserializer: D,
) -> Result<[T; N], D::Error> {
    struct Elements<T, const N: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Copy, const N: usize> Visitor<'de> for Elements<T, N> {
        type Value = [T; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "an array of {N} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut next = |index| {
                seq.next_element()?
                    .ok_or_else(|| A::Error::invalid_length(index, &self))
            };
            // The first fills the others' places until they come.
            let mut array = [next(0)?; N];
            for (index, element) in array.iter_mut().enumerate().skip(1) {
                *element = next(index)?;
            }
            Ok(array)
        }
    }

    deserializer.deserialize_tuple(N, Elements(PhantomData))
}

/// serde for `[[T; K]; N]`.
pub mod rows {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Clone, Copy, Serialize, Deserialize)]
    #[serde(transparent)]
    #[serde(bound(
        serialize = "T: Serialize",
        deserialize = "T: Deserialize<'de> + Copy + Default"
    ))]
    struct Row<T, const K: usize>(#[serde(with = "super")] [T; K]);

    impl<T: Copy + Default, const K: usize> Default for Row<T, K> {
        fn default() -> Self {
            Self([T::default(); K])
        }
    }

    /// A matrix as a tuple of its rows.
    pub fn serialize<S: Serializer, T: Serialize + Copy, const K: usize, const N: usize>(
        matrix: &[[T; K]; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        super::serialize(&matrix.map(Row), serializer)
    }

    /// The matrix back.
    pub fn deserialize<
        'de,
        D: Deserializer<'de>,
        T: Deserialize<'de> + Copy + Default,
        const K: usize,
        const N: usize,
    >(
        deserializer: D,
    ) -> Result<[[T; K]; N], D::Error> {
        super::deserialize(deserializer).map(|rows: [Row<T, K>; N]| rows.map(|row| row.0))
    }
}
