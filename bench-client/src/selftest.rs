//! The self-test: whether the client finds what the reference server does
//! wrong, all of it and nothing else.

mod case;
mod trial;

use clap::Args;

use crate::failure::{Failure, Status};
use crate::journal::JournalOptions;
use crate::limits;
use crate::report::table::Table;
use crate::view::ViewOptions;
use crate::watch::Watch;
use case::{CASES, Case};
use trial::{Extent, Finding};

/// `bench-client selftest`: does this program count rightly here?
#[derive(Clone, Debug, Args)]
pub(crate) struct SelftestOptions {
    /// Ten times the faults, and 10 s for most of them.
    #[arg(long)]
    long: bool,
    /// Try only what has TEXT among the words behind `serve`: udp, --swap.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    only: Option<String>,
    #[command(flatten)]
    view: ViewOptions,
}

/// Tries every case and prints what was expected and what was found.
///
/// # Errors
/// When there is no such case, or a server or a client cannot be started.
pub(crate) fn run(options: &SelftestOptions) -> Result<Status, Failure> {
    let cases = chosen(options)?;
    limits::raise_open_files()?;
    let mut watch = Watch::begin(&options.view, &JournalOptions::default())?;
    let extent = if options.long { Extent::LONG } else { Extent::SHORT };
    let mut table = Table::default();
    table.row(["serve", "run", "expected", "found", ""].map(str::to_owned));
    let mut wrong = 0;
    for case in &cases {
        watch.check()?;
        watch.say(&format!("serve {}", case.server(extent.count)));
        let finding = trial::attempt(case, extent, &watch)?;
        wrong += usize::from(!finding.as_expected);
        table.row(row(case, extent, &finding));
    }
    watch.clear();
    print!("{table}{}", conclusion(wrong, cases.len()));
    Ok(if wrong == 0 { Status::Fine } else { Status::Errors })
}

fn chosen(options: &SelftestOptions) -> Result<Vec<Case>, Failure> {
    let text = options.only.as_deref().unwrap_or_default();
    let cases: Vec<_> = CASES.iter().filter(|case| case.mentions(text)).copied().collect();
    match cases.is_empty() {
        true => Err(Failure::Usage(format!(
            "no case has {text:?} in it; leave --only away to see all"
        ))),
        false => Ok(cases),
    }
}

fn row(case: &Case, extent: Extent, finding: &Finding) -> [String; 5] {
    let verdict = match finding.as_expected {
        true => "as expected".to_owned(),
        false => format!("WRONG {}", finding.remarks.join("; ")),
    };
    [
        case.server(extent.count),
        case.client.to_owned(),
        errors(&case.expected(extent.count)),
        errors(&finding.errors),
        verdict,
    ]
}

fn errors(found: &[(String, u64)]) -> String {
    let parts: Vec<_> = found.iter().map(|(class, count)| format!("{count} {class}")).collect();
    match parts.is_empty() {
        true => "no error".to_owned(),
        false => parts.join(", "),
    }
}

fn conclusion(wrong: usize, cases: usize) -> String {
    match wrong {
        0 => format!("All {cases} cases are as expected: what goes wrong is counted here.\n"),
        wrong => format!("{wrong} of {cases} cases are not as expected: do not trust a count of errors here.\n"),
    }
}
