//! What goes along with jobs: looked for when they are prepared, packed when they are submitted.

use std::path::Path;

use super::brought::Place;
use super::context::Context;
use super::error::Failure;
use super::stdin::{self, Fed};
use crate::engine::Submission;
use crate::job::{
    Address, Freight, Input, InputParcel, Parcel, Root, Sending, Source, SourceParcel, Stdin,
};
use crate::parcel::{Checkout, Contents, Made, ParcelError, Store, pack, walk};

/// Jobs that are checked, and what they bring along, which is not packed yet.
pub struct Prepared {
    pub submissions: Vec<Submission>,
    pub loading: Loading,
}

/// What was found, each thing once however many jobs bring it along.
#[derive(Default)]
pub struct Loading {
    sources: Vec<(Source, Checkout, Contents)>,
    inputs: Vec<(Input, Contents)>,
    stdins: Vec<(Stdin, Fed)>,
}

/// In the place of an address that is not known yet: the number of the thing.
fn to_come(kind: u8, index: usize) -> Parcel {
    let mut hash = [kind; 32];
    hash[..8].copy_from_slice(&(index as u64).to_be_bytes());
    Parcel { address: Address::of_hash(hash), bytes: u64::MAX }
}

const SOURCE: u8 = 0;
const INPUT: u8 = 1;
const STDIN: u8 = 2;

impl Loading {
    /// Looks for what a job brings along. The addresses come later, with [`Prepared::pack`].
    ///
    /// # Errors
    /// When something is not there, is too large or can't be sent.
    pub fn look(&mut self, sending: &Sending, context: &Context<'_>) -> Result<Freight, Failure> {
        let source = self.source(sending.source, context)?;
        let inputs = sending.inputs.iter().map(|input| self.input(input, context));
        let inputs = inputs.collect::<Result<_, _>>()?;
        check_nesting(&sending.inputs, context)?;
        let stdin = self.stdin(sending, context)?;
        Ok(Freight { source, inputs, stdin })
    }

    /// The same for what its command reads. That of the caller can be read once.
    ///
    /// # Errors
    /// When it can't be read or is too large.
    pub fn stdin(
        &mut self,
        sending: &Sending,
        context: &Context<'_>,
    ) -> Result<Option<Parcel>, Failure> {
        let Some(stdin) = &sending.stdin else { return Ok(None) };
        let known = self.stdins.iter().position(|(known, _)| known == stdin);
        let index = if let Some(index) = known {
            index
        } else {
            self.stdins.push((stdin.clone(), stdin::found(stdin, context)?));
            self.stdins.len() - 1
        };
        Ok(Some(to_come(STDIN, index)))
    }

    fn source(
        &mut self,
        source: Source,
        context: &Context<'_>,
    ) -> Result<Option<SourceParcel>, Failure> {
        if source == Source::Image {
            return Ok(None);
        }
        let known = self.sources.iter().position(|(known, ..)| *known == source);
        let index = if let Some(index) = known {
            index
        } else {
            let checkout = Checkout::around(&context.directory)?;
            let root = checkout.root();
            tell_of_outer(root, context);
            let (dir, folder) = (&context.config.state_dir, root);
            let brought = Place { dir, root: Root::Source, folder }.brought()?;
            let is_left = |path: &Path| brought.stays(root, path);
            let contents = match source {
                Source::Tree => checkout.tree(&is_left)?,
                _ => checkout.commit(&is_left)?,
            };
            contents.check_size(context.config.source_limit)?;
            self.sources.push((source, checkout, contents));
            self.sources.len() - 1
        };
        let directory = self.sources[index].1.directory.clone();
        Ok(Some(SourceParcel { parcel: to_come(SOURCE, index), directory }))
    }

    fn input(&mut self, input: &Input, context: &Context<'_>) -> Result<InputParcel, Failure> {
        let known = self.inputs.iter().position(|(known, _)| known == input);
        let index = if let Some(index) = known {
            index
        } else {
            let contents = found(input, context)?;
            self.inputs.push((input.clone(), contents));
            self.inputs.len() - 1
        };
        Ok(InputParcel { parcel: to_come(INPUT, index), path: input.path.clone() })
    }

    fn contents(&self) -> impl Iterator<Item = (u8, usize, &Contents)> {
        let sources = self.sources.iter().enumerate();
        let sources = sources.map(|(index, (.., it))| (SOURCE, index, it));
        let inputs = self.inputs.iter().enumerate();
        let stdins = self.stdins.iter().enumerate();
        sources
            .chain(inputs.map(|(index, (_, it))| (INPUT, index, it)))
            .chain(stdins.map(|(index, (_, it))| (STDIN, index, &it.contents)))
    }
}

