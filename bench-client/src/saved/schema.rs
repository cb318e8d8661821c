//! The schema that is published describes what is saved, no more and no less.

use jsonschema::Validator;
use serde_json::Value;

use super::Saved;
use super::judgement::Knee;
use super::run::Run;

const SCHEMA: &str = include_str!("../../schema/report.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn faults(value: &Value) -> Vec<String> {
    validator().iter_errors(value).map(|err| err.to_string()).collect()
}

/// What has every list filled and every figure there.
fn full() -> Value {
    let mut run = Run::full("a");
    run.series[0].histogram = Some(run.service_time.histogram.clone());
    let saved = Saved {
        runs: vec![run, Run::example("b", 1.0)],
        knees: vec![Knee::of("64", [(1, 100.0), (10, 1000.0), (100, 1000.0)])],
        ..Saved::compared()
    };
    serde_json::to_value(saved).unwrap()
}

#[test]
fn everything_that_is_saved_is_described() {
    assert_eq!(faults(&full()), Vec::<String>::new());
}

#[test]
fn a_field_that_the_schema_lacks_is_found_wherever_it_is() {
    for place in [
        "",
        "/machine",
        "/runs/0",
        "/runs/0/workload",
        "/runs/0/server",
        "/runs/0/memory",
        "/runs/0/connections/tls/0",
        "/runs/0/ceiling",
        "/runs/0/series/0",
        "/judgements/0",
        "/judgements/0/b",
        "/judgements/0/figures/0",
        "/judgements/0/figures/0/interval",
        "/knees/0",
    ] {
        let mut value = full();
        let object = value.pointer_mut(place).unwrap().as_object_mut().unwrap();
        object.insert("new_field".to_owned(), Value::Null);
        assert!(faults(&value).concat().contains("new_field"), "{place}");
    }
}

#[test]
fn a_field_that_is_gone_is_found() {
    let mut value = full();
    let run = value.pointer_mut("/runs/1").unwrap().as_object_mut().unwrap();
    run.remove("unfinished");
    assert!(faults(&value).concat().contains("unfinished"));
}

#[test]
fn a_file_of_before_there_were_judgements_is_described_and_read() {
    let mut value = full();
    for field in ["judgements", "knees"] {
        value.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(faults(&value), Vec::<String>::new());
    assert!(serde_json::from_value::<Saved>(value).unwrap().judgements.is_empty());
}

#[test]
fn a_file_of_before_page_tables_were_counted_is_described_and_read() {
    let mut value = full();
    for run in value["runs"].as_array_mut().unwrap() {
        let memory = run["memory"].as_object_mut().unwrap();
        memory.retain(|field, _| !field.contains("page_table"));
    }
    assert_eq!(faults(&value), Vec::<String>::new());
    let saved = serde_json::from_value::<Saved>(value).unwrap();
    let memory = saved.runs[0].memory.unwrap();
    assert_eq!(memory.page_table_bytes_per_client, None);
}

#[test]
fn a_file_of_before_connections_were_counted_is_described_and_read() {
    let mut value = full();
    for run in value["runs"].as_array_mut().unwrap() {
        let connections = run["connections"].as_object_mut().unwrap();
        connections.retain(|field, _| !field.starts_with("opened") && !field.starts_with("closed"));
    }
    assert_eq!(faults(&value), Vec::<String>::new());
    let saved = serde_json::from_value::<Saved>(value).unwrap();
    assert_eq!(saved.runs[0].connections.opened, None);
}

#[test]
fn every_field_has_a_description_and_no_object_is_open() {
    let schema = schema();
    let objects = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for object in objects {
        assert_eq!(object["additionalProperties"], false, "{object}");
        for (name, field) in object["properties"].as_object().unwrap() {
            let text = field["description"].as_str().unwrap_or_default();
            assert!(text.len() > 4, "{name}");
        }
    }
}
