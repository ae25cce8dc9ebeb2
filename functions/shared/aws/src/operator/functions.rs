//! Lambda: what a function of the stack is told at its start.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html>

use super::Operator;
use crate::error::{CallError, code_of};
use std::collections::BTreeMap;

impl Operator {
    /// The environment variables of a function; none when there is no such function.
    ///
    /// # Errors
    /// When Lambda gives no usable answer.
    pub async fn function_variables(
        &self,
        function: &str,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        let sent = self.lambda.get_function_configuration().function_name(function);
        let answer = match sent.send().await {
            Ok(answer) => answer,
            Err(error) if code_of(&error) == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => {
                let thing = format!("function {function}");
                return Err(CallError::from_sdk("Lambda", "GetFunctionConfiguration", thing, error));
            }
        };
        let variables = answer.environment().and_then(|environment| environment.variables());
        Ok(Some(variables.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect()))
    }
}
