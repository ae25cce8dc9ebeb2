//! The AWS protocols that name their operation in a header or a form: awsJson 1.0 and 1.1, and query.

use super::credentials;
use super::perform::{Delivery, Performed, perform};
use super::{query, server, xml};
use crate::error::AwsError;
use crate::services::{Service, sqs};
use crate::shared::LocalAws;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};

/// The longest request body: a layer part of 20 MiB in base64, with room around it.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Answers any request that no route of its own claims.
pub(crate) async fn answer(State(local): State<LocalAws>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = local.lock().ids.uuid();
    let body = match http_body_util::Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let error = AwsError::new("RequestEntityTooLargeException", error.to_string()).with_status(413);
            return json_reply(&error_json(&error), error.status, &request_id);
        }
    };
    if let Some(target) = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()) {
        return answer_json(&local, &parts.headers, target, &body, &request_id).await;
    }
    if is_form(&parts.headers) {
        return answer_query(&local, &parts.headers, &body, &request_id).await;
    }
    let error = AwsError::not_in_local_aws(format!("{} {}", parts.method, parts.uri.path()));
    json_reply(&error_json(&error), error.status, &request_id)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

fn service_of_target(prefix: &str) -> Result<Service, AwsError> {
    match prefix {
        "AWSEvents" => Ok(Service::Events),
        "AmazonEC2ContainerRegistry_V20150921" => Ok(Service::Ecr),
        "AmazonEC2ContainerServiceV20141113" => Ok(Service::Ecs),
        "AmazonSQS" => Ok(Service::Sqs),
        "AmazonSSM" => Ok(Service::Ssm),
        "CodeCommit_20150413" => Ok(Service::CodeCommit),
        "CodePipeline_20150709" => Ok(Service::CodePipeline),
        "Logs_20140328" => Ok(Service::Logs),
        other => Err(AwsError::not_in_local_aws(format!("the service behind X-Amz-Target {other}"))),
    }
}

async fn answer_json(
    local: &LocalAws,
    headers: &HeaderMap,
    target: &str,
    body: &[u8],
    request_id: &str,
) -> Response {
    let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
    let performed = match (service_of_target(prefix), parse_json(body)) {
        (Ok(service), Ok(input)) => perform(local, headers, service, operation, input).await,
        (Err(error), _) | (_, Err(error)) => Performed { answer: Err(error), delivery: Delivery::Whole },
    };
    let xml_throttles = local.lock().settings.unconfirmed.codecommit_throttles_in_xml;
    let response = match &performed.answer {
        Ok(answer) => json_reply(answer, 200, request_id),
        Err(error)
            if xml_throttles && prefix.starts_with("CodeCommit") && error.code == "ThrottlingException" =>
        {
            xml_reply(xml::codecommit_throttle(), error.status, request_id)
        }
        Err(error) => {
            let mut reply = json_reply(&error_json(error), error.status, request_id);
            if prefix == "AmazonSQS" {
                add_query_error(&mut reply, error);
            }
            reply
        }
    };
    server::deliver(response, performed.delivery)
}

/// Clients that grew up with SQS's former protocol read the error's old code from a header.
fn add_query_error(reply: &mut Response, error: &AwsError) {
    let side = if error.status < 500 { "Sender" } else { "Receiver" };
    let code = sqs::query_error_code(&error.code);
    if let Ok(value) = format!("{code};{side}").parse() {
        reply.headers_mut().insert("x-amzn-query-error", value);
    }
}

fn parse_json(body: &[u8]) -> Result<Value, AwsError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|error| AwsError::new("SerializationException", error.to_string()))
}

async fn answer_query(local: &LocalAws, headers: &HeaderMap, body: &[u8], request_id: &str) -> Response {
    let form = match query::parse(body) {
        Ok(form) => form,
        Err(error) => return xml_reply(xml::error(&error, request_id), error.status, request_id),
    };
    let service = credentials::signature(headers).and_then(|signature| match signature.service.as_str() {
        "cloudformation" => Ok(Service::CloudFormation),
        "iam" => Ok(Service::Iam),
        "sns" => Ok(Service::Sns),
        "sts" => Ok(Service::Sts),
        other => Err(AwsError::not_in_local_aws(format!("the query protocol of service {other}"))),
    });
    let performed = match service {
        Ok(service) => perform(local, headers, service, &form.action, form.input).await,
        Err(error) => Performed { answer: Err(error), delivery: Delivery::Whole },
    };
    let response = match &performed.answer {
        Ok(answer) => {
            xml_reply(xml::answer(&form.action, &form.version, answer, request_id), 200, request_id)
        }
        Err(error) => xml_reply(xml::error(error, request_id), error.status, request_id),
    };
    server::deliver(response, performed.delivery)
}

/// An error as the JSON protocols write it.
pub(crate) fn error_json(error: &AwsError) -> Value {
    let mut body = error.members.clone();
    body.insert("__type".to_owned(), json!(error.code));
    body.insert("message".to_owned(), json!(error.message));
    Value::Object(body)
}

/// A JSON reply.
pub(crate) fn json_reply(body: &Value, status: u16, request_id: &str) -> Response {
    reply("application/x-amz-json-1.1", body.to_string().into(), status, request_id)
}

fn xml_reply(body: String, status: u16, request_id: &str) -> Response {
    reply("text/xml", body.into(), status, request_id)
}

fn reply(content_type: &str, body: Bytes, status: u16, request_id: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let built = Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header("x-amzn-requestid", request_id)
        .body(Body::from(body));
    built.unwrap_or_default()
}
