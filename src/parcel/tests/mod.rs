//! What is packed and unpacked, on real files.

mod unpack;
