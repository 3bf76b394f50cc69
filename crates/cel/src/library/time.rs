//! Parts of points and spans of time.

use crate::{CallResult, Civil, ErrorKind, Library, Row, Timestamp, Value};

/// Replaces `getMilliseconds` of a duration by that of the specification: the milliseconds of the second, not all of them.
pub static DURATION_PARTS: Library = Library {
    name: "duration parts",
    doc: "`getMilliseconds` of a duration gives the milliseconds of its second.",
    functions: &[&[Row::new(
        "duration_to_milliseconds",
        "(duration).getMilliseconds(): int",
        "The milliseconds of the second.",
        |args| match args {
            [Value::Duration(v)] => Ok(Value::Int(v.nanos() / 1_000_000 % 1_000)),
            _ => Err(ErrorKind::overload("getMilliseconds", args)),
        },
    )]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

pub(super) static ROWS: &[Row] = &[
    Row::new("timestamp_to_fullyear", "(timestamp).getFullYear(): int", "The year.", full_year),
    Row::new(
        "timestamp_to_fullyear_with_tz",
        "(timestamp).getFullYear(string): int",
        "The year in a time zone.",
        full_year,
    ),
    Row::new("timestamp_to_month", "(timestamp).getMonth(): int", "The month from 0.", month),
    Row::new(
        "timestamp_to_month_with_tz",
        "(timestamp).getMonth(string): int",
        "The month from 0 in a time zone.",
        month,
    ),
    Row::new(
        "timestamp_to_dayofyear",
        "(timestamp).getDayOfYear(): int",
        "The day of the year from 0.",
        day_of_year,
    ),
    Row::new(
        "timestamp_to_dayofyear_with_tz",
        "(timestamp).getDayOfYear(string): int",
        "The day of the year from 0 in a time zone.",
        day_of_year,
    ),
    Row::new(
        "timestamp_to_dayofmonth",
        "(timestamp).getDayOfMonth(): int",
        "The day of the month from 0.",
        day_of_month,
    ),
    Row::new(
        "timestamp_to_dayofmonth_with_tz",
        "(timestamp).getDayOfMonth(string): int",
        "The day of the month from 0 in a time zone.",
        day_of_month,
    ),
    Row::new(
        "timestamp_to_date",
        "(timestamp).getDate(): int",
        "The day of the month from 1.",
        date,
    ),
    Row::new(
        "timestamp_to_date_with_tz",
        "(timestamp).getDate(string): int",
        "The day of the month from 1 in a time zone.",
        date,
    ),
    Row::new(
        "timestamp_to_dayofweek",
        "(timestamp).getDayOfWeek(): int",
        "The day of the week, 0 is Sunday.",
        day_of_week,
    ),
    Row::new(
        "timestamp_to_dayofweek_with_tz",
        "(timestamp).getDayOfWeek(string): int",
        "The day of the week, 0 is Sunday in a time zone.",
        day_of_week,
    ),
    Row::new("timestamp_to_hours", "(timestamp).getHours(): int", "The hour.", hours),
    Row::new(
        "timestamp_to_hours_with_tz",
        "(timestamp).getHours(string): int",
        "The hour in a time zone.",
        hours,
    ),
    Row::new("duration_to_hours", "(duration).getHours(): int", "Whole hours.", hours),
    Row::new("timestamp_to_minutes", "(timestamp).getMinutes(): int", "The minute.", minutes),
    Row::new(
        "timestamp_to_minutes_with_tz",
        "(timestamp).getMinutes(string): int",
        "The minute in a time zone.",
        minutes,
    ),
    Row::new("duration_to_minutes", "(duration).getMinutes(): int", "Whole minutes.", minutes),
    Row::new("timestamp_to_seconds", "(timestamp).getSeconds(): int", "The second.", seconds),
    Row::new(
        "timestamp_to_seconds_with_tz",
        "(timestamp).getSeconds(string): int",
        "The second in a time zone.",
        seconds,
    ),
    Row::new("duration_to_seconds", "(duration).getSeconds(): int", "Whole seconds.", seconds),
    Row::new(
        "timestamp_to_milliseconds",
        "(timestamp).getMilliseconds(): int",
        "The milliseconds of the second.",
        milliseconds,
    ),
    Row::new(
        "timestamp_to_milliseconds_with_tz",
        "(timestamp).getMilliseconds(string): int",
        "The milliseconds of the second in a time zone.",
        milliseconds,
    ),
    Row::new(
        "duration_to_milliseconds",
        "(duration).getMilliseconds(): int",
        "Whole milliseconds.",
        milliseconds,
    ),
];

/// A part of the calendar fields at the zone of the second argument.
fn part<'a>(
    function: &'static str,
    args: &[Value<'a>],
    get: fn(Civil, Timestamp) -> i64,
) -> CallResult<'a> {
    let (time, zone) = match args {
        [Value::Timestamp(time)] => {
            // Without a zone the fields are those of UTC.
            return Ok(Value::Int(get(time.civil(0), *time)));
        }
        [Value::Timestamp(time), Value::String(zone)] => (time, &**zone),
        _ => return Err(ErrorKind::overload(function, args)),
    };
    let offset = time.offset_in(zone).map_err(|reason| ErrorKind::argument(function, reason))?;
    Ok(Value::Int(get(time.civil(offset), *time)))
}

fn full_year<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    part("getFullYear", args, |c, _| c.year)
}

fn month<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    part("getMonth", args, |c, _| i64::from(c.month) - 1)
}

fn day_of_year<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    part("getDayOfYear", args, |c, _| i64::from(c.day_of_year))
}

fn day_of_month<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    part("getDayOfMonth", args, |c, _| i64::from(c.day) - 1)
}

fn date<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    part("getDate", args, |c, _| i64::from(c.day))
}

fn day_of_week<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    part("getDayOfWeek", args, |c, _| i64::from(c.day_of_week))
}

fn hours<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Duration(v)] => Ok(Value::Int(v.nanos() / 3_600_000_000_000)),
        _ => part("getHours", args, |c, _| i64::from(c.hour)),
    }
}

fn minutes<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Duration(v)] => Ok(Value::Int(v.nanos() / 60_000_000_000)),
        _ => part("getMinutes", args, |c, _| i64::from(c.minute)),
    }
}

fn seconds<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Duration(v)] => Ok(Value::Int(v.nanos() / 1_000_000_000)),
        _ => part("getSeconds", args, |c, _| i64::from(c.second)),
    }
}

fn milliseconds<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Duration(v)] => Ok(Value::Int(v.nanos() / 1_000_000)),
        _ => part("getMilliseconds", args, |_, t| i64::from(t.nanos() / 1_000_000)),
    }
}
