//! Seeds and mutations of them, for tests that need no fuzzer: the same ones
//! in every run.

use std::fs;
use std::path::Path;

/// Calls `target` with every seed of the fuzz target `name`, then with
/// `mutations` inputs made of them. The input that it panics with is printed.
///
/// # Panics
/// When there are no seeds, and when `target` does.
pub(crate) fn exercise(name: &str, mutations: usize, target: fn(&[u8])) {
    let seeds = seeds(name);
    for seed in &seeds {
        run(seed, target);
    }
    let mut random = Random(0x5eed);
    for _ in 0..mutations {
        run(&random.mutation(&seeds), target);
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The fuzz targets of the library and of its members are in one place.
    let folder = root
        .ancestors()
        .map(|folder| folder.join("fuzz/seeds").join(name))
        .find(|folder| folder.exists());
    let folder = folder.unwrap_or_else(|| panic!("no seeds of {name} above {}", root.display()));
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("seeds")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // A folder has no order.
    files.sort();
    assert!(!files.is_empty(), "no seeds of {name}");
    files.iter().map(|file| fs::read(file).expect("a seed")).collect()
}

fn run(input: &[u8], target: fn(&[u8])) {
    let _input = Input(input);
    target(input);
}

/// Is printed when the target panics with it.
struct Input<'a>(&'a [u8]);

impl Drop for Input<'_> {
    #[allow(clippy::print_stderr, reason = "only where a test fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with b\"{}\"", self.0.escape_ascii());
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without it unless it is 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn mutation(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, seeds);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let end = at + self.below((bytes.len() - at).min(16) + 1);
        match self.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.insert(at, self.next() as u8),
            3 => drop(bytes.splice(at..at, self.piece(seeds))),
            4 => drop(bytes.splice(at..end, self.piece(seeds))),
            5 => bytes[at..end].iter_mut().for_each(|byte| *byte ^= 1 << (at % 8)),
            _ => bytes[at..end].fill(*b"09- :,\r\n"[..].get(self.below(8)).unwrap_or(&0)),
        }
    }

    /// A few bytes of some seed, or such as come at the borders of a format.
    fn piece(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const BORDERS: [&str; 10] = [
            "\r\n",
            "\r\n\r\n",
            "-1",
            "+1",
            "0",
            "1e400",
            "99999999999999999999",
            "\0",
            ":",
            "%",
        ];
        if self.below(3) == 0 {
            return BORDERS[self.below(BORDERS.len())].into();
        }
        let seed = &seeds[self.below(seeds.len())];
        let at = self.below(seed.len());
        seed[at..seed.len().min(at + self.below(32))].to_vec()
    }
}
