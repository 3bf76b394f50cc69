//! The emulator of AWS as strangers see it: beside moto, and by the commands of its page.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use xtask::conformance::strangers::{Arguments, Outcome, python, run};

/// Where Python or its packages can't be had, the test says that it is skipped.
#[test]
fn the_emulator_answers_as_a_stranger_does() {
    match run(&Arguments::short()).unwrap() {
        Outcome::Ran(report) => {
            println!("{}", report.to_string().lines().last().unwrap_or_default());
            assert!(report.succeeded(), "{report}");
            assert!(report.passed() >= 250, "only {} were answered alike", report.passed());
        }
        Outcome::Left(why) => println!("skipped: the_emulator_answers_as_a_stranger_does: {why}"),
    }
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The AWS command line and boto3 against `kro aws-emulator`, by the variables that it prints.
#[test]
fn the_commands_of_its_page_work() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return println!("skipped: the_commands_of_its_page_work: {why}"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let kro = e2e::binaries::workspace_binary("kro", "kro").unwrap();
    let mut emulator = Command::new(kro)
        .args(["aws-emulator", "--port", "0", "--table-delay", "200"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(emulator.stdout.take().unwrap());
    let _running = Running(emulator);
    let variables: Vec<(String, String)> = said
        .lines()
        .take(5)
        .map(|line| {
            let line = line.unwrap();
            let (name, value) =
                line.strip_prefix("export ").unwrap().split_once('=').expect("a variable");
            (name.to_owned(), value.to_owned())
        })
        .collect();

    let page = std::fs::read_to_string(root.join("docs/emulator.md")).unwrap();
    let mut ran = 0;
    for (kind, program) in [("sh", Path::new("sh")), ("python", python.as_path())] {
        for block in page.split(&format!("```{kind}\n")).skip(1) {
            let (text, _) = block.split_once("```").expect("a block ends");
            let mut search = python.parent().unwrap().as_os_str().to_owned();
            search.push(":/usr/bin:/bin");
            let output = Command::new(program)
                .args((kind == "sh").then_some("-e"))
                .args(["-c", text])
                .envs(variables.clone())
                .env("PATH", search)
                .env("AWS_PAGER", "")
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{text}\n{errors}");
            ran += 1;
        }
    }
    assert_eq!(ran, 2, "the page has commands and a program");
}
