//! Parcels: archives that are named by what they hold.
//!
//! The same files make the same bytes, on any machine, whoever owns them and whenever they were
//! written. So a parcel is sent once however many jobs take it, and whoever opens one knows
//! whether it is the right one.

mod alone;
mod blobs;
mod contents;
mod error;
mod folder;
mod git;
mod gzip;
mod lfs;
mod link;
mod manifest;
mod pack;
mod standing;
mod store;
mod unpack;

pub use alone::open_alone;
pub use contents::{Contents, Entry, Origin};
pub use error::{ParcelError, size};
pub use folder::{Found, may_run, walk};
pub use git::{Checkout, IsLeft};
pub use link::leads_out;
pub use manifest::{Content, Held, Manifest, Role};
pub use pack::{BINARY_WITHIN, pack};
pub use standing::Standing;
pub use store::{Made, Store};
/// When unpacked files were written, in ms since the epoch.
pub const UNPACKED_AT: i64 = pack::WRITTEN.cast_signed() * 1000;

pub use unpack::{
    How, InTheWay, Names, Times, UNFINISHED, hash_of, remove_folder, unpack, unpack_what_fits,
};

/// Told how many bytes were dealt with.
pub type Tell<'a> = &'a mut dyn FnMut(u64);

#[cfg(test)]
mod tests;
