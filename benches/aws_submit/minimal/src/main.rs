//! One call of SubmitJob by the SDK, and nothing else.

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let answer = aws_sdk_batch::Client::new(&config)
        .submit_job()
        .job_name("minimal")
        .job_queue("default")
        .job_definition("default")
        .send()
        .await;
    match answer {
        Ok(answer) => println!("{}", answer.job_id().unwrap_or_default()),
        Err(error) => {
            eprintln!("{}", aws_sdk_batch::error::DisplayErrorContext(error));
            std::process::exit(1);
        }
    }
}
