//! The fuzz targets over the committed corpus, and over mutations of it.

use crate::targets;

const CORPUS: &str = include_str!("../fixtures/fuzz/corpus.txt");

/// A line of the corpus: `\xNN` stands for a byte.
fn entry(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("\\x") {
        bytes.extend(rest[..at].bytes());
        let digits = rest.get(at + 2..at + 4).and_then(|d| u8::from_str_radix(d, 16).ok());
        match digits {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[at + 4..];
            }
            None => {
                bytes.extend(b"\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    bytes.extend(rest.bytes());
    bytes
}

fn corpus() -> Vec<Vec<u8>> {
    let corpus: Vec<Vec<u8>> = CORPUS.lines().filter(|line| !line.is_empty()).map(entry).collect();
    assert!(corpus.len() >= 100, "only {} entries", corpus.len());
    corpus
}

/// Numbers that look random and are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// Parts of two entries, with some bytes changed.
fn mutation(corpus: &[Vec<u8>], seed: &mut Seeded) -> Vec<u8> {
    let (first, second) = (&corpus[seed.below(corpus.len())], &corpus[seed.below(corpus.len())]);
    let mut bytes = first[..seed.below(first.len() + 1)].to_vec();
    bytes.extend(&second[seed.below(second.len() + 1)..]);
    for _ in 0..seed.below(4) {
        let at = seed.below(bytes.len() + 1);
        let byte = b"()[]{}.,:?!&|<>=+-*/% 'a\"1\\xlsmdo\0\xff"[seed.below(35)];
        match seed.below(3) {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => bytes[at] = byte,
            _ if at < bytes.len() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

fn run(target: fn(&[u8])) {
    let corpus = corpus();
    corpus.iter().for_each(|bytes| target(bytes));
    let mut seed = Seeded(1);
    for _ in 0..500 {
        target(&mutation(&corpus, &mut seed));
    }
}

#[test]
fn parser() {
    run(targets::parser);
}

#[test]
fn checker() {
    run(targets::checker);
}

#[test]
fn evaluator() {
    run(targets::evaluator);
}
