//! Just enough XML to read what the query protocol answers.

use quick_xml::Reader;
use quick_xml::events::Event;

/// How deep a document may nest: AWS's replies stay far below.
const DEPTH_MAX: usize = 64;

/// One element with its text and its children; attributes are left out, AWS's replies carry no facts in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// The name without its prefix.
    pub name: String,
    /// The text directly inside, entities resolved.
    pub text: String,
    /// The elements inside, in order.
    pub children: Vec<Element>,
}

impl Element {
    /// Reads a document and returns its root.
    ///
    /// # Errors
    /// A sentence, when this is no well-formed document.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|error| format!("this is no XML: {error}"))? {
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref().as_ref()).into_owned();
                    open.push(Self { name, ..Self::default() });
                }
                Event::Empty(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref().as_ref()).into_owned();
                    add(&mut open, Self { name, ..Self::default() });
                }
                Event::End(_) => {
                    let Some(closed) = open.pop() else { return Err("this XML closes too much".to_owned()) };
                    add(&mut open, closed);
                }
                Event::Text(text) => append(&mut open, &text.xml10_content()),
                Event::CData(text) => append(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => append(&mut open, &resolved(&reference)?),
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
            if open.len() > DEPTH_MAX {
                return Err(format!("this XML nests deeper than {DEPTH_MAX}"));
            }
        }
        let document = open.pop().filter(|_| open.is_empty());
        let root = document.and_then(|document| document.children.into_iter().next());
        root.ok_or_else(|| "this XML has no complete root element".to_owned())
    }

    /// The first element of that name directly inside.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element of that name, however deep, this one included.
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// The text of the first element of that name, however deep.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|element| element.text.as_str())
    }

    /// The `member` elements of the first list of that name, as the query protocol writes lists.
    pub fn members(&self, name: &str) -> Vec<&Self> {
        let list = self.find(name);
        list.map(|list| list.children.iter().filter(|child| child.name == "member").collect())
            .unwrap_or_default()
    }
}

fn add(open: &mut [Element], child: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(child);
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    let name = reference.xml10_content();
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    match quick_xml::escape::resolve_predefined_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("this XML names the unknown entity {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn nothing_is_no_document() {
        assert_eq!(Element::parse(""), Err("this XML has no complete root element".to_owned()));
        assert!(Element::parse("<a><b></a>").is_err());
        assert!(Element::parse("<a>").is_err());
    }

    #[test]
    fn text_children_and_lists_are_found_by_name() {
        let text = r#"<?xml version="1.0"?><r xmlns="urn:x"><Id>a &lt;b&gt; &amp; &#65;</Id>
            <Outputs><member><OutputKey>Url</OutputKey></member><member/></Outputs></r>"#;
        let root = Element::parse(text).unwrap();
        assert_eq!(root.text_of("Id"), Some("a <b> & A"));
        assert_eq!(root.members("Outputs").len(), 2);
        assert_eq!(root.members("Outputs")[0].text_of("OutputKey"), Some("Url"));
        assert_eq!(root.child("OutputKey"), None);
    }
}
