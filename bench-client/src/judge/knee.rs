//! Where more clients bring no more answers.

use crate::base::format;
use crate::saved::{Knee, Run, Saved};

/// The knee is where this part of the highest rate is reached.
const NEARLY: f64 = 0.95;
/// Fewer numbers of clients show no bend.
const FEWEST_POINTS: usize = 3;

impl Saved {
    /// The knee of each size, in the order of their first runs.
    pub(crate) fn find_knees(&self) -> Vec<Knee> {
        let mut sizes: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !sizes.contains(&run.workload.size.as_str()) {
                sizes.push(&run.workload.size);
            }
        }
        let of_size = |size: &&str| {
            Knee::of(
                size,
                self.runs
                    .iter()
                    .filter(|run| run.workload.size == *size)
                    .filter_map(point),
            )
        };
        sizes.iter().map(of_size).collect()
    }
}

/// An invalid run says nothing of the server.
fn point(run: &Run) -> Option<(u32, f64)> {
    let valid = run.verdict.valid && !run.verdict.interrupted;
    run.answers_per_s
        .filter(|_| valid)
        .map(|rate| (run.workload.clients, rate))
}

impl Knee {
    /// The fewest clients whose rate is [`NEARLY`] the highest. There is none
    /// when only the most clients reach it: the rate may go on growing.
    pub(crate) fn of(size: &str, points: impl IntoIterator<Item = (u32, f64)>) -> Knee {
        let mut points: Vec<_> = points.into_iter().collect();
        points.sort_by_key(|(clients, _)| *clients);
        let highest = points.iter().map(|(_, rate)| *rate).reduce(f64::max);
        let first = points
            .iter()
            .find(|(_, rate)| Some(*rate) >= highest.map(|highest| NEARLY * highest));
        let reason = reason(&points, first, highest);
        let found = first.filter(|_| reason.is_none());
        Knee {
            size: size.to_owned(),
            points: points.len() as u32,
            clients: found.map(|(clients, _)| *clients),
            answers_per_s: found.map(|(_, rate)| *rate),
            highest_per_s: highest,
            reason,
        }
    }

    /// `64 B: the knee is at 100 clients: ...`.
    pub(crate) fn in_words(&self) -> String {
        let size = &self.size;
        let (Some(clients), Some(rate), Some(highest)) = (self.clients, self.answers_per_s, self.highest_per_s) else {
            let reason = self.reason.as_deref().unwrap_or(format::NONE);
            return format!("{size} B: no knee: {reason}");
        };
        format!(
            "{size} B: the knee is at {} clients: {}/s of at most {}/s",
            format::thousands(f64::from(clients)),
            format::thousands(rate),
            format::thousands(highest),
        )
    }

    /// What a knee is.
    pub(crate) fn rule() -> String {
        format!(
            "knee: the fewest clients with {} of the highest rate; valid runs only",
            format::percent(NEARLY)
        )
    }
}

/// Why there is no knee among `points`, of which `first` reaches it.
fn reason(points: &[(u32, f64)], first: Option<&(u32, f64)>, highest: Option<f64>) -> Option<String> {
    if points.len() < FEWEST_POINTS {
        return Some(format!(
            "{} numbers of clients with a valid run, it takes {FEWEST_POINTS}; give --clients more",
            points.len()
        ));
    }
    if highest.is_none_or(|highest| highest <= 0.0) {
        return Some("there were no answers".to_owned());
    }
    let most = points.last().map(|(clients, _)| *clients);
    (first.map(|(clients, _)| *clients) == most).then(|| {
        format!(
            "the rate still grew up to {} clients, the most there were; give --clients more",
            format::thousands(f64::from(most.unwrap_or_default()))
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(points: &[(u32, f64)]) -> Option<u32> {
        Knee::of("64", points.iter().copied()).clients
    }

    #[test]
    fn the_knee_is_the_fewest_clients_with_nearly_the_highest_rate() {
        assert_eq!(
            clients(&[(1, 100.0), (10, 949.0), (100, 1000.0), (500, 990.0)]),
            Some(100)
        );
        assert_eq!(
            clients(&[(1, 100.0), (10, 951.0), (100, 1000.0), (500, 990.0)]),
            Some(10)
        );
        // The order in which they were measured is nobody's business.
        assert_eq!(
            clients(&[(500, 990.0), (10, 951.0), (1, 100.0), (100, 1000.0)]),
            Some(10)
        );
        assert_eq!(clients(&[(1, 1000.0), (10, 990.0), (100, 900.0)]), Some(1));
    }

    #[test]
    fn there_is_none_of_two_points_nor_where_it_still_grows() {
        let knee = |points: &[(u32, f64)]| Knee::of("64", points.iter().copied()).in_words();
        assert!(knee(&[(1, 100.0), (10, 100.0)]).contains("no knee: 2 numbers of clients"));
        assert!(knee(&[(1, 100.0), (10, 500.0), (100, 900.0)]).contains("still grew up to 100 clients"));
        assert!(knee(&[(1, 0.0), (10, 0.0), (100, 0.0)]).contains("no answers"));
        assert!(knee(&[]).contains("no knee"));
    }

    #[test]
    fn an_invalid_run_bends_nothing() {
        let run = |size: &str, clients, rate| Run::example("server", rate).under(clients, size);
        let mut saved = Saved::example([
            run("64", 1, 100.0),
            run("64", 10, 200.0),
            run("64", 100, 200.0),
            run("1024", 1, 50.0),
            run("64", 500, 900.0),
        ]);
        saved.runs[4].verdict.valid = false;
        let knees = saved.find_knees();
        assert_eq!(
            (knees[0].size.as_str(), knees[0].clients, knees[0].points),
            ("64", Some(10), 3)
        );
        assert_eq!(
            (knees[1].size.as_str(), knees[1].clients, knees.len()),
            ("1024", None, 2)
        );
        saved.runs[4].verdict.valid = true;
        assert_eq!(saved.find_knees()[0].clients, None);
    }
}
