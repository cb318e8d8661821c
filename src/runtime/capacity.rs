//! How many coroutines and descriptors this process can hold.

use std::fs;

use nix::sys::resource::{Resource, getrlimit};

use super::engine::{self, Engine};

/// Maps left for the program, its libraries, the allocator and threads.
const MAPS_RESERVE: usize = 1024;
/// Descriptors left for what a server opens beside its connections.
const DESCRIPTORS_RESERVE: usize = 32;
/// The most coroutines where nothing else sets a limit: with 4.7 KiB each, 20 GB
/// of memory. A loop that spawns for ever ends here.
const MOST_COROUTINES: usize = 4_194_304;
/// The kernel's default of `vm.max_map_count`, for systems that do not tell.
const DEFAULT_MAP_LIMIT: usize = 65_530;

/// The ceilings of this process, taken from the system's limits when the
/// runtime starts; see [`capacity`](super::capacity).
///
/// ```
/// let capacity = greenserve::runtime::capacity();
/// assert!(capacity.coroutines > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capacity {
    /// The most coroutines that can live at once: 4 194 304 where stacks take
    /// no memory maps of their own (the pinned engine on Linux 6.13 or later);
    /// elsewhere two maps each, out of `vm.max_map_count` (see `proc(5)`) less
    /// what is mapped already.
    pub coroutines: usize,
    /// The most connections a server can hold: what `RLIMIT_NOFILE` (see
    /// `getrlimit(2)`) leaves beside the descriptors that are open already.
    pub descriptors: usize,
    /// `vm.max_map_count` as it was read.
    pub map_limit: usize,
    /// The soft limit of `RLIMIT_NOFILE` as it was read.
    pub descriptor_limit: usize,
}

impl Capacity {
    /// Reads the limits that hold now.
    pub(super) fn measure(engine: Engine) -> Capacity {
        let map_limit = map_limit();
        let maps = map_limit.saturating_sub(maps_in_use() + MAPS_RESERVE);
        let descriptor_limit = descriptor_limit();
        Capacity {
            coroutines: engine::stacks_within(engine, maps).clamp(1, MOST_COROUTINES),
            descriptors: descriptor_limit
                .saturating_sub(descriptors_in_use() + DESCRIPTORS_RESERVE)
                .max(1),
            map_limit,
            descriptor_limit,
        }
    }

    /// The most clients a server on coroutines can hold: the lower ceiling.
    pub fn connections(&self) -> usize {
        self.coroutines.min(self.descriptors)
    }

    /// Where the ceiling of coroutines comes from.
    pub(super) fn ceiling(&self) -> String {
        if self.coroutines == MOST_COROUTINES {
            "no process needs more".to_owned()
        } else {
            format!("two memory maps each, vm.max_map_count is {}", self.map_limit)
        }
    }
}

fn map_limit() -> usize {
    fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(DEFAULT_MAP_LIMIT)
}

fn maps_in_use() -> usize {
    fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
}

fn descriptor_limit() -> usize {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX))
}

fn descriptors_in_use() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_mappings_a_coroutine_are_counted() {
        let capacity = Capacity::measure(Engine::May);
        assert!(capacity.coroutines * 2 < capacity.map_limit);
        assert!(capacity.descriptors < capacity.descriptor_limit);
        assert!(capacity.connections() <= capacity.coroutines);
        assert!(capacity.ceiling().contains("vm.max_map_count"));
    }

    #[test]
    fn a_loop_that_spawns_for_ever_has_an_end() {
        assert!(Capacity::measure(Engine::Pinned).coroutines <= MOST_COROUTINES);
    }
}
