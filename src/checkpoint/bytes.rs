//! A cursor over bytes, one way and the other.

use super::CheckpointError;

/// Where a [`Checkpoint`](crate::Checkpoint) writes its bytes, little-endian.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
    overrun: bool,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(bytes: &'a mut [u8]) -> Self {
        Self {
            rest: bytes,
            overrun: false,
        }
    }

    /// Writes these bytes. What is more than [`Checkpoint::SIZE`](crate::Checkpoint::SIZE) is dropped, and
    /// the image is not made.
    pub fn bytes<const K: usize>(&mut self, bytes: [u8; K]) {
        match core::mem::take(&mut self.rest).split_first_chunk_mut::<K>() {
            Some((chunk, rest)) => {
                *chunk = bytes;
                self.rest = rest;
            }
            None => self.overrun = true,
        }
    }

    /// Writes so many zeros.
    pub fn zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.bytes([0]);
        }
    }

    /// Whether the bytes were as many as there was room for.
    pub(super) const fn is_full(&self) -> bool {
        self.rest.is_empty() && !self.overrun
    }
}

/// Where a [`Checkpoint`](crate::Checkpoint) reads its bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Truncated`] when there are fewer.
    pub fn bytes<const K: usize>(&mut self) -> Result<[u8; K], CheckpointError> {
        let Some((chunk, rest)) = self.rest.split_first_chunk::<K>() else {
            return Err(CheckpointError::Truncated);
        };
        self.rest = rest;
        Ok(*chunk)
    }

    /// Passes over so many bytes.
    ///
    /// # Errors
    /// [`CheckpointError::Truncated`] when there are fewer.
    pub fn skip(&mut self, count: usize) -> Result<(), CheckpointError> {
        match self.rest.split_at_checked(count) {
            Some((_, rest)) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(CheckpointError::Truncated),
        }
    }
}
