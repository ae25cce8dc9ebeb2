//! The query protocol's forms as JSON:
//! `Parameters.member.1.ParameterKey=Cluster` becomes `{"Parameters":[{"ParameterKey":"Cluster"}]}`.
//! Every scalar stays text, as the form has it.

use crate::error::AwsError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The deepest nesting that is read.
const DEPTH_MAX: usize = 16;

/// A parsed request of the query protocol.
#[derive(Debug, PartialEq)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) input: Value,
}

#[derive(Debug, Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Reads a form body.
pub(crate) fn parse(body: &[u8]) -> Result<Form, AwsError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the form is not UTF-8"))?;
    let mut root = Node::default();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        insert(&mut root, &decode(name)?, decode(value)?)?;
    }
    let mut take = |name: &str| root.children.remove(name).and_then(|node| node.text);
    let action = take("Action").ok_or_else(|| AwsError::new("MissingAction", "the form has no Action"))?;
    let version = take("Version").unwrap_or_default();
    Ok(Form { action, version, input: to_json(root) })
}

fn malformed(what: &str) -> AwsError {
    AwsError::new("MalformedQueryString", what)
}

fn insert(root: &mut Node, name: &str, value: String) -> Result<(), AwsError> {
    let mut node = root;
    for (depth, part) in name.split('.').enumerate() {
        if depth >= DEPTH_MAX {
            return Err(malformed("the form nests too deeply"));
        }
        node = node.children.entry(part.to_owned()).or_default();
    }
    node.text = Some(value);
    Ok(())
}

fn to_json(node: Node) -> Value {
    let Node { text, mut children } = node;
    if let Some(text) = text {
        return Value::String(text);
    }
    if children.len() == 1
        && let Some(list) = children.remove("member")
    {
        let mut items: Vec<(u64, Value)> = list
            .children
            .into_iter()
            .map(|(index, item)| (index.parse().unwrap_or(u64::MAX), to_json(item)))
            .collect();
        items.sort_by_key(|(index, _)| *index);
        return Value::Array(items.into_iter().map(|(_, item)| item).collect());
    }
    Value::Object(children.into_iter().map(|(name, child)| (name, to_json(child))).collect::<Map<_, _>>())
}

/// `%41+b` as `A b`.
pub(crate) fn decode(text: &str) -> Result<String, AwsError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()]
                    .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
                let [Some(high), Some(low)] = digits else {
                    return Err(malformed("a % is not followed by two hex digits"));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed("the form is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_and_structures_nest() {
        let form = parse(b"Action=CreateStack&Version=2010-05-15&StackName=a+b&Parameters.member.2.ParameterKey=Y&Parameters.member.1.ParameterKey=X%26").unwrap();
        assert_eq!(form.action, "CreateStack");
        assert_eq!(
            form.input,
            json!({"StackName": "a b", "Parameters": [{"ParameterKey": "X&"}, {"ParameterKey": "Y"}]})
        );
    }

    #[test]
    fn a_broken_escape_is_refused() {
        assert_eq!(parse(b"Action=%4").unwrap_err().code, "MalformedQueryString");
    }
}
