//! A table of the page.

use maud::{Markup, html};

use crate::report::table::Table;

/// A table of figures.
pub(crate) fn table(table: &Table) -> Markup {
    html! {
        div class="scroll" {
            table {
                @if let Some((head, rows)) = table.rows().split_first() {
                    thead { tr { @for cell in head { th { (cell) } } } }
                    tbody { @for row in rows { (table_row(row)) } }
                }
            }
        }
    }
}

pub(crate) fn table_row(row: &[String]) -> Markup {
    html! {
        tr {
            @for (index, cell) in row.iter().enumerate() {
                @if index == 0 { th { (cell) } } @else { td { (cell) } }
            }
        }
    }
}
