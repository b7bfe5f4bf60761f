//! Small files out of objects that hold many: what lies side by side comes by one request.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Objects;
use super::range::Range;
use crate::engine::{EngineError, Land, Sent, Stored};
use crate::job::{Address, JobId};
use crate::parcel::{ParcelError, UNFINISHED};

/// What nobody wants is read along if it is no more than that, because another request would take
/// longer. In bytes.
const GAP: u64 = 64 << 10;
/// The most bytes that one request brings, so that several are under way.
const MOST: u64 = 4 << 20;

/// A file that is a part of an object.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    pub stored: Stored,
    pub bytes: u64,
    pub hash: &'a Address,
    pub to: &'a Path,
    pub executable: bool,
}

/// From the first byte to before the last.
type Bounds = (u64, u64);

/// What one request brings of an object.
#[derive(Debug)]
pub struct Span<'a> {
    object: Uuid,
    bounds: Bounds,
    /// In the order of their places; those of one place hold the same.
    pieces: Vec<(Bounds, Vec<Piece<'a>>)>,
}

/// Pieces by the requests that bring them. Where they lie is what a job says, which is not
/// believed: of two that overlap each comes by itself.
pub fn spans<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> Vec<Span<'a>> {
    let mut places: BTreeMap<(Uuid, Bounds), Vec<Piece<'_>>> = BTreeMap::new();
    for piece in pieces {
        let Stored { object, at } = piece.stored;
        let bounds = (at, at.saturating_add(piece.bytes));
        places.entry((object, bounds)).or_default().push(piece);
    }
    let mut spans: Vec<Span<'_>> = Vec::new();
    for ((object, bounds), pieces) in places {
        match spans.last_mut().filter(|span| span.takes(object, bounds)) {
            Some(span) => {
                span.bounds.1 = bounds.1;
                span.pieces.push((bounds, pieces));
            }
            None => spans.push(Span { object, bounds, pieces: vec![(bounds, pieces)] }),
        }
    }
    spans
}

impl Span<'_> {
    fn takes(&self, object: Uuid, (from, end): Bounds) -> bool {
        let (first, last) = self.bounds;
        let is_near = from >= last && from - last <= GAP;
        object == self.object && is_near && end - first <= MOST
    }

    /// Brings each piece to its place as soon as it is there.
    ///
    /// # Errors
    /// When S3 does not give it, one is not what was meant, or can't be written.
    pub async fn fetch(
        self,
        objects: &Objects,
        job: JobId,
        hear: &dyn Fn(Sent),
        land: Land<'_>,
    ) -> Result<(), EngineError> {
        let (from, end) = self.bounds;
        let room = usize::try_from(end - from).unwrap_or_default();
        let mut content = Vec::with_capacity(room);
        let mut pieces = self.pieces.into_iter().peekable();
        let mut take = |_, bytes: &[u8]| {
            content.extend_from_slice(bytes);
            while let Some(((at, end), pieces)) =
                pieces.next_if(|((_, end), _)| end - from <= content.len() as u64)
            {
                let place = |at: u64| usize::try_from(at - from).unwrap_or(usize::MAX);
                let content = &content[place(at)..place(end)];
                let hash = Address::of_hash(Sha256::digest(content).into());
                for piece in pieces {
                    piece.write(content, &hash, land)?;
                    hear(Sent::Bytes(piece.bytes));
                }
            }
            Ok(())
        };
        // Of nothing there is nothing to ask for.
        take(from, &[])?;
        let key = &objects.blob(job, self.object);
        Range { objects, key, from, end }.fetch(&mut take).await
    }
}

impl Piece<'_> {
    /// The file has its name once it is whole and is the one that was meant.
    fn write(&self, content: &[u8], found: &Address, land: Land<'_>) -> Result<(), EngineError> {
        if found != self.hash {
            let (found, expected) = (found.to_string(), self.hash.to_string());
            return Err(ParcelError::Corrupt { path: self.to.to_owned(), found, expected }.into());
        }
        let written = || {
            let around = self.to.parent().unwrap_or(Path::new("."));
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(around)?;
            file.write_all(content)?;
            let mode = if self.executable { 0o755 } else { 0o644 };
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            land(&file.into_temp_path(), self.to)
        };
        let write = |source| ParcelError::Write { path: self.to.to_owned(), source };
        Ok(written().map_err(write)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for, of files at these places.
    fn asked(object: Uuid, places: &[Bounds]) -> Vec<(Bounds, usize)> {
        let hash = Address::of_hash([0; 32]);
        let pieces = places.iter().map(|(at, bytes)| Piece {
            stored: Stored { object, at: *at },
            bytes: *bytes,
            hash: &hash,
            to: Path::new("to"),
            executable: false,
        });
        let count = |span: &Span<'_>| span.pieces.iter().map(|(_, pieces)| pieces.len()).sum();
        spans(pieces).iter().map(|span| (span.bounds, count(span))).collect()
    }

    #[test]
    fn neighbours_come_by_one_request_and_what_lies_far_away_by_another() {
        let object = Uuid::nil();
        assert_eq!(asked(object, &[(10, 5), (0, 10), (15, 0)]), [((0, 15), 3)]);
        assert_eq!(asked(object, &[(0, 1), (1 + GAP, 1)]), [((0, 2 + GAP), 2)]);
        assert_eq!(asked(object, &[(0, 1), (2 + GAP, 1)]), [((0, 1), 1), ((2 + GAP, 3 + GAP), 1)]);
        // Two files of the same content.
        assert_eq!(asked(object, &[(3, 4), (3, 4)]), [((3, 7), 2)]);
        let many: Vec<_> = (0..20).map(|number| (number << 20, 1 << 20)).collect();
        let spans = asked(object, &many);
        assert_eq!(spans.len(), 5);
        assert!(spans.iter().all(|((from, end), count)| end - from == MOST && *count == 4));
    }

    #[test]
    fn what_overlaps_comes_by_itself() {
        let object = Uuid::nil();
        let asked = asked(object, &[(0, 10), (5, 10), (u64::MAX, 7)]);
        assert_eq!(asked, [((0, 10), 1), ((5, 15), 1), ((u64::MAX, u64::MAX), 1)]);
    }
}
