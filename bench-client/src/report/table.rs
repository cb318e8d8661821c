//! Columns under one another.

use std::fmt;

/// A table whose first column is text and whose others are figures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a row; the first one is the head.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The same as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().map(|cell| Table::escaped(cell)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
            if index == 0 {
                let others = "---:|".repeat(row.len().saturating_sub(1));
                text.push_str(&format!("|---|{others}\n"));
            }
        }
        text
    }

    /// Text that Markdown shows as it is, in a line of its own.
    pub(crate) fn escaped(text: &str) -> String {
        let mut escaped = String::new();
        for letter in text.chars() {
            match letter {
                '<' => escaped.push_str("&lt;"),
                '&' => escaped.push_str("&amp;"),
                '\\' | '|' | '`' | '[' | ']' | '*' => escaped.extend(['\\', letter]),
                _ if letter.is_control() => escaped.push(' '),
                _ => escaped.push(letter),
            }
        }
        escaped
    }

    /// Its rows; the first one is the head.
    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match index {
                    0 => line.push_str(&format!("  {cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::default();
        for row in [["", "a", "b"], ["rate", "1,000", "µ"]] {
            table.row(row.map(str::to_owned));
        }
        table
    }

    #[test]
    fn figures_stand_under_one_another() {
        assert_eq!(table().to_string(), "            a  b\n  rate  1,000  µ\n");
    }

    #[test]
    fn markdown_has_a_head() {
        assert_eq!(
            table().markdown(),
            "|  | a | b |\n|---|---:|---:|\n| rate | 1,000 | µ |\n"
        );
    }
}
