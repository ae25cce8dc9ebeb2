//! Members of answers and events that are not always there.

use serde_json::Value;

/// Adds a member to an object.
pub(crate) fn set(object: &mut Value, member: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(member.to_owned(), value);
    }
}
