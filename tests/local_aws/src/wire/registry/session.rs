//! One request's login, and what it does in its name.

use super::error::RegistryError;
use crate::error::AwsError;
use crate::journal::Entry;
use crate::services::Service;
use crate::services::ecr::tokens::{Login, LoginRefusal, log_in};
use crate::shared::LocalAws;
use crate::wire::perform::{Delivery, perform_as};
use crate::wire::server;
use crate::world::World;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A logged-in client.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) local: LocalAws,
    pub(super) login: Login,
}

/// What an operation answered, and how the reply to it is to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) value: Value,
    delivery: Delivery,
}

impl Answer {
    /// The response as the faults want it sent.
    pub(super) fn deliver(&self, response: Response) -> Response {
        server::deliver(response, self.delivery)
    }
}

impl Session {
    /// Finds out who asks.
    pub(super) fn open(local: &LocalAws, headers: &HeaderMap) -> Result<Self, RegistryError> {
        let world = local.lock();
        let unauthorized = |message: &str| {
            let realm = world.endpoint.as_deref().unwrap_or("local_aws");
            let challenge = format!("Basic realm=\"{realm}/\",service=\"ecr.amazonaws.com\"");
            RegistryError::unauthorized(message, challenge)
        };
        let (user, password) = credentials(headers).ok_or_else(|| unauthorized("Not Authorized"))?;
        let login = log_in(&world, &user, &password).map_err(|refusal| match refusal {
            LoginRefusal::Unknown => unauthorized(
                "expected the user AWS with a password of GetAuthorizationToken, or an account id of these local accounts with any password",
            ),
            LoginRefusal::Expired => {
                let message = "Your authorization token has expired. Reauthenticate and try again.";
                RegistryError::new(StatusCode::FORBIDDEN, "DENIED", message)
            }
        })?;
        drop(world);
        Ok(Self { local: local.clone(), login })
    }

    /// Carries out an operation of the ECR API in the addressed registry.
    pub(super) fn perform(&self, operation: &str, mut input: Value) -> Result<Answer, RegistryError> {
        self.try_perform(operation, &mut input)?.map_err(RegistryError::from)
    }

    /// As [`Session::perform`], for callers who take some refusals for success.
    pub(super) fn try_perform(
        &self,
        operation: &str,
        input: &mut Value,
    ) -> Result<Result<Answer, AwsError>, RegistryError> {
        if let Value::Object(members) = input {
            members.insert("registryId".to_owned(), json!(self.login.registry));
        }
        let performed =
            perform_as(&mut self.local.lock(), &self.login.caller, Service::Ecr, operation, input);
        self.local.notify();
        match performed.delivery {
            Delivery::Dropped => Err(RegistryError::no_reply()),
            delivery => Ok(performed.answer.map(|value| Answer { value, delivery })),
        }
    }

    /// Writes a journal line for something that has no operation of the API.
    pub(super) fn note(&self, world: &mut World, operation: &str, subject: String, answer: &str) {
        let at = world.now();
        world.journal.write(Entry {
            number: 0,
            at,
            account: self.login.caller.account.to_string(),
            caller: self.login.caller.short_name().to_owned(),
            service: Service::Ecr.name().to_owned(),
            operation: operation.to_owned(),
            subject,
            answer: answer.to_owned(),
        });
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
