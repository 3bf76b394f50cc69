//! For random scalars in every style, each character of the decoded text is found where it stands
//! in the file.
//!
//! A scalar is written and decoded here at the same time, piece by piece, by the rules of YAML
//! 1.2; the reader has to decode the same text, and its map has to point at the same bytes.

use diagnostics::{FieldPath, Place, yaml};
use serde_json::Value;
use std::ops::Range;

/// How many scalars are tried of each style.
const SEEDS: u64 = 3_000;

/// A file that is being written.
struct File {
    text: String,
    /// `\n` or `\r\n`.
    line_break: &'static str,
    decoded: String,
    /// The characters that are not made by folding: their bytes in the text and in the file.
    places: Vec<(Range<usize>, Range<usize>)>,
}

impl File {
    /// One character, written as `raw`.
    fn push(&mut self, character: char, raw: &str) {
        let (decoded, file) = (self.decoded.len(), self.text.len());
        self.decoded.push(character);
        self.text.push_str(raw);
        self.places.push((decoded..self.decoded.len(), file..self.text.len()));
    }

    /// Characters that stand for themselves.
    fn verbatim(&mut self, text: &str) {
        for character in text.chars() {
            self.push(character, character.encode_utf8(&mut [0; 4]));
        }
    }

    /// `blank` further empty lines and a new line, indented, that folding makes of them.
    fn fold(&mut self, random: &mut Random, blank: usize) {
        for _ in 0..blank {
            self.text.push_str(self.line_break);
            let blanks = random.below(3);
            self.text.push_str(&" ".repeat(blanks));
        }
        self.text.push_str(self.line_break);
        self.text.push_str(&" ".repeat(4 + random.below(3)));
        match blank {
            0 => self.decoded.push(' '),
            blank => self.decoded.push_str(&"\n".repeat(blank)),
        }
    }
}

/// A stream of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (limit as u64)).expect("it is below the limit")
    }

    fn word(&mut self, of: &[char]) -> String {
        (0..=self.below(5)).map(|_| of[self.below(of.len())]).collect()
    }

    /// Words with blanks between them, none around them.
    fn line(&mut self, of: &[char]) -> String {
        let mut line = self.word(of);
        for _ in 0..self.below(3) {
            line.push_str(&" ".repeat(1 + self.below(2)));
            line.push_str(&self.word(of));
        }
        line
    }
}

const LETTERS: [char; 12] = ['a', 'Z', '7', 'é', '漢', '😀', '$', '{', '}', '\u{301}', '.', '/'];

fn plain(file: &mut File, random: &mut Random) {
    let of = [&LETTERS[..], &['"', '\'', '\\', '!', '*']].concat();
    // Nothing that begins so is a number or means something else.
    file.verbatim("zq");
    file.verbatim(&random.line(&of));
    for _ in 0..random.below(4) {
        let blank = random.below(3);
        file.fold(random, blank);
        file.verbatim("w");
        file.verbatim(&random.line(&of));
    }
}

fn single_quoted(file: &mut File, random: &mut Random) {
    let of = [&LETTERS[..], &['\'', '\'', '"', '\\', '#', ':', '-', '|', '@']].concat();
    let put = |file: &mut File, text: &str| {
        for character in text.chars() {
            match character {
                '\'' => file.push('\'', "''"),
                other => file.verbatim(other.encode_utf8(&mut [0; 4])),
            }
        }
    };
    file.text.push('\'');
    file.verbatim(&" ".repeat(random.below(3)));
    put(file, &random.line(&of));
    for _ in 0..random.below(4) {
        let blank = random.below(3);
        // Blanks before a line break are no text.
        file.text.push_str(&" ".repeat(random.below(3)));
        file.fold(random, blank);
        put(file, &random.line(&of));
    }
    file.verbatim(&" ".repeat(random.below(3)));
    file.text.push('\'');
}

fn double_quoted(file: &mut File, random: &mut Random) {
    let of = [&LETTERS[..], &['"', '\\', '\n', '\t', '\u{7}', '\'', '#', ':', '\u{a0}']].concat();
    let put = |file: &mut File, random: &mut Random, text: &str| {
        for character in text.chars() {
            let code = u32::from(character);
            let short = match character {
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '\n' => Some("\\n"),
                '\t' => Some("\\t"),
                '\u{7}' => Some("\\a"),
                '/' => Some("\\/"),
                '\u{a0}' => Some("\\_"),
                ' ' => Some("\\ "),
                _ => None,
            };
            let raw = match random.below(6) {
                0 if code < 0x100 => format!("\\x{code:02x}"),
                1 if code < 0x1_0000 => format!("\\u{code:04X}"),
                2 => format!("\\U{code:08x}"),
                _ => match short {
                    Some(short) if character != ' ' || random.below(4) == 0 => short.to_owned(),
                    Some(_) | None => character.to_string(),
                },
            };
            file.push(character, &raw);
        }
    };
    file.text.push('"');
    let line = random_line(random, &of);
    put(file, random, &line);
    for _ in 0..random.below(4) {
        match random.below(2) {
            0 => {
                let blank = random.below(3);
                file.text.push_str(&" ".repeat(random.below(3)));
                file.fold(random, blank);
            }
            _ => {
                // A line that goes on in the next one.
                file.text.push('\\');
                file.text.push_str(file.line_break);
                file.text.push_str("    ");
            }
        }
        let line = random_line(random, &of);
        put(file, random, &line);
    }
    file.text.push('"');
}

