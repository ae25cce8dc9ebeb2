//! `revision.json`: which image each container of a service should run. It is the ECS deploy action's image definitions
//! file and nothing more.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::names::{ContainerName, ImageDigest, ImageUri, InvalidName};
use crate::text::{one_line, shown};

/// The largest file that the ECS deploy action reads.
pub const MAXIMUM_REVISION_BYTES: usize = 100 * 1024;
const NAME: &str = "name";
const IMAGE_URI: &str = "imageUri";

/// The content of one `revision.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionFile {
    text: String,
    entries: Vec<Entry>,
}

/// What one container should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The container's name in the task definition.
    pub container: ContainerName,
    /// Its image.
    pub image: ImageUri,
    /// Whatever else a person wrote beside the two; kept as it is.
    extra: Vec<(String, Value)>,
}

/// Why a file is not a revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// It is larger than the ECS deploy action reads.
    #[error(
        "revision.json has {bytes} bytes: expected at most {MAXIMUM_REVISION_BYTES}, which is what the ECS deploy action reads"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It does not begin with its first character.
    #[error(
        "revision.json begins with a byte order mark: expected plain UTF-8, which is what the ECS deploy action reads"
    )]
    ByteOrderMark,
    /// It is not UTF-8.
    #[error("revision.json is not UTF-8 text (byte {offset}): expected a JSON list of containers and images")]
    NotUtf8 {
        /// How much of it is.
        offset: usize,
    },
    /// It is not a JSON list of objects.
    #[error("revision.json is not a JSON list of containers and images: {problem}")]
    NotAList {
        /// What the JSON parser says, with line and column.
        problem: String,
    },
    /// It names no container.
    #[error("revision.json is an empty list: expected at least one container with its image")]
    Empty,
    /// A key that each entry needs is not there.
    #[error(
        "revision.json, entry {number}: \"{key}\" is missing: expected {{ \"name\": …, \"imageUri\": … }}"
    )]
    Missing {
        /// The entry, counted from 1.
        number: usize,
        /// The key.
        key: &'static str,
    },
    /// A value is not text.
    #[error("revision.json, entry {number}: \"{key}\" is {found}: expected a text")]
    NotText {
        /// The entry, counted from 1.
        number: usize,
        /// The key.
        key: &'static str,
        /// The value as JSON.
        found: String,
    },
    /// A key stands twice in an entry.
    #[error("revision.json, entry {number}: {key} is written twice: expected each key once")]
    DuplicateKey {
        /// The entry, counted from 1.
        number: usize,
        /// The key.
        key: String,
    },
    /// A container or image is not one.
    #[error("revision.json, entry {number}: {problem}")]
    Name {
        /// The entry, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: InvalidName,
    },
    /// Two entries are about one container.
    #[error("revision.json names the container {container} twice: expected one entry for each container")]
    DuplicateContainer {
        /// The container.
        container: ContainerName,
    },
}

