//! A template's text as JSON, with every short tag written out: `!Ref X` is `{"Ref": "X"}`.

use crate::error::AwsError;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, json};
use serde_saphyr::Tagged;
use std::fmt;

/// Reads YAML or JSON.
///
/// # Errors
/// `ValidationError` with the place of the fault; `NotInLocalAws` for a tag that is not CloudFormation's.
pub(super) fn parse(text: &str) -> Result<Value, AwsError> {
    // CloudFormation knows no aliases, and nothing here should hide in one.
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_aliases: 0, max_anchors: 0 } };
    let node: Node = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| AwsError::new("ValidationError", format!("Template format error: {error}")))?;
    node.into_json()
}

/// A value and the tag it bears.
struct Node {
    tag: Option<String>,
    content: Content,
}

enum Content {
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

impl Node {
    fn into_json(self) -> Result<Value, AwsError> {
        let value = match self.content {
            Content::Scalar(value) => value,
            Content::Sequence(nodes) => {
                Value::Array(nodes.into_iter().map(Self::into_json).collect::<Result<_, _>>()?)
            }
            Content::Mapping(members) => {
                let mut map = Map::new();
                for (name, node) in members {
                    let value = node.into_json()?;
                    if map.insert(name.clone(), value).is_some() {
                        return Err(AwsError::new(
                            "ValidationError",
                            format!("Template format error: the key {name} is there twice"),
                        ));
                    }
                }
                Value::Object(map)
            }
        };
        match self.tag.as_deref() {
            None | Some("tag:yaml.org,2002:str" | "tag:yaml.org,2002:int" | "tag:yaml.org,2002:bool") => {
                Ok(value)
            }
            Some(tag) => written_out(tag.strip_prefix('!').unwrap_or(tag), value),
        }
    }
}

/// The long form of a short tag.
fn written_out(function: &str, value: Value) -> Result<Value, AwsError> {
    let long = match function {
        "Ref" | "Condition" => function.to_owned(),
        "GetAtt" => {
            let path = match &value {
                Value::String(path) => path.split_once('.').map(|(id, attribute)| json!([id, attribute])),
                _ => None,
            };
            return Ok(json!({"Fn::GetAtt": path.unwrap_or(value)}));
        }
        "And" | "Base64" | "Cidr" | "Equals" | "FindInMap" | "ForEach" | "GetAZs" | "If" | "ImportValue"
        | "Join" | "Length" | "Not" | "Or" | "Select" | "Split" | "Sub" | "ToJsonString" | "Transform" => {
            format!("Fn::{function}")
        }
        other => return Err(AwsError::not_in_local_aws(format!("the tag !{other} in a template"))),
    };
    Ok(json!({long: value}))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(content, tag) = Tagged::deserialize(deserializer)?;
        Ok(Self { tag, content })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(Value::from(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        Number::from_f64(value)
            .map(|number| Content::Scalar(Value::Number(number)))
            .ok_or_else(|| E::custom(format!("{value} is not a number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Value::from(value)))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(Content::Sequence(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Content::Mapping(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn short_tags_become_the_long_forms_wherever_they_stand() {
        let text = r#"
Resources:
  Queue:
    Properties:
      Name: !Sub "${Environment}-queue"
      Arn: !GetAtt Dead.Letters.Arn
      Long: !GetAtt [Dead, Arn]
      First: !Select [0, !Split ["{", !Ref PipelinePattern]]
      Nested: !Sub
        - "${Prefix}*"
        - Prefix: !If [Has, !Ref A, !Ref "AWS::NoValue"]
      Has: !Condition HasNotifyEmail
      Not: { "Fn::Not": [!Equals [!Ref NotifyEmail, ""]] }
      Import: !ImportValue towpath-pipeline-role
Numbers: [1, 1.5, true, "1", 2012-10-17, "2012-10-17", 0012e34x, -3]
Nothing:
"#;
        let value = parse(text).expect("a template");
        expect![[r#"
            {
              "Nothing": null,
              "Numbers": [
                1,
                1.5,
                true,
                "1",
                "2012-10-17",
                "2012-10-17",
                "0012e34x",
                -3
              ],
              "Resources": {
                "Queue": {
                  "Properties": {
                    "Arn": {
                      "Fn::GetAtt": [
                        "Dead",
                        "Letters.Arn"
                      ]
                    },
                    "First": {
                      "Fn::Select": [
                        0,
                        {
                          "Fn::Split": [
                            "{",
                            {
                              "Ref": "PipelinePattern"
                            }
                          ]
                        }
                      ]
                    },
                    "Has": {
                      "Condition": "HasNotifyEmail"
                    },
                    "Import": {
                      "Fn::ImportValue": "towpath-pipeline-role"
                    },
                    "Long": {
                      "Fn::GetAtt": [
                        "Dead",
                        "Arn"
                      ]
                    },
                    "Name": {
                      "Fn::Sub": "${Environment}-queue"
                    },
                    "Nested": {
                      "Fn::Sub": [
                        "${Prefix}*",
                        {
                          "Prefix": {
                            "Fn::If": [
                              "Has",
                              {
                                "Ref": "A"
                              },
                              {
                                "Ref": "AWS::NoValue"
                              }
                            ]
                          }
                        }
                      ]
                    },
                    "Not": {
                      "Fn::Not": [
                        {
                          "Fn::Equals": [
                            {
                              "Ref": "NotifyEmail"
                            },
                            ""
                          ]
                        }
                      ]
                    }
                  }
                }
              }
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&value).expect("JSON"));
    }

    #[test]
    fn json_is_a_template_too() {
        assert_eq!(
            parse(r#"{"Resources": {"A": {"Ref": "B"}}}"#),
            Ok(json!({"Resources": {"A": {"Ref": "B"}}}))
        );
    }

    #[test]
    fn what_cloudformation_does_not_know_is_refused() {
        let mut refusals = String::new();
        for text in ["A: !Reff B", "A: &x 1\nB: *x", "A: [1", "A: 1\nA: 2", "A: !!binary aGVsbG8="] {
            match parse(text) {
                Ok(value) => refusals.push_str(&format!("{text:?} is {value}\n")),
                Err(error) => {
                    refusals
                        .push_str(&format!("{text:?}: {}\n", error.to_string().lines().next().unwrap_or("")));
                }
            }
        }
        expect![[r#"
            "A: !Reff B": NotInLocalAws: the local accounts do not know the tag !Reff in a template; AWS may
            "A: &x 1\nB: *x": ValidationError: Template format error: error: line 1 column 7: budget breached: Anchors { anchors: 1 }
            "A: [1": ValidationError: Template format error: error: line 1 column 4: unclosed bracket '['
            "A: 1\nA: 2": ValidationError: Template format error: error: line 2 column 1: duplicate mapping key: A, set DuplicateKeyPolicy in Options if acceptable
            "A: !!binary aGVsbG8=": NotInLocalAws: the local accounts do not know the tag !tag:yaml.org,2002:binary in a template; AWS may
        "#]].assert_eq(&refusals);
    }
}