/// A line that neither begins nor ends with white space, escaped or not.
fn random_line(random: &mut Random, of: &[char]) -> String {
    format!("<{}>", random.line(of))
}

/// A block scalar: its lines with their content, which may be empty or begin with blanks.
fn block(file: &mut File, random: &mut Random, folded: bool) {
    let of = [&LETTERS[..], &['"', '\'', '\\', '#', ':', '-', '>', '|']].concat();
    let mut lines: Vec<String> = (0..=random.below(6))
        .map(|_| match random.below(5) {
            0 => String::new(),
            1 => format!("{}{}", " ".repeat(1 + random.below(3)), random.line(&of)),
            _ => random.line(&of),
        })
        .collect();
    lines.push(random.line(&of));
    let first = lines.iter().find(|line| !line.is_empty()).expect("the last one is not empty");
    file.text.push(if folded { '>' } else { '|' });
    if first.starts_with(' ') {
        // Two more than the mapping's two: the indentation can't be seen from the first line.
        file.text.push('2');
    }
    let strip = random.below(2) == 0;
    if strip {
        file.text.push('-');
    }
    let mut before: Option<&String> = None;
    let mut blank = 0;
    for line in &lines {
        file.text.push_str(file.line_break);
        if line.is_empty() {
            blank += 1;
            continue;
        }
        let indented = |line: &str| line.starts_with(' ');
        let breaks = match before {
            None => blank,
            Some(before) if folded && !indented(before) && !indented(line) => match blank {
                0 => {
                    file.decoded.push(' ');
                    0
                }
                blank => blank,
            },
            Some(_) => blank + 1,
        };
        file.decoded.push_str(&"\n".repeat(breaks));
        file.text.push_str("    ");
        file.verbatim(line);
        (before, blank) = (Some(line), 0);
    }
    if !strip {
        file.decoded.push('\n');
    }
}

fn check(style: &str, write: impl Fn(&mut File, &mut Random)) {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let line_break = if random.below(4) == 0 { "\r\n" } else { "\n" };
        let before = ["é: [1]", "# 漢", "other: {a: 'b'}"][random.below(3)];
        let text = format!("{before}{line_break}top:{line_break}  s: ");
        let mut file = File { text, line_break, decoded: String::new(), places: Vec::new() };
        write(&mut file, &mut random);
        file.text.push_str(line_break);
        file.text.push_str("  after: 1");
        file.text.push_str(line_break);

        let (documents, mistakes) = yaml::read(&file.text);
        let context = || format!("{style}, seed {seed}:\n{}\n{:?}", file.text, file.text);
        assert_eq!(mistakes, [], "{}", context());
        let [document] = &documents[..] else { panic!("{}", context()) };
        let found = document.value.pointer("/top/s").and_then(Value::as_str);
        assert_eq!(found, Some(&*file.decoded), "{}", context());
        let path: FieldPath = "top.s".parse().expect("a path");
        for (decoded, place) in &file.places {
            let inside = Place::inside(path.clone(), decoded.clone());
            let span = document.map.span(&inside).expect("the document has it");
            assert_eq!(
                span,
                *place,
                "{:?} at {decoded:?} is shown as {:?}: {}",
                &file.decoded[decoded.clone()],
                &file.text[span.clone()],
                context()
            );
        }
    }
}

#[test]
fn every_character_of_a_plain_scalar_is_found() {
    check("plain", plain);
}

#[test]
fn every_character_of_a_single_quoted_scalar_is_found() {
    check("single-quoted", single_quoted);
}

#[test]
fn every_character_of_a_double_quoted_scalar_is_found() {
    check("double-quoted", double_quoted);
}

#[test]
fn every_character_of_a_literal_scalar_is_found() {
    check("literal", |file, random| block(file, random, false));
}

#[test]
fn every_character_of_a_folded_scalar_is_found() {
    check("folded", |file, random| block(file, random, true));
}
