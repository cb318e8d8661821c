//! What a few values tell of where they come from.

/// How sure an interval is to hold the true value.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The value in the middle, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The mean.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of what `values` are a sample of.
pub(crate) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

/// The slope of the straight line through `points` of x and y that has the
/// least squares of distances in y; `None` where no x differs from another.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let [x, y] = [|point: &(f64, f64)| point.0, |point: &(f64, f64)| point.1]
        .map(|part| mean(&points.iter().map(part).collect::<Vec<_>>()));
    let squares: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let products: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (squares > 0.0).then(|| products / squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_own_slope() {
        assert_eq!(slope(&[(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)]), Some(2.0));
        assert_eq!(slope(&[(1.0, 5.0), (2.0, 5.0)]), Some(0.0));
    }

    /// Anscombe, "Graphs in Statistical Analysis" (1973), the first data set:
    /// y = 3.00 + 0.500 x.
    #[test]
    fn the_squares_of_the_distances_are_the_least() {
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let points: Vec<_> = x.into_iter().zip(y).collect();
        assert!((slope(&points).unwrap() - 0.500).abs() < 1e-3);
    }

    #[test]
    fn a_point_has_no_slope() {
        for points in [&[][..], &[(1.0, 2.0)], &[(1.0, 2.0), (1.0, 3.0)]] {
            assert_eq!(slope(points), None);
        }
    }
}
