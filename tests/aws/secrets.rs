//! Secrets that never pass the caller: job definitions that are derived for them.

use serde_json::{Value, json};

use crate::support::{Account, Jobs};

/// A definition with an execution role.
fn register(account: &Account) {
    let container = json!({
        "executionRoleArn": account.field("role"),
        "secrets": [{"name": "OLD", "valueFrom": "/old"}],
    });
    account.register("with-role", &container);
}

fn definitions(account: &Account) -> Vec<Value> {
    let said = account.aws(&["batch", "describe-job-definitions", "--status", "ACTIVE"]);
    let all = said["jobDefinitions"].as_array().expect("a list").clone();
    let derived =
        |it: &Value| it["jobDefinitionName"].as_str().expect("a name").contains("--secrets-");
    all.into_iter().filter(derived).collect()
}

#[test]
fn a_definition_is_derived_once_for_each_set() {
    let account = Account::new(Jobs::Stay);
    register(&account);
    let submit = |secrets: &[&str]| {
        let mut words = vec!["--job-definition", "with-role"];
        words.extend(secrets.iter().flat_map(|secret| ["--secret", secret]));
        words.extend(["--", "true"]);
        account.home().submit(words)
    };
    let (ssm, manager) = ("TOKEN=ssm:/team/token", "DB=secretsmanager:prod/db");
    submit(&[ssm, manager]);
    submit(&[manager, ssm]);
    let derived = definitions(&account);
    assert_eq!(derived.len(), 1, "{derived:?}");
    let container = &derived[0]["containerProperties"];
    let secrets: std::collections::BTreeMap<_, _> = container["secrets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["name"].as_str().expect("a name"), it["valueFrom"].as_str().expect("a text")))
        .collect();
    let arn = format!("arn:aws:secretsmanager:us-east-1:{}:secret:prod/db", account.id());
    assert_eq!(secrets, [("DB", arn.as_str()), ("OLD", "/old"), ("TOKEN", "/team/token")].into());
    assert_eq!(container["image"], "busybox");
    submit(&[ssm]);
    assert_eq!(definitions(&account).len(), 2);
    let requests = account.requests();
    let sent: Vec<_> =
        requests.iter().map(|it| it["jobDefinition"].as_str().expect("a name")).collect();
    assert_eq!(sent[0], sent[1]);
    assert_ne!(sent[0], sent[2]);
    assert!(
        sent.iter().all(|it| it.starts_with("with-role--secrets-") && it.ends_with(":1")),
        "{sent:?}"
    );
    // No value is in what was sent, and no name: the definition has them.
    assert!(requests.iter().all(|it| it["containerOverrides"].get("environment").is_none()));
}

/// Whoever may register definitions knows the name that the next one will have.
#[test]
fn a_definition_that_somebody_changed_is_not_used() {
    let account = Account::new(Jobs::Stay);
    register(&account);
    let submit = || {
        let words = ["--job-definition", "with-role", "--secret", "TOKEN=ssm:/token"];
        account.home().submit([words.as_slice(), &["--", "true"]].concat())
    };
    submit();
    let derived = definitions(&account).remove(0);
    let mut container = derived["containerProperties"].clone();
    container["image"] = "somebody-elses".into();
    let name = derived["jobDefinitionName"].as_str().expect("a name");
    account.register(name, &container);
    submit();
    submit();
    let asked: Vec<_> = account.requests().iter().map(|it| it["jobDefinition"].clone()).collect();
    assert_eq!(asked, [format!("{name}:1"), format!("{name}:3"), format!("{name}:3")]);
    let all = definitions(&account);
    let images: Vec<_> = all.iter().map(|it| &it["containerProperties"]["image"]).collect();
    assert_eq!(images, ["busybox", "somebody-elses", "busybox"]);
}

#[test]
fn what_can_not_have_secrets_is_refused_before_anything_is_written() {
    let account = Account::new(Jobs::Stay);
    let home = account.home();
    let submit = |definition| {
        let options =
            ["--job-definition", definition, "--secret", "A=ssm:/a", "--name", "n", "--", "true"];
        home.run([&["submit"], &options[..]].concat()).snapshot()
    };
    insta::assert_snapshot!(submit("default"), @r"
    exit code 125
    --- stderr
    error: cannot submit `n`: the job definition `default` has no execution role, which is what fetches secrets
    hint: choose another with --job-definition, or give the secret by --secret NAME
    ");
    insta::assert_snapshot!(submit("nowhere"), @r"
    exit code 125
    --- stderr
    error: cannot submit `n`: the job definition `nowhere` is not there, or not active
    hint: choose another with --job-definition, or give the secret by --secret NAME
    ");
    let run = home.run(["submit", "--engine", "local", "--secret", "A=ssm:/a", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: secret `A` is in `ssm:/a`, which the local engine does not ask
    hint: export A and pass --secret A, or submit with --engine aws
    ");
    let run = home.run(["submit", "--secret", "A=ssm:", "--", "true"]);
    insta::assert_snapshot!(run.snapshot(), @r"
    exit code 2
    --- stderr
    error: cannot submit `true`: `ssm:` names no secret: it is `ssm:` and a parameter, or `secretsmanager:` and a secret
    ");
    assert_eq!(home.jobs_of_the_ledger(), 0);
    assert_eq!(account.jobs().len(), 0);
}

#[test]
fn a_value_that_is_sent_is_said_to_be_seen() {
    let account = Account::new(Jobs::Run);
    let home = account.home();
    let run = home.run_with_env(
        &[("TOKEN", "hunter2")],
        &["run", "--name", "n", "--secret", "TOKEN", "--", "sh", "-c", "echo =$TOKEN="],
    );
    insta::assert_snapshot!(run.snapshot_of_the_end(), @r"
    exit code 0
    --- stdout
    =***=
    --- stderr
    note: whoever may call DescribeJobs sees the value of TOKEN; --secret NAME=ssm:PARAMETER sends none
    [short] n submitted to default
    [short] n succeeded after [took]
    ");
    // Another machine masks it as well.
    let id = home.status("last")["id"].as_str().expect("an id").to_owned();
    assert_eq!(account.home().run(["logs", &id]).stdout, "=***=\n");
}
