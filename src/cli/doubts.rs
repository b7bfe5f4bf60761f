//! What is told of jobs that AWS Batch has, perhaps twice, or although another does the same.

use super::context::Context;
use super::error::Failure;
use crate::engine::EngineError;
use crate::job::JobId;

/// Tells each once, however often it comes up.
pub fn tell(doubts: Vec<(JobId, EngineError)>, context: &Context<'_>) {
    for (job, doubt) in doubts {
        let why = Failure::from(doubt).message();
        let doubt = format!("{} is on AWS Batch, with a doubt: {why}", job.short());
        if context.output.is_news(&doubt) {
            context.output.warning(&doubt);
        }
    }
}
