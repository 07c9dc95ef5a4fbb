//! Cursors over bytes, for writing and for reading.

use super::CheckpointError;

/// The bytes that a [`Checkpoint`](crate::Checkpoint) writes its state to. Numbers are little-endian.
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

    /// Writes `bytes`.
    ///
    /// Bytes beyond [`Checkpoint::SIZE`](crate::Checkpoint::SIZE) are dropped, and saving then ends with
    /// [`CheckpointError::Invalid`].
    pub fn bytes<const K: usize>(&mut self, bytes: [u8; K]) {
        match core::mem::take(&mut self.rest).split_first_chunk_mut::<K>() {
            Some((chunk, rest)) => {
                *chunk = bytes;
                self.rest = rest;
            }
            None => self.overrun = true,
        }
    }

    /// Writes `count` zeros.
    pub fn zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.bytes([0]);
        }
    }

    /// Returns whether exactly as many bytes were written as there is room for.
    pub(super) const fn is_full(&self) -> bool {
        self.rest.is_empty() && !self.overrun
    }
}

/// The bytes that a [`Checkpoint`](crate::Checkpoint) reads its state from.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads `K` bytes.
    ///
    /// # Errors
    /// Returns [`CheckpointError::Truncated`] if fewer are left.
    pub fn bytes<const K: usize>(&mut self) -> Result<[u8; K], CheckpointError> {
        let Some((chunk, rest)) = self.rest.split_first_chunk::<K>() else {
            return Err(CheckpointError::Truncated);
        };
        self.rest = rest;
        Ok(*chunk)
    }

    /// Skips `count` bytes.
    ///
    /// # Errors
    /// Returns [`CheckpointError::Truncated`] if fewer are left.
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
