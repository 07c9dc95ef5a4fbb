//! As much of an ELF file (32 bits, little-endian) as tells what is in an image.

/// An image.
pub struct Elf {
    bytes: Vec<u8>,
}

struct Section {
    name: u32,
    kind: u32,
    flags: u32,
    address: u32,
    offset: usize,
    size: usize,
    #[cfg(test)]
    link: usize,
}

impl Elf {
    /// The image in `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        assert_eq!(
            bytes[..6],
            *b"\x7fELF\x01\x01",
            "a little-endian ELF file of 32 bits"
        );
        Self { bytes }
    }

    fn half(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn sections(&self) -> Vec<Section> {
        let (start, size, count) = (self.word(32) as usize, self.half(46), self.half(48));
        (0..count)
            .map(|i| {
                let at = start + i * size;
                Section {
                    name: self.word(at),
                    kind: self.word(at + 4),
                    flags: self.word(at + 8),
                    address: self.word(at + 12),
                    offset: self.word(at + 16) as usize,
                    size: self.word(at + 20) as usize,
                    #[cfg(test)]
                    link: self.word(at + 24) as usize,
                }
            })
            .collect()
    }

    fn text(&self, table: &Section, at: u32) -> String {
        let rest = &self.bytes[table.offset + at as usize..];
        let end = rest.iter().position(|b| *b == 0).unwrap();
        String::from_utf8_lossy(&rest[..end]).into_owned()
    }

    /// Address and size of the section of that name.
    pub fn section(&self, name: &str) -> (u32, u32) {
        let sections = self.sections();
        let names = &sections[self.half(50)];
        let section = sections
            .iter()
            .find(|section| self.text(names, section.name) == name)
            .unwrap_or_else(|| panic!("no section {name}"));
        (section.address, section.size as u32)
    }

    /// Bytes of flash: all that is loaded.
    pub fn flash(&self) -> usize {
        const PROGBITS: u32 = 1;
        const ARM_EXIDX: u32 = 0x7000_0001;
        const ALLOC: u32 = 2;
        self.sections()
            .iter()
            .filter(|s| [PROGBITS, ARM_EXIDX].contains(&s.kind) && s.flags & ALLOC != 0)
            .map(|s| s.size)
            .sum()
    }

    /// Bytes of RAM that are taken before anything runs.
    pub fn ram(&self) -> usize {
        const WRITE: u32 = 1;
        const ALLOC: u32 = 2;
        self.sections()
            .iter()
            .filter(|s| s.flags & (WRITE | ALLOC) == WRITE | ALLOC)
            .map(|s| s.size)
            .sum()
    }

    /// Names of all symbols.
    #[cfg(test)]
    pub fn symbols(&self) -> Vec<String> {
        const SYMTAB: u32 = 2;
        let sections = self.sections();
        let table = sections
            .iter()
            .find(|s| s.kind == SYMTAB)
            .expect("symbols are not stripped");
        let names = &sections[table.link];
        (0..table.size / 16)
            .map(|i| self.text(names, self.word(table.offset + 16 * i)))
            .collect()
    }
}
