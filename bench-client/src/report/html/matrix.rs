//! Several loads at a glance: a table for each figure, a row for each load, a
//! column for each server; of one server under loads that differ in two things,
//! a row for each of the one and a column for each of the other.

use maud::{Markup, html};

use crate::base::percentile::Percentile;
use crate::report::grouping::{Comparison, Rounds};
use crate::report::lines::{Line, lines};
use crate::saved::Workload;

/// What loads can differ in: its name, and its value in a load.
type Field = (&'static str, fn(&Workload) -> String);

const FIELDS: [Field; 12] = [
    ("clients", |load| load.clients.to_string()),
    ("size", |load| load.size.clone()),
    ("depth", |load| load.depth.to_string()),
    ("rate", |load| load.rate.clone().unwrap_or_default()),
    ("protocol", |load| load.protocol.clone()),
    ("mode", |load| load.mode.clone()),
    ("connections", |load| load.churn.clone()),
    ("idle", |load| if load.idle { "yes" } else { "no" }.to_owned()),
    ("think", |load| load.think.clone().unwrap_or_default()),
    ("verify", |load| load.verify.clone()),
    ("request", |load| load.request.clone().unwrap_or_default()),
    ("seed", |load| load.seed.to_string()),
];

/// A table for each figure that tells the most.
pub(super) fn section(comparisons: &[Comparison<'_>], asked: &[Percentile]) -> Markup {
    let grid = Grid::of(comparisons);
    let lines = lines(asked);
    let main = lines.iter().filter(|line| line.leads() || line.is_on_card());
    let found = main.filter(|line| comparisons.iter().any(|comparison| line.is_in(comparison)));
    html! {
        div class="matrices" {
            @for line in found {
                div {
                    h3 { (line.label(comparisons[0].workload)) }
                    (grid.table(line))
                }
            }
        }
    }
}

/// Where each side of each load stands.
struct Grid<'a> {
    corner: String,
    rows: Vec<String>,
    columns: Vec<String>,
    cells: Vec<Place<'a>>,
}

struct Place<'a> {
    row: usize,
    column: usize,
    side: &'a Rounds<'a>,
}

impl<'a> Grid<'a> {
    fn of(comparisons: &'a [Comparison<'a>]) -> Grid<'a> {
        let fields = differing(comparisons);
        let one_server = comparisons.iter().all(|one| one.is_of(&comparisons[0].workload.target));
        let (down, across) = match fields[..] {
            [down, across] if one_server => (vec![down], Some(across)),
            _ => (fields, None),
        };
        let names: Vec<_> = down.iter().map(|(name, _)| *name).collect();
        let corner = match across {
            Some((across, _)) => format!("{} \\ {across}", names.join(", ")),
            None => names.join(", "),
        };
        let mut grid = Grid {
            corner,
            rows: Vec::new(),
            columns: Vec::new(),
            cells: Vec::new(),
        };
        for comparison in comparisons {
            for side in &comparison.sides {
                let row = label(&down, comparison.workload);
                let column = match across {
                    Some((_, value)) => value(comparison.workload),
                    None if one_server => comparison.workload.target.clone(),
                    None => side.name.to_owned(),
                };
                grid.put(row, column, side);
            }
        }
        grid
    }

    fn put(&mut self, row: String, column: String, side: &'a Rounds<'a>) {
        let (row, column) = (place(&mut self.rows, row), place(&mut self.columns, column));
        self.cells.push(Place { row, column, side });
    }

    fn at(&self, row: usize, column: usize) -> Option<&Rounds<'a>> {
        let found = self.cells.iter().find(|cell| (cell.row, cell.column) == (row, column));
        found.map(|cell| cell.side)
    }

    fn table(&self, line: &Line) -> Markup {
        let figures = self.cells.iter().filter_map(|cell| line.of(cell.side));
        let most = figures.fold(0.0, f64::max);
        html! {
            div class="scroll" {
                table {
                    thead { tr { th { (self.corner) } @for column in &self.columns { th { (column) } } } }
                    tbody {
                        @for (row, name) in self.rows.iter().enumerate() {
                            tr {
                                th { (name) }
                                @for column in 0..self.columns.len() { (cell(line, self.at(row, column), most)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The darker, the more of the greatest figure.
fn cell(line: &Line, side: Option<&Rounds<'_>>, most: f64) -> Markup {
    let heat = side.and_then(|side| line.of(side)).map_or(0.0, |figure| figure / most);
    let heat = if heat.is_finite() { heat.clamp(0.0, 1.0) } else { 0.0 };
    let flaw = side.is_some_and(|side| side.runs.iter().any(|run| !run.verdict.valid));
    html! {
        td class="heat" style={ "--heat:" (format!("{heat:.2}")) } {
            @if let Some(side) = side { (line.text(side)) }
            @if flaw { " INVALID" }
        }
    }
}

/// Where `name` stands among `names`, at the end if it is new.
fn place(names: &mut Vec<String>, name: String) -> usize {
    names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

/// The fields whose values are not the same in all loads.
fn differing(comparisons: &[Comparison<'_>]) -> Vec<Field> {
    let differs = |(_, value): &Field| {
        let mut values = comparisons.iter().map(|one| value(one.workload));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    FIELDS.into_iter().filter(differs).collect()
}

fn label(fields: &[Field], workload: &Workload) -> String {
    let values = fields.iter().map(|(_, value)| value(workload));
    let values: Vec<_> = values.filter(|value| !value.is_empty()).collect();
    match values.is_empty() {
        // They differ in something that has no column, as the length.
        true => workload.headline(),
        false => values.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::grouping::comparisons;
    use crate::saved::Run;

    fn under(name: &str, clients: u32, size: &str) -> Run {
        Run::example(name, f64::from(clients)).under(clients, size)
    }

    #[test]
    fn one_server_under_two_differences_is_rows_and_columns() {
        let mut runs = Vec::new();
        for clients in [1, 10] {
            runs.extend(["64", "1024"].map(|size| under("a", clients, size)));
        }
        let comparisons = comparisons(&runs);
        let grid = Grid::of(&comparisons);
        assert_eq!(
            (&grid.rows[..], &grid.columns[..]),
            (
                &["1", "10"].map(str::to_owned)[..],
                &["64", "1024"].map(str::to_owned)[..]
            )
        );
        assert_eq!(grid.at(1, 0).unwrap().runs[0].workload.clients, 10);
    }

    #[test]
    fn one_server_under_one_difference_is_a_column() {
        let runs = [under("1 clients", 1, "64"), under("10 clients", 10, "64")];
        let comparisons = comparisons(&runs);
        let grid = Grid::of(&comparisons);
        assert_eq!(grid.rows, ["1", "10"]);
        assert_eq!(grid.columns, ["tcp://127.0.0.1:7000"]);
    }

    #[test]
    fn several_servers_are_the_columns() {
        let runs = [under("a", 1, "64"), under("b", 1, "64"), under("b", 10, "1k")];
        let comparisons = comparisons(&runs);
        let grid = Grid::of(&comparisons);
        assert_eq!(grid.rows, ["1, 64", "10, 1k"]);
        assert_eq!(grid.columns, ["a", "b"]);
        assert!(grid.at(1, 0).is_none());
    }
}
