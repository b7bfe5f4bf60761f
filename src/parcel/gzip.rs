//! gzip that all processors work on and that says the same on all of them.
//!
//! A gzip file may have several members, one after the other (RFC 1952, 2.2), and every gzip
//! reads them as one. Each chunk of the input becomes a member of its own, so that chunks are
//! compressed side by side; what can't be made smaller is only wrapped.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZero;
use std::thread::{self, JoinHandle};

use flate2::{Compression, Crc, GzBuilder};

/// Input of one member. Larger ones compress no better, and cost memory.
const CHUNK: usize = 1 << 20;
/// So many chunks are in the works at the most, each in a thread of its own.
const MOST_THREADS: usize = 8;
/// "Unknown" (RFC 1952, 2.3.1): the system that packs must not show.
const SYSTEM: u8 = 255;
/// Level 6 leaves up to a twentieth less, and takes more than twice as long.
const LEVEL: Compression = Compression::new(3);

/// Writes what it is given as gzip.
pub struct Gzip<W: Write> {
    out: W,
    chunk: Vec<u8>,
    /// In the order of their chunks.
    pending: VecDeque<JoinHandle<io::Result<Vec<u8>>>>,
    threads: usize,
}

impl<W: Write> Gzip<W> {
    pub fn new(out: W) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        Self { out, chunk: Vec::with_capacity(CHUNK), pending: VecDeque::new(), threads }
    }

    /// Writes what is left, and gives back where it was written to.
    pub fn finish(mut self) -> io::Result<W> {
        if self.pending.is_empty() || !self.chunk.is_empty() {
            // Of nothing too there is a member.
            self.take_chunk()?;
        }
        while !self.pending.is_empty() {
            self.write_first()?;
        }
        Ok(self.out)
    }

    fn take_chunk(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.pending.push_back(thread::Builder::new().spawn(move || member(&chunk))?);
        if self.pending.len() > self.threads { self.write_first() } else { Ok(()) }
    }

    fn write_first(&mut self) -> io::Result<()> {
        let Some(first) = self.pending.pop_front() else { return Ok(()) };
        let member = first.join().map_err(|_| io::Error::other("a thread that packs ended"))??;
        self.out.write_all(&member)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        if self.chunk.len() == CHUNK {
            self.take_chunk()?;
        }
        Ok(count)
    }

    /// Members are written when they are whole.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn member(chunk: &[u8]) -> io::Result<Vec<u8>> {
    if looks_random(chunk) {
        return Ok(wrapped(chunk));
    }
    let mut gzip = GzBuilder::new().mtime(0).operating_system(SYSTEM).write(Vec::new(), LEVEL);
    gzip.write_all(chunk)?;
    gzip.finish()
}

/// A member whose content stands there as it is (RFC 1951, 3.2.4): by hand, because `flate2` takes a
/// hundred times as long for that.
fn wrapped(chunk: &[u8]) -> Vec<u8> {
    let blocks = chunk.chunks(usize::from(u16::MAX));
    let count = blocks.len();
    let mut member = Vec::with_capacity(chunk.len() + 5 * count + 18);
    // The method is deflate, there are no flags, no time, and nothing is said of the compression.
    member.extend([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, SYSTEM]);
    for (index, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        member.push(u8::from(index + 1 == count));
        member.extend(length.to_le_bytes());
        member.extend((!length).to_le_bytes());
        member.extend_from_slice(block);
    }
    let mut sum = Crc::new();
    sum.update(chunk);
    member.extend(sum.sum().to_le_bytes());
    member.extend(sum.amount().to_le_bytes());
    member
}

/// Compressed and encrypted data has each byte about as often as any other. The squares of the
/// counts then sum up to the least that they can; two percent more is still no use. Whole numbers,
/// so that all machines agree. Pages from all over the chunk are as good as the whole.
fn looks_random(chunk: &[u8]) -> bool {
    const PAGE: usize = 4 << 10;
    /// In less than half of that, chance alone makes bytes differ in number.
    const SAMPLE: usize = 64 << 10;
    let mut counts = [0_u64; 256];
    for byte in chunk.chunks(PAGE).step_by((chunk.len() / SAMPLE).max(1)).flatten() {
        counts[usize::from(*byte)] += 1;
    }
    let length: u64 = counts.iter().sum();
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    length >= SAMPLE as u64 / 2 && squares * 256 * 100 <= length * length * 102
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new());
        gzip.write_all(content).expect("written");
        gzip.finish().expect("finished")
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn what_is_packed_is_read_again_by_any_gzip() {
        let text = b"all work and no play ".repeat(200_000);
        for content in [&b""[..], b"short", &text, &noise(3 * CHUNK + 7)] {
            let bytes = packed(content);
            assert_eq!(bytes, packed(content), "the same each time");
            let mut read = Vec::new();
            flate2::read::MultiGzDecoder::new(bytes.as_slice())
                .read_to_end(&mut read)
                .expect("gzip");
            assert!(read == content);
        }
        assert!(packed(&text).len() < text.len() / 50);
    }

    #[test]
    fn what_can_not_shrink_is_wrapped_only() {
        let noise = noise(CHUNK);
        assert!(looks_random(&noise));
        assert!(packed(&noise).len() < noise.len() + 1024);
        assert!(!looks_random(&noise[..100]));
        assert!(!looks_random(&b"abcdefgh".repeat(10_000)));
    }
}
