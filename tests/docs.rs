//! Generated documents are current.
