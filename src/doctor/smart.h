#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gongshu::doctor {

// What a disk tells of its own health, as far as it tells it.
struct Smart {
    enum class Seen : std::uint8_t {
        read,
        no_program,  // smartctl is not installed
        no_right,    // this user may not open the disk, or a container or a service's walls hide it
        no_smart,    // the disk has none: a virtual one, a card, a box that hides it
        no_answer,   // smartctl or the disk did not answer in time, or not what is known
    };
    std::string device;  // "/dev/sda"
    std::string model;   // "" = it does not say
    Seen seen = Seen::read;
    std::string problem;         // with no_answer
    std::optional<bool> passed;  // its own judgement
    // ATA and SCSI: sectors replaced, sectors waiting to be replaced, reads that failed for good.
    std::optional<std::int64_t> reallocated, pending, uncorrectable;
    // NVMe.
    std::optional<std::int64_t> used_percent, spare_percent, spare_least_percent, media_errors;
    std::optional<std::int64_t> celsius;
};

inline constexpr std::int64_t kUsedPercentMuch = 90;
inline constexpr std::int64_t kCelsiusHot = 70;

// What `smartctl --json -i -H -A` printed of `device`, any bytes. Bounded by registry::parse_json().
Smart read_smart(std::string_view text, const std::string& device);

// Where smartctl is; "" = nowhere. /usr/sbin is no part of a user's PATH, so it is looked for by name.
std::string find_smartctl();

// Of the disks with these names, as io::disks_below() tells them, by the program at `smartctl`, "" = there is none.
// Blocks for seconds; a disk that does not answer costs up to ten, all together half a minute.
std::vector<Smart> look_at_disks(const std::vector<std::string>& names, const std::string& smartctl);

}  // namespace gongshu::doctor
