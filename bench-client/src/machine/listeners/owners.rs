//! From sockets to the processes that hold them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::sockets::Listener;
use crate::base::failure::Failure;
use crate::machine::account::family::{self, named};
use crate::plan::site::Site;

/// The processes that hold each of `listeners`, as far as they are ours to see.
pub(super) fn of(listeners: &[Listener]) -> Vec<Vec<i32>> {
    let mut places = BTreeMap::new();
    for (place, listener) in listeners.iter().enumerate() {
        places.insert(listener.inode, place);
    }
    let mut owners = vec![Vec::new(); listeners.len()];
    if places.is_empty() {
        return owners;
    }
    for pid in family::numbers() {
        for place in sockets(pid).filter_map(|inode| places.get(&inode)) {
            let holders: &mut Vec<i32> = &mut owners[*place];
            if holders.last() != Some(&pid) {
                holders.push(pid);
            }
        }
    }
    owners
}

/// The inodes of the sockets that process `pid` holds; none if it is not ours.
fn sockets(pid: i32) -> impl Iterator<Item = u64> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| inode(&fs::read_link(entry.path()).ok()?))
}

fn inode(link: &Path) -> Option<u64> {
    let number = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

pub(crate) fn shared(site: &Site, servers: &[Option<i32>]) -> Failure {
    let names: Vec<_> = servers
        .iter()
        .map(|server| server.map_or_else(|| "one of another user".to_owned(), named))
        .collect();
    let pids: Vec<_> = servers.iter().flatten().map(i32::to_string).collect();
    Failure::SharedPort {
        target: site.to_string(),
        count: servers.len(),
        servers: names.join(", "),
        pids: pids.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_have_the_name_of_one() {
        assert_eq!(inode(Path::new("socket:[4711]")), Some(4711));
        for other in ["pipe:[4711]", "/socket:[4711]", "socket:[x]", "socket:[4711", ""] {
            assert_eq!(inode(Path::new(other)), None, "{other}");
        }
    }
}
