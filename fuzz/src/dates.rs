//! A second reader of the dates of HTTP, for the fuzz targets: RFC 9110, 5.6.7.

/// What a text is as a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Date {
    /// In seconds since 1970.
    At(i64),
    /// Two digits are its year, or it lies before 1970, which readers take in
    /// different ways.
    Unclear,
    None,
}

const DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A date is a text that is written as it is when its numbers are written in one
/// of the three forms.
pub fn read_date(text: &str) -> Date {
    let words: Vec<_> = text
        .split([' ', ',', '-', ':'])
        .filter(|word| !word.is_empty())
        .collect();
    let (year, month, rest) = match words[..] {
        [_, day, month, year, hour, minute, second, "GMT"] => (year, month, [day, hour, minute, second]),
        [_, month, day, hour, minute, second, year] => (year, month, [day, hour, minute, second]),
        _ => return Date::None,
    };
    let month = MONTHS.iter().position(|known| *known == month);
    let numbers = rest.map(|word| word.parse::<i64>().ok());
    let (Some(month), Ok(year), [Some(day), Some(hour), Some(minute), Some(second)]) =
        (month, year.parse::<i64>(), numbers)
    else {
        return Date::None;
    };
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    if !is_time || !(0..10_000).contains(&year) || !(1..32).contains(&day) {
        return Date::None;
    }
    let is_short = year < 100 && text.contains('-');
    let mut years = if is_short {
        vec![year + 1900, year + 2000]
    } else {
        vec![year]
    };
    years.retain(|year| {
        let days = days_since_1970(*year, month as i64 + 1, day);
        days.is_some_and(|days| {
            written(days, *year, month, day, [hour, minute, second])
                .iter()
                .any(|form| form == text)
        })
    });
    match years[..] {
        [] => Date::None,
        [year] if !is_short && year >= 1970 => {
            let days = days_since_1970(year, month as i64 + 1, day).unwrap_or_default();
            Date::At(((days * 24 + hour) * 60 + minute) * 60 + second)
        }
        _ => Date::Unclear,
    }
}

/// Counted from the first of March, so that the day that is not always there
/// comes last; `None` for a day that its month does not have.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let before = |year: i64, month: i64| {
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5
    };
    let next = if month == 12 {
        before(year + 1, 1)
    } else {
        before(year, month + 1)
    };
    let days = before(year, month) + day - 1;
    (days < next).then(|| days - before(1970, 1))
}

fn written(days: i64, year: i64, month: usize, day: i64, [hour, minute, second]: [i64; 3]) -> [String; 3] {
    let (name, month) = (DAYS[days.rem_euclid(7) as usize], MONTHS[month]);
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    [
        format!("{}, {day:02} {month} {year:04} {time} GMT", &name[..3]),
        format!("{name}, {day:02}-{month}-{:02} {time} GMT", year % 100),
        format!("{} {month} {day:2} {time} {year:04}", &name[..3]),
    ]
}
