//! Random changes of recorded definitions: the compiler never panics, and is of one mind.

use ::builtins::Version;
use anyhow::Context as _;
use diagnostics::yaml;
use graph::{Kind, Kinds, Options, compile_definition};
use serde_json::{Map, Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// What is changed: the recorded definitions that the project carries.
pub struct Corpus {
    texts: Vec<String>,
    kinds: Kinds,
}

impl Corpus {
    /// Reads all `*.rgd.yaml` below a folder.
    ///
    /// # Errors
    /// When the folder can't be read, or has none.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let mut folders = vec![dir.to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).context(folder.display().to_string())?;
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(".rgd.yaml") {
                    files.push(path);
                }
            }
        }
        files.sort();
        anyhow::ensure!(!files.is_empty(), "no definitions in {}", dir.display());
        let texts = files.iter().map(std::fs::read_to_string).collect::<Result<_, _>>()?;
        let built_in = ::builtins::kinds(Version::V1_34);
        let mut kinds = Kinds::new();
        for gvk in built_in.names() {
            let Some(known) = built_in.get(&gvk) else { continue };
            let plural = known.plural.clone().unwrap_or_default();
            let namespaced = known.namespaced.unwrap_or(true);
            let kind = Kind { gvk: gvk.clone(), plural, namespaced, schema: known.schema.clone() };
            kinds.insert(gvk, Arc::new(kind));
        }
        Ok(Self { texts, kinds })
    }

    /// Changes one definition, as the number says, and compiles it; gives back how many mistakes were found.
    ///
    /// # Errors
    /// When something panics, a graph and an error come together, or a second run says something else.
    pub fn run(&self, seed: u64) -> Result<usize, String> {
        let mut random = Random(seed);
        let text = random.pick(&self.texts).clone();
        let text = if random.below(2) == 0 { random.change_text(&text) } else { text };
        let options = Options { omit: random.below(2) == 0, ..Options::default() };
        let attempt = || {
            let mut found = 0;
            for document in yaml::read(&text).0 {
                let mut definition = document.value;
                let mut random = Random(seed.rotate_left(7));
                for _ in 0..random.below(6) {
                    random.change(&mut definition);
                }
                let (graph, mistakes) = compile_definition(&definition, &self.kinds, &options);
                if graph.is_some() == mistakes.has_errors() {
                    return Err(format!("a graph and: {mistakes}\n{definition}"));
                }
                if seed.is_multiple_of(8) {
                    let (again, same) = compile_definition(&definition, &self.kinds, &options);
                    let crd = |graph: &Option<graph::Graph>| {
                        graph.as_ref().map(|graph| graph.instance.crd.to_string())
                    };
                    if mistakes != same || crd(&graph) != crd(&again) {
                        return Err(format!("at first: {mistakes}\nthen: {same}\n{definition}"));
                    }
                }
                found += mistakes.len();
            }
            Ok(found)
        };
        catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|_| Err(format!("a panic\n{text}")))
            .map_err(|error| format!("seed {seed}: {error}"))
    }
}

/// A stream of numbers (splitmix64).
struct Random(u64);

/// What is put in place of something else.
const TEXTS: [&str; 32] = [
    "",
    "${",
    "${}",
    "${schema.spec.name}",
    "${schema.spec}",
    "${schema}",
    "a ${schema.spec.name} b ${each.x}",
    "${each.status.x}",
    "${omit()}",
    "${runtime.newCondition({type: 'A', status: 'True'})}",
    "${runtime.condition(schema, 'Ready').status}",
    "${[1, 2].map(x, x)}",
    "${config.metadata.name}",
    "${config}",
    "${{\"a\": {}}}",
    "${\"${\"}",
    "${'}'}",
    "${lists.range(3)}",
    "${string(1)}",
    "${null}",
    "${true}",
    "string | required=true default=\"x\"",
    "[]string | minItems=1",
    "map[string][]integer",
    "[][][][]T",
    "integer | default=\u{e9} enum=\"1,,2\"",
    "string | pattern=\"[\"",
    "é\u{0}\u{301}",
    "apiVersion",
    "kro.run/x",
    "v1",
    "ConfigMap",
];

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// Changes a few characters or lines.
    fn change_text(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(4) {
            let at = self.below(chars.len());
            let end = (at + 1 + self.below(8)).min(chars.len());
            match self.below(4) {
                0 if at < end => {
                    chars.drain(at..end);
                }
                1 => {
                    let extra: Vec<char> = (*self.pick(&TEXTS)).chars().collect();
                    chars.splice(at..at, extra);
                }
                2 if at < end => {
                    let copy: Vec<char> = chars[at..end].to_vec();
                    chars.splice(at..at, copy);
                }
                _ if at < chars.len() => {
                    chars[at] = *self
                        .pick(&['\n', ' ', ':', '$', '{', '}', '"', '\'', '|', '-', '[', '#', 'é']);
                }
                _ => {}
            }
        }
        chars.into_iter().collect()
    }

    /// Changes one value somewhere.
    fn change(&mut self, value: &mut Value) {
        let deeper = self.below(8) > 0;
        match value {
            Value::Object(fields) if deeper && !fields.is_empty() => {
                let at = self.below(fields.len());
                let key = fields.keys().nth(at).cloned().unwrap_or_default();
                match self.below(12) {
                    0 => {
                        fields.remove(&key);
                    }
                    1 => {
                        let other = (*self.pick(&TEXTS)).to_owned();
                        let moved = fields.remove(&key).unwrap_or_default();
                        fields.insert(other, moved);
                    }
                    _ => {
                        if let Some(inner) = fields.get_mut(&key) {
                            self.change(inner);
                        }
                    }
                }
            }
            Value::Array(items) if deeper && !items.is_empty() => {
                let at = self.below(items.len());
                match self.below(12) {
                    0 => {
                        items.remove(at);
                    }
                    1 => items.push(items[at].clone()),
                    _ => self.change(&mut items[at]),
                }
            }
            Value::String(text) if self.below(2) == 0 => *text = self.change_text(text),
            other => *other = self.value(),
        }
    }

    fn value(&mut self) -> Value {
        match self.below(9) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(1.5),
            4 => json!(u64::MAX),
            5 => json!([]),
            6 => Value::Object(Map::new()),
            7 => json!({(*self.pick(&TEXTS)): [*self.pick(&TEXTS)]}),
            _ => json!(*self.pick(&TEXTS)),
        }
    }
}