impl RevisionFile {
    /// The revision that a file's bytes hold.
    ///
    /// # Errors
    /// When the ECS deploy action could not use it, or could read it in two ways.
    pub fn parse(bytes: &[u8]) -> Result<Self, RevisionError> {
        if bytes.len() > MAXIMUM_REVISION_BYTES {
            return Err(RevisionError::TooLarge { bytes: bytes.len() });
        }
        if bytes.starts_with("\u{feff}".as_bytes()) {
            return Err(RevisionError::ByteOrderMark);
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| RevisionError::NotUtf8 { offset: error.valid_up_to() })?;
        let objects: Vec<Object> = serde_json::from_str(text)
            .map_err(|error| RevisionError::NotAList { problem: error.to_string() })?;
        let mut entries: Vec<Entry> = Vec::with_capacity(objects.len());
        for (index, object) in objects.into_iter().enumerate() {
            let entry = Entry::of_object(index + 1, object)?;
            if entries.iter().any(|other| other.container == entry.container) {
                return Err(RevisionError::DuplicateContainer { container: entry.container });
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(RevisionError::Empty);
        }
        Ok(Self { text: text.to_owned(), entries })
    }

    /// A new revision of these containers, in their order.
    #[must_use]
    pub fn of_images(images: &BTreeMap<ContainerName, ImageUri>) -> Self {
        Self::of_entries(Vec::new()).with_images(images)
    }

    /// This revision with other images for some containers. Entries of other containers stay as they are and where they
    /// are; a container without an entry gets one at the end.
    #[must_use]
    pub fn with_images(&self, images: &BTreeMap<ContainerName, ImageUri>) -> Self {
        let mut entries = self.entries.clone();
        for (container, image) in images {
            match entries.iter_mut().find(|entry| entry.container == *container) {
                Some(entry) => entry.image = image.clone(),
                None => {
                    entries.push(Entry {
                        container: container.clone(),
                        image: image.clone(),
                        extra: Vec::new(),
                    });
                }
            }
        }
        Self::of_entries(entries)
    }

    /// The file's text: as it was read, or as the image definitions file is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its entries, in the file's order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The image of a container.
    #[must_use]
    pub fn image(&self, container: &ContainerName) -> Option<&ImageUri> {
        self.entries.iter().find(|entry| entry.container == *container).map(|entry| &entry.image)
    }

    /// The digest of a container's image, where it is named by digest.
    #[must_use]
    pub fn digest(&self, container: &ContainerName) -> Option<&ImageDigest> {
        self.image(container).and_then(ImageUri::digest)
    }

    /// Whether both name the same containers with the same images: by digest where both have one, else by text.
    #[must_use]
    pub fn has_images_of(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().all(|entry| {
                other.image(&entry.container).is_some_and(|image| {
                    match (image.digest(), entry.image.digest()) {
                        (Some(one), Some(two)) => one == two,
                        _ => *image == entry.image,
                    }
                })
            })
    }

    fn of_entries(entries: Vec<Entry>) -> Self {
        // Texts and JSON values always serialise; an empty list would only be refused when it is read.
        let text = serde_json::to_string_pretty(&entries).unwrap_or_default() + "\n";
        Self { text, entries }
    }
}

impl Entry {
    fn of_object(number: usize, object: Object) -> Result<Self, RevisionError> {
        let (mut container, mut image, mut extra) = (None, None, Vec::new());
        for (key, value) in object.0 {
            let is_duplicate = match key.as_str() {
                NAME => container.replace(text_of(number, NAME, &value)?).is_some(),
                IMAGE_URI => image.replace(text_of(number, IMAGE_URI, &value)?).is_some(),
                _ => {
                    let known = extra.iter().any(|(other, _)| *other == key);
                    extra.push((key.clone(), value));
                    known
                }
            };
            if is_duplicate {
                return Err(RevisionError::DuplicateKey { number, key: shown(&key) });
            }
        }
        let container = container.ok_or(RevisionError::Missing { number, key: NAME })?;
        let image = image.ok_or(RevisionError::Missing { number, key: IMAGE_URI })?;
        let name_error = |problem| RevisionError::Name { number, problem };
        Ok(Self {
            container: ContainerName::parse(&container).map_err(name_error)?,
            image: ImageUri::parse(&image).map_err(name_error)?,
            extra,
        })
    }
}

fn text_of(number: usize, key: &'static str, value: &Value) -> Result<String, RevisionError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(RevisionError::NotText { number, key, found: one_line(&other.to_string(), 80) }),
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(2 + self.extra.len()))?;
        object.serialize_entry(NAME, &self.container)?;
        object.serialize_entry(IMAGE_URI, &self.image)?;
        for (key, value) in &self.extra {
            object.serialize_entry(key, value)?;
        }
        object.end()
    }
}

