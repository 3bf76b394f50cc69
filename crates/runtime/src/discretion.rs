//! What others say about a document of ours, without the document.
//!
//! A policy says who may do what, and where from: it belongs to the spec, and to nothing that more
//! people read (conditions, events, logs). AWS and admission policies quote parts of what they
//! refuse, so their words are searched for them.

use std::collections::BTreeSet;
use std::collections::HashSet;

use serde_json::Value as Json;

/// So many characters of a document, one after another, are no coincidence.
const WINDOW: usize = 12;
/// The shortest text of a document that is looked for as a whole.
const SHORTEST: usize = 6;
/// What stands where something was left out.
const LEFT_OUT: char = '…';
/// In place of a word of a document that may be said.
const HOLE: &str = "\0";
/// Members of statements whose values are words of AWS's own language.
const SPOKEN: [&str; 2] = ["Effect", "Version"];
/// Members of statements that name what may be asked of AWS: a refusal has to name it, too.
const ACTIONS: [&str; 2] = ["Action", "NotAction"];

/// Some documents, as far as nobody is to quote them.
#[derive(Debug, Default)]
pub struct Documents {
    /// As they are.
    wholes: BTreeSet<String>,
    /// With holes for what may be said.
    texts: BTreeSet<String>,
    /// What is secret by itself.
    words: BTreeSet<String>,
}

impl Documents {
    /// One more document, JSON or not. What is in `sayable` may be said although it is a part of it:
    /// names that everybody knows.
    pub fn add(&mut self, text: &str, sayable: &[&str]) {
        let mut found = Found::default();
        let parsed: Option<Json> = serde_json::from_str(text).ok();
        if let Some(document) = &parsed {
            found.walk("", document);
        }
        // The beginnings of names are those of many others: `arn:aws:iam::`.
        let beginnings = found.words.iter().filter_map(|word| {
            let (end, _) = word.match_indices(':').nth(3).filter(|_| word.starts_with("arn:"))?;
            word.get(..=end)
        });
        let mut holes: Vec<&str> =
            sayable.iter().copied().chain(beginnings).chain(found.actions).collect();
        holes.retain(|word| word.len() >= SHORTEST);
        // The longest first: one may be a part of another.
        holes.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
        let pierced =
            |text: &str| holes.iter().fold(text.to_owned(), |text, word| text.replace(word, HOLE));
        let compact = parsed.as_ref().map(ToString::to_string);
        let forms = [Some(text.to_owned()), compact].into_iter().flatten();
        for form in forms.flat_map(|form| spellings(&form)) {
            self.texts.insert(pierced(&form));
            if form.len() >= WINDOW {
                self.wholes.insert(form);
            }
        }
        let words = found.words.into_iter().flat_map(spellings).map(|word| pierced(&word));
        let pieces = words.flat_map(|word| word.split(HOLE).map(str::to_owned).collect::<Vec<_>>());
        self.words.extend(pieces.filter(|piece| piece.chars().count() >= SHORTEST));
    }

    /// The message without what it quotes, as it is or as a JSON string.
    pub fn withheld(&self, message: &str) -> String {
        if self.texts.is_empty() {
            return message.to_owned();
        }
        let left_out = LEFT_OUT.to_string();
        let message = self
            .wholes
            .iter()
            .fold(message.to_owned(), |message, whole| message.replace(whole, &left_out));
        let said: Vec<char> = message.chars().collect();
        let mut quoted = vec![false; said.len()];
        let texts: Vec<Vec<char>> = self.texts.iter().map(|text| text.chars().collect()).collect();
        let windows: HashSet<&[char]> =
            texts.iter().flat_map(|text| text.windows(WINDOW)).collect();
        for (at, window) in said.windows(WINDOW).enumerate() {
            if windows.contains(window) {
                quoted[at..at + WINDOW].fill(true);
            }
        }
        for word in &self.words {
            let word: Vec<char> = word.chars().collect();
            for (at, window) in said.windows(word.len()).enumerate() {
                if *window == word {
                    quoted[at..at + word.len()].fill(true);
                }
            }
        }
        let mut out = String::with_capacity(message.len());
        for (character, quoted) in said.into_iter().zip(quoted) {
            if !quoted {
                out.push(character);
            } else if !out.ends_with(LEFT_OUT) {
                out.push(LEFT_OUT);
            }
        }
        out
    }
}

/// The texts of a document.
#[derive(Default)]
struct Found<'a> {
    words: Vec<&'a str>,
    actions: Vec<&'a str>,
}

