#pragma once

#include <string>
#include <vector>

namespace gongshu::io {

// Names of the whole disks that hold the files of `folder` ("sda", "nvme0n1"), sorted, each once: below partitions,
// LUKS, LVM and md. Empty if the kernel tells of none, as for file systems in memory, of a network or of a container.
std::vector<std::string> disks_below(const std::string& folder);

// The same of the block device "8:1" in a tree that is like /sys.
std::vector<std::string> disks_of(const std::string& sys, const std::string& device);

// Of the lines of /proc/self/mountinfo: what is mounted where `path` lies ("/dev/sdb1", "overlay"); "" = none is.
std::string mount_source(const std::string& mounts, const std::string& path);

}  // namespace gongshu::io
