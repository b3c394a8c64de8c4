//! Limits of memory that a container or a service puts on this process: control groups of Linux, of either version.
//!
//! A limit of a group holds for all groups within it, and a process need not be in the group at the root of what is
//! mounted. So limits are looked for from the process's own group upwards. In a container the path of that group may be the
//! host's, of which nothing but the root is there.

use std::fs;
use std::path::{Component, Path};

use super::memory::Memory;

/// Where groups are mounted.
const MOUNTED: &str = "/sys/fs/cgroup";
/// The groups of this process.
const OWN: &str = "/proc/self/cgroup";

/// A version's files.
struct Version {
    /// Where it is below [`MOUNTED`].
    root: &'static str,
    limit: &'static str,
    /// What `memory.stat` calls the memory that belongs to no file. What was read from files counts as used, too, and is
    /// given up on demand.
    used: &'static str,
}

const FIRST: Version = Version { root: "memory", limit: "memory.limit_in_bytes", used: "total_rss" };
const SECOND: Version = Version { root: "", limit: "memory.max", used: "anon" };

/// What the groups of this process leave it; `None` without a limit.
pub(super) fn limits() -> Option<Memory> {
    limits_within(Path::new(MOUNTED), &fs::read_to_string(OWN).ok()?)
}

fn limits_within(mounted: &Path, groups: &str) -> Option<Memory> {
    groups
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let version = match fields.next()? {
                "" => SECOND,
                controllers if controllers.split(',').any(|controller| controller == "memory") => FIRST,
                _ => return None,
            };
            along(&mounted.join(version.root), Path::new(fields.next()?), &version)
        })
        .reduce(least)
}

/// The least of the limits of a group and of all that it is in.
fn along(root: &Path, group: &Path, version: &Version) -> Option<Memory> {
    let names = group.components().filter(|part| *part != Component::RootDir);
    // A group outside of what is mounted has a path that leads out of it.
    let is_within = names.clone().all(|part| matches!(part, Component::Normal(_)));
    let group = root.join(names.filter(|_| is_within).collect::<std::path::PathBuf>());
    group
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(root))
        .filter_map(|group| {
            let total = fs::read_to_string(group.join(version.limit)).ok()?.trim().parse().ok()?;
            let about = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
            let used = about.lines().find_map(|line| line.strip_prefix(version.used)?.trim().parse().ok());
            Some(Memory { free: u64::saturating_sub(total, used.unwrap_or(0)), total })
        })
        .reduce(least)
}

fn least(one: Memory, other: Memory) -> Memory {
    Memory { free: one.free.min(other.free), total: one.total.min(other.total) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::model::testing::Folder;

    fn put(folder: &Folder, file: &str, text: &str) {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn found(folder: &Folder, groups: &str) -> Option<(u64, u64)> {
        limits_within(folder.path(), groups).map(|memory| (memory.free, memory.total))
    }

    const UNLIMITED: &str = "9223372036854771712\n";

    #[test]
    fn the_first_version_has_a_folder_of_its_own() {
        let folder = Folder::new();
        put(&folder, "memory/memory.limit_in_bytes", UNLIMITED);
        put(&folder, "memory/a/memory.limit_in_bytes", "3000\n");
        put(&folder, "memory/a/memory.stat", "cache 900\nrss 5\ntotal_rss_huge 7\ntotal_rss 1200\n");
        put(&folder, "memory/a/b/memory.limit_in_bytes", "2000\n");
        put(&folder, "memory/a/b/memory.stat", "cache 0\ntotal_cache 900\ntotal_rss 100\n");
        let groups = |path: &str| format!("5:devices:/x\n4:memory:{path}\n1:cpu,cpuacct:/x\n0::/x\n");
        assert_eq!(found(&folder, &groups("/a/b")), Some((1800, 2000)), "the outer group has less left");
        assert_eq!(found(&folder, &groups("/a")), Some((1800, 3000)));
        let unlimited = UNLIMITED.trim().parse().unwrap();
        for root in ["/", "/docker/0123", "/../../elsewhere"] {
            assert_eq!(found(&folder, &groups(root)), Some((unlimited, unlimited)), "{root}");
        }
        assert_eq!(found(&folder, "2:name=systemd:/a\n"), None);
    }

    #[test]
    fn the_second_version_has_all_in_one_tree() {
        let folder = Folder::new();
        put(&folder, "service/memory.max", "5000\n");
        put(&folder, "service/memory.stat", "anon 1000\nfile 3000\nanon_thp 7\n");
        put(&folder, "service/inner/memory.max", "max\n");
        assert_eq!(found(&folder, "0::/service/inner\n"), Some((4000, 5000)));
        assert_eq!(found(&folder, "0::/\n"), None);
        assert_eq!(found(&folder, ""), None);
    }
}
