//! Which processes belong together.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::machine::account::Stat;

/// Who started whom, at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    parents: BTreeMap<i32, i32>,
    groups: BTreeMap<i32, i32>,
}

impl Processes {
    /// Of all processes that are to be seen. One pass over `/proc` costs less
    /// than asking every thread of a large server for its children.
    pub(crate) fn now() -> Processes {
        let mut processes = Processes::default();
        for (pid, stat) in numbers().filter_map(|pid| Some((pid, Stat::of(pid)?))) {
            // Who ended has nothing, and is not to be waited for.
            if !stat.ended() {
                processes.parents.insert(pid, stat.parent);
                processes.groups.insert(pid, stat.group);
            }
        }
        processes
    }

    /// Whether process `pid` runs.
    pub(crate) fn contains(&self, pid: i32) -> bool {
        self.parents.contains_key(&pid)
    }

    /// Those of process group `leader`.
    pub(crate) fn group(&self, leader: i32) -> impl Iterator<Item = i32> {
        let of_group = self.groups.iter().filter(move |(_, group)| **group == leader);
        of_group.map(|(pid, _)| *pid)
    }

    /// All that process `leader` led to, whatever they run: those of its group,
    /// and their descendants.
    pub(crate) fn kin(&self, leader: i32) -> Vec<i32> {
        let mut kin: Vec<_> = self.group(leader).collect();
        if !kin.contains(&leader) {
            kin.push(leader);
        }
        let mut next = 0;
        while let Some(parent) = kin.get(next).copied() {
            let children: Vec<_> = self.children(parent).filter(|child| !kin.contains(child)).collect();
            kin.extend(children);
            next += 1;
        }
        kin
    }

    /// The first of `kin` that process `pid` descends from by way of its own
    /// program: of a worker, the process that started the workers.
    pub(crate) fn first_of_program(&self, pid: i32, kin: &[i32]) -> i32 {
        let own = program(pid);
        let akin = kin.iter().filter(|other| own.is_some() && program(**other) == own);
        self.eldest(pid, &akin.copied().collect::<Vec<_>>())
    }

    /// Process `eldest` and those of its descendants that run the same program.
    /// A shell is no part of the server it starts, and this program none of the
    /// one that starts it.
    pub(crate) fn family(&self, eldest: i32) -> Vec<i32> {
        let mut members = vec![eldest];
        let Some(program) = self.has_children(eldest).then(|| program(eldest)).flatten() else {
            return members;
        };
        let mut next = 0;
        while let Some(parent) = members.get(next).copied() {
            let children = self.children(parent).filter(|child| !members.contains(child));
            let akin: Vec<_> = children
                .filter(|child| self::program(*child).as_ref() == Some(&program))
                .collect();
            members.extend(akin);
            next += 1;
        }
        members
    }

    /// The one of `pids` that process `pid` descends from with every step
    /// between the two being among them.
    pub(crate) fn eldest(&self, pid: i32, pids: &[i32]) -> i32 {
        let mut eldest = pid;
        // Numbers that were reused while they were read must not make a circle.
        for _ in pids {
            match self.parents.get(&eldest) {
                Some(parent) if pids.contains(parent) => eldest = *parent,
                _ => break,
            }
        }
        eldest
    }

    fn has_children(&self, pid: i32) -> bool {
        self.children(pid).next().is_some()
    }

    fn children(&self, pid: i32) -> impl Iterator<Item = i32> {
        let of_parent = self.parents.iter().filter(move |(_, parent)| **parent == pid);
        of_parent.map(|(child, _)| *child)
    }
}

/// The numbers of all processes that are to be seen.
pub(crate) fn numbers() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process as messages name it: `4711 (old-server)`.
pub(crate) fn named(pid: i32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{pid} ({})", name.trim_end().escape_debug()),
        Err(_) => pid.to_string(),
    }
}

fn program(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_of_another_program_is_no_member() {
        let own = std::process::id() as i32;
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let processes = Processes::now();
        assert!(processes.children(own).any(|pid| pid == child.id() as i32));
        assert!(!processes.family(own).contains(&(child.id() as i32)));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_child_of_the_same_program_is_one() {
        let program = std::env::current_exe().unwrap();
        let (_crate, module) = module_path!().split_once("::").unwrap();
        let mut child = std::process::Command::new(program)
            .args(["--ignored", "--exact", &format!("{module}::waits_for_its_parent")])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let own = std::process::id() as i32;
        let family = Processes::now().family(own);
        assert_eq!(family.first(), Some(&own));
        assert!(family.contains(&(child.id() as i32)), "{family:?}");
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    #[ignore = "the child of the test above"]
    fn waits_for_its_parent() {
        let _ = std::io::read_to_string(std::io::stdin());
    }

    #[test]
    fn kin_are_of_the_group_or_descend_from_it() {
        let processes = Processes {
            parents: BTreeMap::from([(10, 5), (11, 1), (12, 11), (20, 5)]),
            groups: BTreeMap::from([(10, 10), (11, 10), (12, 12), (20, 20)]),
        };
        assert_eq!(processes.kin(10), [10, 11, 12]);
        assert_eq!(processes.kin(20), [20]);
    }

    #[test]
    fn the_eldest_is_found_through_its_kin_only() {
        let parents = BTreeMap::from([(10, 1), (11, 10), (12, 11), (20, 1)]);
        let processes = Processes {
            parents,
            ..Processes::default()
        };
        assert_eq!(processes.eldest(12, &[10, 11, 12, 20]), 10);
        assert_eq!(processes.eldest(12, &[10, 12]), 12);
        assert_eq!(processes.eldest(20, &[10, 20]), 20);
        let circle = Processes {
            parents: BTreeMap::from([(1, 2), (2, 1)]),
            ..Processes::default()
        };
        assert!([1, 2].contains(&circle.eldest(1, &[1, 2])));
    }
}
