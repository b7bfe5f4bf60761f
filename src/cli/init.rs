//! `computes init`: write a `computes.toml` that explains itself.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use toml::Value;

use super::error::{Doing, Failure, Kind};
use super::output::Output;
use super::project;
use crate::config;
use crate::parcel::{Checkout, ParcelError};

#[derive(Debug, Args)]
pub struct Options {
    /// Print it instead
    #[arg(long)]
    print: bool,
}

pub fn run(options: &Options, output: &Output) -> Result<u8, Failure> {
    let checkout = Checkout::around(Path::new("."));
    let switched_on = checkout.as_ref().map_or_else(|_| Ok(Vec::new()), switched_on)?;
    let in_file: Vec<_> = switched_on.iter().map(|(key, value)| (*key, written(value))).collect();
    let text = config::commented_toml(&in_file);
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
        file => {
            file.doing(|| format!("write `{}`", path.display())).map_err(|failure| Failure {
                hint: Some(
                    "stand where you may write, or take it from `computes init --print`".to_owned(),
                ),
                ..failure
            })?
        }
    };
    file.write_all(text.as_bytes()).doing(|| format!("write `{}`", path.display()))?;
    if output.json {
        let settings = switched_on.iter().map(|(key, value)| (*key, value.to_string())).collect();
        output.json_line(&Written { file: config::FILE_NAME, settings })?;
        return Ok(0);
    }
    output.status(&format!("wrote {}", path.display()));
    for (key, value) in &switched_on {
        output.status(&format!("{key} = {}: {}", told(value), about(key)));
    }
    if let Err(error) = checkout {
        let why = match error {
            ParcelError::NoRepository { .. } => {
                "there is no git repository here to send along".to_owned()
            }
            error => Failure::from(error).message(),
        };
        output.status(&format!("nothing is switched on: {why}"));
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
fn switched_on(checkout: &Checkout) -> Result<Vec<(&'static str, Value)>, Failure> {
    let outputs = project::outputs(checkout)?;
    Ok(vec![("source", "tree".into()), ("outputs", outputs.into()), ("get", "on".into())])
}

/// Does it say what is left out?
fn leaves_out(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with('!'))
}

/// As it stands in the file: a line for each of many.
fn written(value: &Value) -> String {
    match value.as_array() {
        Some(values) if values.iter().any(leaves_out) => {
            let lines: Vec<_> = values.iter().map(|value| format!("    {value},\n")).collect();
            format!("[\n{}]", lines.concat())
        }
        _ => value.to_string(),
    }
}

/// As it is told.
fn told(value: &Value) -> String {
    let Some(values) = value.as_array() else { return value.to_string() };
    let kept: Vec<_> = values.iter().filter(|value| !leaves_out(value)).cloned().collect();
    let less = if kept.len() < values.len() { ", less what build tools leave" } else { "" };
    format!("{}{less}", Value::from(kept))
}

/// What a user will notice of it.
fn about(key: &str) -> &'static str {
    match key {
        "source" => "a job works on a copy of your tree, without what git ignores",
        "outputs" => "of what it makes or changes there, and in /files, that is kept",
        _ => "`run` and `wait` bring that of the source back here when the job is over",
    }
}
