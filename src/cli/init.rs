//! `computes init`: write a `computes.toml` that explains itself.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::error::{Doing, Failure, Kind};
use super::output::Output;
use super::project;
use crate::config;
use crate::parcel::Checkout;

#[derive(Debug, Args)]
pub struct Options {
    /// Print it instead
    #[arg(long)]
    print: bool,
}

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    let switched_on = switched_on()?;
    let text = config::commented_toml(&switched_on);
    if options.print {
        output.text(text.as_bytes())?;
        return Ok(0);
    }
    let path = Path::new(config::FILE_NAME);
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure {
                kind: Kind::Usage,
                error: anyhow::anyhow!("there is a `{}` already", path.display()),
                hint: Some("`computes init --print` shows what it would hold".to_owned()),
            });
        }
        file => file.doing(|| format!("write `{}`", path.display()))?,
    };
    file.write_all(text.as_bytes()).doing(|| format!("write `{}`", path.display()))?;
    if output.json {
        let settings = switched_on.into_iter().collect();
        output.json_line(&Written { file: config::FILE_NAME, settings })?;
        return Ok(0);
    }
    output.status(&format!("wrote {}", path.display()));
    for (key, value) in &switched_on {
        output.status(&format!("{key} = {value}: {}", about(key)));
    }
    if switched_on.is_empty() {
        output.status("nothing is switched on: there is no git repository here to send along");
    }
    Ok(0)
}

#[derive(Serialize)]
struct Written<'a> {
    file: &'a str,
    /// What is switched on, as TOML.
    settings: BTreeMap<&'a str, String>,
}

/// A repository is sent along, and what jobs make of it comes back. Without one there is nothing to send.
fn switched_on() -> Result<Vec<(&'static str, String)>, Failure> {
    let Ok(checkout) = Checkout::around(Path::new(".")) else { return Ok(Vec::new()) };
    let outputs: Vec<_> = project::outputs(&checkout)?.into_iter().map(toml::Value::from).collect();
    let on = |text: &str| toml::Value::from(text).to_string();
    let outputs = toml::Value::from(outputs).to_string();
    Ok(vec![("source", on("tree")), ("outputs", outputs), ("get", on("on"))])
}

/// What a user will notice of it.
fn about(key: &str) -> &'static str {
    match key {
        "source" => "a job works on a copy of your tree, without what git ignores",
        "outputs" => "of what it makes or changes there, and in /files, that is kept",
        _ => "`run` and `wait` bring that of the source back here when the job is over",
    }
}
