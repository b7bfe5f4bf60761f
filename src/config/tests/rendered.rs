//! The settings as text.

use super::*;
use crate::job::Timeout;

#[test]
fn the_commented_file_is_empty_as_it_is_and_full_without_its_comments() {
    let text = commented_toml(&[]);
    let config = World::new().project(&text).loaded();
    assert_eq!(job(config), job(World::new().loaded()));

    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting,
            _ => line,
        })
        .collect();
    let lines = uncommented.iter().filter(|line| line.contains(" = ") && !line.starts_with('#'));
    assert_eq!(lines.count(), settings().len());
    let config = World::new().project(&uncommented.join("\n")).loaded();
    let history = Some(std::time::Duration::from_hours(90 * 24));
    assert_eq!(config.local, LocalSettings { history, ..LocalSettings::default() });
    assert_eq!(config.job.secrets, ["NPM_TOKEN".to_owned()].into());
    let job = job(config);
    assert_eq!(job.timeout, Some(Timeout::from_ledger(3600)));
    assert_eq!(job.tags.len(), 1);
    assert_eq!(job.environment.len(), 2);
}

#[test]
fn the_table_is_in_order() {
    let keys: std::collections::BTreeSet<_> = settings().iter().map(|it| it.key).collect();
    assert_eq!(keys.len(), settings().len());
    let markdown = settings_markdown();
    let text = commented_toml(&[]);
    for setting in settings() {
        assert!(setting.doc.ends_with('.') && !setting.doc.contains('\n'), "{}", setting.key);
        assert!(markdown.contains(&format!("\n### `{}`\n", setting.key)));
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
    assert!(markdown.contains("`COMPUTES_LOCAL_LOST_RETRIES`"));
    assert!(!markdown.contains("COMPUTES_ENV") && !markdown.contains("COMPUTES_TAGS"));
}
