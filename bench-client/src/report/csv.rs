//! A line for each interval of each run.

use crate::saved::{Run, Saved, Second};

const HEAD: [&str; 15] = [
    "run",
    "name",
    "workload",
    "end_s",
    "length_s",
    "answers",
    "answers_per_s",
    "p50_ns",
    "p99_ns",
    "max_ns",
    "errors",
    "server_cpu_share",
    "client_cpu_share",
    "server_resident_bytes",
    "client_resident_bytes",
];

/// All intervals, with a head. A figure that there is none of is empty.
pub(crate) fn seconds(saved: &Saved) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    // Writing to a vector cannot fail, and every record has the head's length.
    let _ = writer.write_record(HEAD);
    for (index, run) in saved.runs.iter().enumerate() {
        for second in &run.series {
            let _ = writer.write_record(record(index + 1, run, second));
        }
    }
    writer.into_inner().unwrap_or_default()
}

fn record(number: usize, run: &Run, second: &Second) -> [String; HEAD.len()] {
    [
        number.to_string(),
        run.name.clone(),
        run.workload.hash.clone(),
        second.end_s.to_string(),
        second.length_s.to_string(),
        second.answers.to_string(),
        or_empty(second.answers_per_s()),
        second.p50.to_string(),
        second.p99.to_string(),
        second.max.to_string(),
        second.errors().to_string(),
        or_empty(second.server_cpu_share),
        or_empty(second.client_cpu_share),
        or_empty(second.server_resident_bytes),
        or_empty(second.client_resident_bytes),
    ]
}

fn or_empty(figure: Option<impl ToString>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_is_a_line_and_any_name_a_field() {
        let mut run = Run::example("a,\"b\"\nc", 10.0);
        run.series = vec![Second::example(1), Second::example(2)];
        let text = seconds(&Saved::example([run]));
        let mut reader = ::csv::Reader::from_reader(&text[..]);
        let head = reader.headers().unwrap().clone();
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 2);
        let field = |name| &records[1][head.iter().position(|field| field == name).unwrap()];
        assert_eq!(field("name"), "a,\"b\"\nc");
        assert_eq!((field("run"), field("end_s"), field("errors")), ("1", "2", "3"));
        assert_eq!(field("answers_per_s"), "1000");
        assert_eq!(field("client_resident_bytes"), "");
    }
}
