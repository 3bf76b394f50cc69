//! `kro explain`: the page of a code.

use std::io::{self, Write as _};

use clap::Args;
use diagnostics::Code;

use crate::terminal::Stream;
use crate::{Exit, Failure, Terminal};

/// The pages, by code.
const PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Arguments of `kro explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro explain KRO0303
  kro explain 303
  kro explain")]
pub(crate) struct ExplainArgs {
    /// The code of a mistake; without one, all codes are listed.
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(args: &ExplainArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let Some(name) = &args.code else {
        for code in Code::ALL {
            let number = terminal.out.green(&code.to_string());
            writeln!(terminal.out, "{number} {}", code.title())?;
        }
        return Ok(Exit::Good);
    };
    let unknown = || Failure::Usage(format!("there is no code `{name}`; `kro explain` lists all"));
    let code: Code = name.parse().map_err(|_| unknown())?;
    let title = code.to_string();
    let page = PAGES.iter().find(|(name, _)| *name == title).ok_or_else(unknown)?;
    write_page(page.1, &mut terminal.out)?;
    Ok(Exit::Good)
}

/// Writes a page as it stands; on a terminal headings stand out.
fn write_page(page: &str, out: &mut Stream) -> io::Result<()> {
    let mut in_fence = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
            if out.styled {
                continue;
            }
        }
        match line.trim_start_matches('#') {
            heading if heading.len() < line.len() && !in_fence && out.styled => {
                writeln!(out, "{}", out.green(heading.trim_start()))?;
            }
            _ if in_fence && out.styled => writeln!(out, "    {line}")?,
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diagnostics::Code;

    use super::PAGES;

    #[test]
    fn every_code_has_a_page_that_begins_with_its_title() {
        let names: Vec<String> = Code::ALL.iter().map(ToString::to_string).collect();
        let pages: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
        assert_eq!(pages, names);
        for (code, (name, page)) in Code::ALL.iter().zip(PAGES) {
            let heading = format!("# {name}: {}\n\n", code.title());
            assert!(page.starts_with(&heading), "{name} must begin with `{}`", heading.trim());
        }
    }
}
