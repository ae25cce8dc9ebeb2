//! Git over smart HTTP: `git clone`, `fetch` and `push` on CodeCommit's repositories, by git's own
//! `upload-pack` and `receive-pack`, run outside of the world's lock.

mod commands;
mod process;
#[cfg(test)]
mod tests;

use crate::caller::Caller;
use crate::error::AwsError;
use crate::journal::Entry;
use crate::services::{codecommit, sts};
use crate::shared::LocalAws;
use crate::world::World;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use process::{Service, advertise, receive_pack, upload_pack};
use tower_http::decompression::RequestDecompressionLayer;

/// The routes of git, relative to the server's root.
pub(crate) fn router() -> Router<LocalAws> {
    Router::new()
        .route("/v1/repos/{name}/info/refs", get(references))
        .route("/v1/repos/{name}/git-upload-pack", post(pull))
        .route("/v1/repos/{name}/git-receive-pack", post(push))
        .layer(RequestDecompressionLayer::new())
}

/// Who runs git, and the ARN that events name for that.
struct Person {
    caller: Caller,
    arn: String,
}

/// An answer that is no success.
struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, format!("{}\n", self.text)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = header::HeaderValue::from_static("Basic realm=\"CodeCommit\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        let status = match error.code.as_str() {
            "UnrecognizedClientException" => StatusCode::UNAUTHORIZED,
            "AccessDeniedException" => StatusCode::FORBIDDEN,
            "RepositoryDoesNotExistException" | "InvalidRepositoryNameException" => StatusCode::NOT_FOUND,
            _ => StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self::new(status, error.message)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("git could not be run: {error}"))
    }
}

/// The first request of every clone, fetch and push: where are the references?
async fn references(
    State(local): State<LocalAws>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let query = query.unwrap_or_default();
    let service = match query.split('&').find_map(|pair| pair.strip_prefix("service=")) {
        Some("git-upload-pack") => Service::UploadPack,
        Some("git-receive-pack") => Service::ReceivePack,
        _ => {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "only git's smart protocol is spoken here: service=git-upload-pack or git-receive-pack",
            ));
        }
    };
    let served = {
        let mut world = local.lock();
        let person = person(&world, &headers)?;
        let found = match service {
            Service::UploadPack => codecommit::open_for_pull(&world, &person.caller, &name),
            Service::ReceivePack => codecommit::open_for_push(&world, &person.caller, &name, &[]),
        };
        // A success is written down when the real request comes.
        if let Err(error) = &found {
            write_down(&mut world, &person, service, &name, &error.code);
        }
        found?
    };
    let protocol = protocol(&headers);
    let body = advertise(service, &served.folder, protocol.as_deref()).await?;
    Ok(answer(service, "advertisement", body))
}

/// `git-upload-pack`: a clone or fetch, streamed.
async fn pull(
    State(local): State<LocalAws>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    check_content_type(&headers, Service::UploadPack)?;
    let served = {
        let mut world = local.lock();
        let person = person(&world, &headers)?;
        let found = codecommit::open_for_pull(&world, &person.caller, &name);
        let outcome = found.as_ref().map_or_else(|error| error.code.as_str(), |_| "ok").to_owned();
        write_down(&mut world, &person, Service::UploadPack, &name, &outcome);
        found?
    };
    let output = upload_pack(&served.folder, protocol(&headers).as_deref(), body)?;
    Ok(answer(Service::UploadPack, "result", output))
}

/// `git-receive-pack`: a push. It goes on by itself when the client is gone, so that what it changed is
/// always announced and the next one gets its turn.
async fn push(
    State(local): State<LocalAws>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    check_content_type(&headers, Service::ReceivePack)?;
    let person = person(&local.lock(), &headers)?;
    let protocol = protocol(&headers);
    let work = tokio::spawn(async move { push_to_its_end(&local, &person, &name, protocol, body).await });
    let output = work.await.map_err(|error| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the push ended: {error}"))
    })??;
    Ok(answer(Service::ReceivePack, "result", output))
}

async fn push_to_its_end(
    local: &LocalAws,
    person: &Person,
    name: &str,
    protocol: Option<String>,
    body: Body,
) -> Result<Vec<u8>, Refusal> {
    let (changes, start, rest) = commands::read(body).await?;
    let served = {
        let mut world = local.lock();
        let found = codecommit::open_for_push(&world, &person.caller, name, &changes);
        let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
        let outcome = found.as_ref().map_or_else(|error| error.code.as_str(), |_| "ok").to_owned();
        write_down(
            &mut world,
            person,
            Service::ReceivePack,
            &format!("{name} {}", names.join(" ")),
            &outcome,
        );
        found?
    };
    let _my_turn = served.turn.take().await;
    codecommit::push_begins(&mut local.lock(), &person.caller.account, &served.id, &person.arn)?;
    let received = receive_pack(&served.folder, protocol.as_deref(), start, rest).await;
    let announced = codecommit::push_ended(&mut local.lock(), &person.caller.account, &served.id);
    local.notify();
    announced?;
    received
}

/// The person behind HTTP's basic authentication. The user name is `<anyone>-at-<account>`, as git
/// credentials of IAM are named, or an access key id, after which a credential helper may put `%` and the
/// session token. The password is believed.
fn person(world: &World, headers: &HeaderMap) -> Result<Person, Refusal> {
    let unknown = |user: &str| {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            format!(
                "`{}` is nobody here: expected <name>-at-<12-digit account> or an access key id as user name",
                user.escape_debug()
            ),
        )
    };
    let user = user_name(headers).ok_or_else(|| unknown(""))?;
    if let Some((name, account)) = user.rsplit_once("-at-")
        && let Ok(account) = account.parse()
    {
        world.account(&account).map_err(|_| unknown(&user))?;
        let arn = codecommit::person_arn(&account, name);
        return Ok(Person { caller: Caller::administrator(&account), arn });
    }
    let key = user.split('%').next().unwrap_or(&user);
    let caller = sts::caller_of(world, key).map_err(|_| unknown(key))?;
    let arn = caller.arn();
    Ok(Person { caller, arn })
}

fn user_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    Some(text.split_once(':')?.0.to_owned())
}

/// The version of git's protocol that the client asks for.
fn protocol(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("git-protocol")?.to_str().ok()?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || "=:.-".contains(character);
    (value.len() <= 200 && value.chars().all(allowed)).then(|| value.to_owned())
}

fn check_content_type(headers: &HeaderMap, service: Service) -> Result<(), Refusal> {
    let expected = format!("application/x-{}-request", service.name());
    match headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        Some(given) if given == expected => Ok(()),
        given => Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("the content type is {}: expected {expected}", given.unwrap_or("absent")),
        )),
    }
}

fn answer(service: Service, kind: &str, body: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("application/x-{}-{kind}", service.name())),
        (header::CACHE_CONTROL, "no-cache, max-age=0, must-revalidate".to_owned()),
    ];
    (headers, body.into()).into_response()
}

fn write_down(world: &mut World, person: &Person, service: Service, subject: &str, answer: &str) {
    let name = person.arn.rsplit('/').next().unwrap_or(&person.arn);
    let entry = Entry {
        number: 0,
        at: world.now(),
        account: person.caller.account.to_string(),
        caller: name.to_owned(),
        service: "codecommit".to_owned(),
        operation: service.action().to_owned(),
        subject: subject.to_owned(),
        answer: answer.to_owned(),
    };
    world.journal.write(entry);
}
