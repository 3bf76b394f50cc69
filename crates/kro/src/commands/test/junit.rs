//! Results as JUnit's XML.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::commands::test::Outcome;
use crate::terminal::Stream;

pub(super) fn write(outcomes: &[Outcome], out: &mut Stream) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        suites.entry(&outcome.file).or_default().push(outcome);
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"kro\">")?;
    for (file, outcomes) in suites {
        let failures = outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).count();
        let time: Duration = outcomes.iter().map(|outcome| outcome.time).sum();
        let (name, count) = (escape(file), outcomes.len());
        let time = time.as_secs_f64();
        writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{failures}\" time=\"{time:.3}\">"
        )?;
        for outcome in outcomes {
            let (case, time) = (escape(&outcome.name), outcome.time.as_secs_f64());
            write!(out, "    <testcase classname=\"{name}\" name=\"{case}\" time=\"{time:.3}\"")?;
            if outcome.problems.is_empty() {
                writeln!(out, "/>")?;
                continue;
            }
            writeln!(out, ">")?;
            let problems: Vec<String> =
                outcome.problems.iter().map(|problem| escape(&problem.to_string())).collect();
            let first = problems.first().map_or("", String::as_str);
            writeln!(out, "      <failure message=\"{first}\">{}</failure>", problems.join("\n"))?;
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            // XML 1.0 has no way to write other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => "\u{fffd}".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
