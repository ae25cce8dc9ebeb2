//! The query protocol's answers: `<ActionResponse><ActionResult>…</ActionResult>…</ActionResponse>`.

use crate::error::AwsError;
use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;

/// An operation's answer.
pub(crate) fn answer(action: &str, version: &str, answer: &Value, request_id: &str) -> String {
    let host = match version {
        "2011-06-15" => "sts",
        "2010-05-08" => "iam",
        "2010-03-31" => "sns",
        _ => "cloudformation",
    };
    document(
        &format!("{action}Response"),
        &format!("https://{host}.amazonaws.com/doc/{version}/"),
        |writer| {
            element(writer, &format!("{action}Result"), answer);
            let metadata = serde_json::json!({ "RequestId": request_id });
            element(writer, "ResponseMetadata", &metadata);
        },
    )
}

/// An error.
pub(crate) fn error(error: &AwsError, request_id: &str) -> String {
    let kind = if error.status < 500 { "Sender" } else { "Receiver" };
    let body = serde_json::json!({ "Type": kind, "Code": error.code, "Message": error.message });
    document("ErrorResponse", "", |writer| {
        element(writer, "Error", &body);
        element(writer, "RequestId", &Value::String(request_id.to_owned()));
    })
}

/// CodeCommit's throttle as AWS was seen to send it: XML, though its protocol is JSON.
pub(crate) fn codecommit_throttle() -> String {
    document("ThrottlingException", "", |writer| {
        element(writer, "Message", &Value::String("Rate exceeded".to_owned()));
    })
}

fn document(root: &str, namespace: &str, body: impl FnOnce(&mut Writer<Vec<u8>>)) -> String {
    let mut writer = Writer::new(Vec::new());
    let mut start = BytesStart::new(root);
    if !namespace.is_empty() {
        start.push_attribute(("xmlns", namespace));
    }
    write(&mut writer, Event::Start(start));
    body(&mut writer);
    write(&mut writer, Event::End(BytesEnd::new(root)));
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

fn element(writer: &mut Writer<Vec<u8>>, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    write(writer, Event::Start(BytesStart::new(name)));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(writer, name, value)),
        Value::Array(items) => items.iter().for_each(|item| element(writer, "member", item)),
        Value::String(text) => write(writer, Event::Text(BytesText::new(text))),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            write(writer, Event::Text(BytesText::new(&value.to_string())));
        }
    }
    write(writer, Event::End(BytesEnd::new(name)));
}

fn write(writer: &mut Writer<Vec<u8>>, event: Event<'_>) {
    // Writing to a Vec cannot fail.
    let _ = writer.write_event(event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_escape_text_and_wrap_lists() {
        let text =
            answer("ListStacks", "2010-05-15", &json!({"Stacks": [{"Name": "a<b"}], "Gone": null}), "r1");
        expect_test::expect![[r#"<ListStacksResponse xmlns="https://cloudformation.amazonaws.com/doc/2010-05-15/"><ListStacksResult><Stacks><member><Name>a&lt;b</Name></member></Stacks></ListStacksResult><ResponseMetadata><RequestId>r1</RequestId></ResponseMetadata></ListStacksResponse>"#]].assert_eq(&text);
    }
}