impl<'a> Found<'a> {
    fn walk(&mut self, member: &str, value: &'a Json) {
        match value {
            Json::String(_) if SPOKEN.contains(&member) => {}
            Json::String(text) if ACTIONS.contains(&member) => self.actions.push(text),
            Json::String(text) => self.words.push(text),
            Json::Array(items) => items.iter().for_each(|item| self.walk(member, item)),
            Json::Object(members) => members.iter().for_each(|(name, item)| self.walk(name, item)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }
}

/// The text as it is, as it stands in a JSON string, and in one that Go or Python wrote: Go escapes
/// what means something to HTML, Python what is not ASCII.
fn spellings(text: &str) -> BTreeSet<String> {
    let quoted = Json::from(text).to_string();
    let quoted = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let units = |character: char| {
        let mut units = [0; 2];
        let units = character.encode_utf16(&mut units);
        units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    let html = |character: char| matches!(character, '<' | '>' | '&');
    let go = quoted.chars().map(|it| if html(it) { units(it) } else { it.to_string() });
    let python = quoted.chars().map(|it| if it.is_ascii() { it.to_string() } else { units(it) });
    BTreeSet::from([text.to_owned(), quoted.to_owned(), go.collect(), python.collect()])
}

/// A message without what it quotes between double quotes.
pub fn unquoted(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut characters = message.chars();
    while let Some(character) = characters.next() {
        out.push(character);
        if character != '"' {
            continue;
        }
        out.push(LEFT_OUT);
        while let Some(inner) = characters.next() {
            match inner {
                '\\' => drop(characters.next()),
                '"' => {
                    out.push('"');
                    break;
                }
                _ => {}
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{ "Version": "2012-10-17", "Statement": [ { "Sid": "OfTheVault",
        "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:user/keeper" },
        "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-west-2:123456789012:orders",
        "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-0a1b2c3d" } } } ] }"#;

    #[track_caller]
    fn check(policy: &str, message: &str, expected: &str) {
        let mut documents = Documents::default();
        documents.add(policy, &["arn:aws:sqs:us-west-2:123456789012:orders", "123456789012"]);
        assert_eq!(documents.withheld(message), expected);
    }

    #[test]
    fn what_is_quoted_of_a_policy_is_left_out() {
        check(POLICY, &format!("Bad policy: {POLICY}!"), "Bad policy: …!");
        let compact: Json = serde_json::from_str(POLICY).expect("is JSON");
        check(POLICY, &format!("Bad policy: {compact}!"), "Bad policy: …!");
        let quoted = Json::from(POLICY);
        check(POLICY, &format!("Bad policy: {quoted}!"), "Bad policy: \"…\"!");
        let cut: String = quoted.to_string().chars().take(100).collect();
        check(POLICY, &format!("Bad policy: {cut}"), "Bad policy: \"…");
        let odd = r#"{"Sid": "a&team<vault", "Id": "the–vault–at–home"}"#;
        check(odd, r"no a\u0026team\u003cvault.", "no ….");
        check(odd, r"no the\u2013vault\u2013at\u2013home", "no …");
        check(POLICY, "Statement OfTheVault is bad", "Statement … is bad");
        check(POLICY, "no such endpoint: vpce-0a1b2c3d.", "no such endpoint: ….");
        check(
            POLICY,
            "no principal arn:aws:iam::111122223333:user/keeper",
            "no principal arn:aws:iam::…",
        );
        check("{ vault: 0a1b2c3d4e", "at 2: `vault: 0a1b2c3d`", "at 2: `…`");
    }

    #[test]
    fn the_rest_stays() {
        for message in [
            "InvalidAttributeValue: Invalid value for the parameter Policy.",
            "User: arn:aws:iam::123456789012:root is not authorized to perform: sqs:SendMessage on \
             resource: \"arn:aws:sqs:us-west-2:123456789012:orders\"",
            "Missing required field Principal",
            "2012-10-17 is the newest version",
        ] {
            check(POLICY, message, message);
        }
        assert_eq!(Documents::default().withheld("anything"), "anything");
    }

    #[test]
    fn texts_in_quotes_are_left_out() {
        assert_eq!(
            unquoted(r#"invalid type: string "a \" b", expected a map"#),
            r#"invalid type: string "…", expected a map"#
        );
        assert_eq!(unquoted(r#"open "end"#), r#"open "…"#);
    }
}
