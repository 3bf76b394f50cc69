//! Streams of changes: on, off, and the name of the latest one.

use jiff::Timestamp;

use super::Input;
use super::table::Stream;
use super::table::Table;
use crate::failure::Failure;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";

/// The stream that a request asks for: none, or one that shows a view.
fn wanted(input: &Input) -> Result<Option<Option<&str>>, Failure> {
    let Some(specification) = input.get("StreamSpecification") else { return Ok(None) };
    let view = specification["StreamViewType"].as_str();
    match (specification["StreamEnabled"] == true, view) {
        (true, Some(view)) => Ok(Some(Some(view))),
        (false, None) => Ok(Some(None)),
        (true, None) => Err(validation(format!(
            "{INVALID}StreamViewType must be specified when StreamEnabled is true"
        ))),
        (false, Some(_)) => Err(validation(format!(
            "{INVALID}StreamViewType cannot be specified when StreamEnabled is false"
        ))),
    }
}

fn started(view: &str, now: Timestamp) -> Stream {
    let label = now.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string();
    Stream { view: Some(view.to_owned()), label }
}

/// The stream of a new table.
pub(super) fn read(input: &Input, now: Timestamp) -> Result<Option<Stream>, Failure> {
    Ok(wanted(input)?.flatten().map(|view| started(view, now)))
}

/// Switches the stream of a table.
pub(super) fn change(table: &mut Table, input: &Input, now: Timestamp) -> Result<(), Failure> {
    let on = table.stream.as_ref().is_some_and(|stream| stream.view.is_some());
    match (wanted(input)?, on) {
        (None, _) => {}
        (Some(Some(_)), true) => {
            return Err(validation(format!(
                "{INVALID}Table already has an enabled stream: TableName: {}",
                table.name
            )));
        }
        (Some(None), false) => {
            return Err(validation(format!(
                "{INVALID}Table has no stream to disable: TableName: {}",
                table.name
            )));
        }
        (Some(Some(view)), false) => table.stream = Some(started(view, now)),
        // What was written stays readable for a day: the latest stream keeps its name.
        (Some(None), true) => {
            if let Some(stream) = &mut table.stream {
                stream.view = None;
            }
        }
    }
    Ok(())
}
