//! The settings as text: the file that `computes init` writes, and their documentation.

use std::fmt::Write;

use super::{Kind, Preset, Setting, settings};

const HEAD: &str = "\
# Settings of computes. Those of this file hold for the directory it is in and all below it.
#
# Flags win over environment variables, these over this file, and this file over the one in
# ~/.config/computes. What stands here without a space after the `#` is the default, or an
# example where there is none.
";

/// The file that `computes init` writes: every setting, commented out but for what is switched on, each
/// with its value as TOML.
#[must_use]
pub fn commented_toml(switched_on: &[(&str, String)]) -> String {
    let mut text = HEAD.to_owned();
    let mut before: Option<&Setting> = None;
    for setting in settings() {
        let (section, name) = setting.split();
        if before.is_none_or(|before| before.group != setting.group) {
            line(&mut text, format_args!("\n\n# {}", setting.group));
        }
        if let Some(section) = section
            && before.and_then(|before| before.split().0) != Some(section)
        {
            line(&mut text, format_args!("[{section}]"));
        }
        line(&mut text, format_args!("\n# {}", setting.doc));
        line(&mut text, format_args!("# {}", says(setting)));
        match switched_on.iter().find(|(key, _)| *key == setting.key) {
            Some((_, value)) => line(&mut text, format_args!("{name} = {value}")),
            None => line(&mut text, format_args!("#{name} = {}", setting.toml())),
        }
        before = Some(setting);
    }
    text
}

/// The documentation of all settings, as Markdown.
#[must_use]
pub fn settings_markdown() -> String {
    let mut text = MARKDOWN_HEAD.to_owned();
    let mut group = "";
    for setting in settings() {
        if group != setting.group {
            group = setting.group;
            line(&mut text, format_args!("\n## {group}"));
        }
        line(&mut text, format_args!("\n### `{}`\n\n{}\n", setting.key, setting.doc));
        line(&mut text, format_args!("* Takes {}", setting.kind));
        match setting.default {
            Preset::Is(default) => line(&mut text, format_args!("* Default: `{default}`")),
            Preset::OnThisMachine(default) => line(
                &mut text,
                format_args!(
                    "* Default: `{default}` on this machine; on AWS what the job definition says"
                ),
            ),
            Preset::Nothing { .. } => line(&mut text, format_args!("* Default: none")),
        }
        line(&mut text, format_args!("* In a file: `{} = {}`", setting.key, setting.toml()));
        if let Some(variable) = setting.variable() {
            let commas = if setting.kind == Kind::Names { ", with commas between" } else { "" };
            line(&mut text, format_args!("* In the environment: `{variable}`{commas}"));
        }
    }
    text
}

const MARKDOWN_HEAD: &str = "\
# Settings

Flags win over environment variables, these over the nearest `computes.toml` (in the working
directory or above it), and that over the user's own file,
`$XDG_CONFIG_HOME/computes/computes.toml` or `~/.config/computes/computes.toml`. A table is
merged name by name; all else is replaced as a whole. An empty variable counts as one that is
not set.

`computes init` writes a `computes.toml` with every setting, commented out. In a git repository it switches
three of them on, and says so: `source = \"tree\"`, `get = \"on\"`, and `outputs`, which has `/source` without what
the build tool of the project makes beside its products, and `.`.

The state directory is no setting of a file. It is `$COMPUTES_STATE_DIR`, else
`$XDG_STATE_HOME/computes`, else `~/.local/state/computes`.
";

/// What a setting takes and what it is called in the environment.
fn says(setting: &Setting) -> String {
    let mut text = format!("Takes {}", setting.kind);
    text.push_str(match setting.default {
        Preset::Is(_) => "",
        Preset::OnThisMachine(_) => "; on AWS by default the job definition's",
        Preset::Nothing { .. } => "; none by default",
    });
    if let Some(variable) = setting.variable() {
        text.push_str("; ");
        text.push_str(&variable);
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A `String` takes whatever is written to it.
    let _ = writeln!(text, "{line}");
}