/// Settings of a repository may be found from within another one that is in it, as a submodule is: then
/// the inner one alone goes along.
fn tell_of_outer(root: &Path, context: &Context<'_>) {
    let Some(settings) = context.config.file.as_ref().and_then(|file| file.parent()) else {
        return;
    };
    let mut around = root.ancestors().skip(1);
    let Some(outer) = around.find(|it| it.join(".git").exists() && settings.starts_with(it)) else {
        return;
    };
    let note = format!(
        "`{}` alone goes along: it is a repository of its own, and computes.toml is that of the one \
         around it; run this from `{}` if that is meant",
        root.display(),
        outer.display()
    );
    if context.output.is_news(&note) {
        context.output.note(&note);
    }
}

/// What an input names, at its place below `/files`.
///
/// # Errors
/// When it is not there, or has no place.
pub fn found(input: &Input, context: &Context<'_>) -> Result<Contents, Failure> {
    let contents = walk(&context.directory.join(&input.local))
        .map_err(|error| Failure::from(error).doing(format!("send `{}`", input.local)))?;
    let contents = contents.below(Path::new(input.path.as_str()));
    if input.path.is_all() && contents.iter().any(|(path, _)| path.as_os_str().is_empty()) {
        return Err(Failure::usage(
            format!("`{}` is a file and can't take the place of /files", input.local),
            format!("give it a name there, as in {}=data", input.local),
        ));
    }
    Ok(contents)
}

/// A file has nothing below it.
pub fn check_nesting(inputs: &[Input], context: &Context<'_>) -> Result<(), Failure> {
    for outer in inputs.iter().filter(|it| context.directory.join(&it.local).is_file()) {
        let within = |inner: &&Input| *inner != outer && inner.path.is_in(&outer.path);
        if let Some(inner) = inputs.iter().find(within) {
            return Err(Failure::usage(
                format!(
                    "`{}` is to be below `{}`, which is a file at /files/{}",
                    inner.local, outer.local, outer.path
                ),
                "give one of them another path, as in data=other",
            ));
        }
    }
    Ok(())
}

impl Prepared {
    /// Packs everything into files of `store`, and gives them beside the jobs, which now know
    /// their addresses.
    ///
    /// # Errors
    /// When something can't be read, or there is no room.
    pub fn pack(
        self,
        store: &Store,
        context: &Context<'_>,
    ) -> Result<(Vec<Submission>, Vec<Made>), Failure> {
        let mut made = Vec::new();
        let mut plans = self.submissions.iter().map(|it| &it.job.plan);
        let comes_back = plans.any(|plan| plan.spec.outputs.first_in(Root::Source).is_some());
        let submissions = self.packed(context, |kind, contents, tell| {
            let one = if kind == SOURCE && comes_back {
                store.pack_source(contents, tell)?
            } else {
                store.pack(contents, tell)?
            };
            let parcel = one.parcel.clone();
            made.push(one);
            Ok(parcel)
        })?;
        Ok((submissions, made))
    }

    /// The same without a trace: for a dry run, which only wants to know the addresses.
    ///
    /// # Errors
    /// When something can't be read.
    pub fn pack_nowhere(self, context: &Context<'_>) -> Result<Vec<Submission>, Failure> {
        self.packed(context, |_, contents, tell| pack(contents, std::io::sink(), tell))
    }

    fn packed(
        mut self,
        context: &Context<'_>,
        mut pack: impl FnMut(u8, &Contents, &mut dyn FnMut(u64)) -> Result<Parcel, ParcelError>,
    ) -> Result<Vec<Submission>, Failure> {
        let total: u64 = self.loading.contents().map(|(.., contents)| contents.bytes()).sum();
        let meter = context.output.meter("packing", total);
        for (kind, index, contents) in self.loading.contents() {
            let placeholder = to_come(kind, index);
            let parcel = pack(kind, contents, &mut |bytes| meter.add(bytes))?;
            let all = self.submissions.iter_mut().map(|it| &mut it.job.plan.freight);
            let places = all.flat_map(Freight::parcels_mut);
            for place in places.filter(|place| **place == placeholder) {
                *place = parcel.clone();
            }
        }
        Ok(self.submissions)
    }
}