/// A JSON object with its keys in their order, also those that stand twice.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with \"name\" and \"imageUri\"")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Object(keys))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn container(name: &str) -> ContainerName {
        ContainerName::parse(name).unwrap()
    }

    fn image(text: &str) -> ImageUri {
        ImageUri::parse(text).unwrap()
    }

    #[test]
    fn nothing_to_change_leaves_the_entries() {
        let file = RevisionFile::parse(br#"[{"name":"a","imageUri":"x:1"}]"#).unwrap();
        assert_eq!(file.text(), r#"[{"name":"a","imageUri":"x:1"}]"#);
        assert!(file.has_images_of(&file.with_images(&BTreeMap::new())));
    }

    #[test]
    fn named_containers_change_and_the_others_stay_as_they_are() {
        let file = RevisionFile::parse(
            br#"[ {"imageUri": "x:1", "name": "b", "note": {"why": [1, true]}}, {"name":"a","imageUri":"y"} ]"#,
        )
        .unwrap();
        let images = BTreeMap::from([
            (container("a"), image(&format!("111111111111.dkr.ecr.eu-west-1.amazonaws.com/web@{DIGEST}"))),
            (container("new"), image("z:2")),
        ]);
        let changed = file.with_images(&images);
        expect![[r#"
            [
              {
                "name": "b",
                "imageUri": "x:1",
                "note": {
                  "why": [
                    1,
                    true
                  ]
                }
              },
              {
                "name": "a",
                "imageUri": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              },
              {
                "name": "new",
                "imageUri": "z:2"
              }
            ]
        "#]]
        .assert_eq(changed.text());
        assert_eq!(RevisionFile::parse(changed.text().as_bytes()).unwrap(), changed);
    }

    #[test]
    fn images_are_compared_by_digest() {
        let one = RevisionFile::of_images(&BTreeMap::from([(
            container("a"),
            image(&format!("x.example/a@{DIGEST}")),
        )]));
        let two = RevisionFile::of_images(&BTreeMap::from([(
            container("a"),
            image(&format!("y.example/b@{DIGEST}")),
        )]));
        let tag = RevisionFile::of_images(&BTreeMap::from([(container("a"), image("x.example/a:1"))]));
        assert!(one.has_images_of(&two));
        assert!(!one.has_images_of(&tag));
    }

    #[test]
    fn each_broken_file_gets_one_clear_line() {
        let large = vec![b' '; MAXIMUM_REVISION_BYTES + 1];
        let files: [&[u8]; 13] = [
            b"",
            b"{}",
            b"[]",
            b"[1]",
            b"\xef\xbb\xbf[]",
            b"[\"\xff\"]",
            &large,
            br#"[{"name":"a"}]"#,
            br#"[{"name":1,"imageUri":"x"}]"#,
            br#"[{"name":"a","name":"a","imageUri":"x"}]"#,
            br#"[{"name":"../a","imageUri":"x"}]"#,
            br#"[{"name":"a","imageUri":"x\ny"}]"#,
            br#"[{"name":"a","imageUri":"x"},{"name":"a","imageUri":"y"}]"#,
        ];
        let errors: String =
            files.iter().map(|file| format!("{}\n", RevisionFile::parse(file).unwrap_err())).collect();
        expect![[r#"
            revision.json is not a JSON list of containers and images: EOF while parsing a value at line 1 column 0
            revision.json is not a JSON list of containers and images: invalid type: map, expected a sequence at line 1 column 0
            revision.json is an empty list: expected at least one container with its image
            revision.json is not a JSON list of containers and images: invalid type: integer `1`, expected an object with "name" and "imageUri" at line 1 column 2
            revision.json begins with a byte order mark: expected plain UTF-8, which is what the ECS deploy action reads
            revision.json is not UTF-8 text (byte 2): expected a JSON list of containers and images
            revision.json has 102401 bytes: expected at most 102400, which is what the ECS deploy action reads
            revision.json, entry 1: "imageUri" is missing: expected { "name": …, "imageUri": … }
            revision.json, entry 1: "name" is 1: expected a text
            revision.json, entry 1: "name" is written twice: expected each key once
            revision.json, entry 1: "../a" is not a container name: expected 1 to 255 letters, digits, - or _
            revision.json, entry 1: "x\ny" is not an image: expected <registry>/<repository>@sha256:<64 hexadecimal digits> or <registry>/<repository>:<tag>
            revision.json names the container a twice: expected one entry for each container
        "#]].assert_eq(&errors);
    }
}
