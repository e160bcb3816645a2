#include "doctor/smart.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "io/machine.h"
#include "io/run.h"
#include "registry/json.h"

namespace gongshu::doctor {
namespace {

constexpr std::size_t kTextBytesMax = 1 << 20;
constexpr std::size_t kDisksMax = 16;
constexpr std::size_t kNameBytesMax = 80;
constexpr int kOpenFailed = 2;  // a bit of smartctl's exit status

const Json* at(const Json& json, std::string_view name) {
    const auto* object = json.if_object();
    return object != nullptr ? object->if_contains(name) : nullptr;
}

// "a.b": a member of a member.
const Json* at_path(const Json& json, std::string_view path) {
    const Json* found = &json;
    while (found != nullptr && !path.empty()) {
        const auto dot = path.find('.');
        found = at(*found, path.substr(0, dot));
        path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    }
    return found;
}

std::optional<std::int64_t> number(const Json& json, std::string_view path) {
    const Json* found = at_path(json, path);
    if (found == nullptr) return std::nullopt;
    if (const auto* whole = found->if_int64()) return *whole;
    if (const auto* whole = found->if_uint64()) return static_cast<std::int64_t>(*whole >> 1);  // absurdly large
    return std::nullopt;
}

std::string text_of(const Json& json, std::string_view path) {
    const Json* found = at_path(json, path);
    if (found == nullptr || !found->is_string()) return {};
    std::string out;
    for (const char c : found->get_string().subview(0, std::min(kNameBytesMax, found->get_string().size())))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    return out;
}

// "8 (2 24)": the raw value of an ATA attribute may hold more than the count that it begins with.
std::optional<std::int64_t> count_of(const Json& attribute) {
    const std::string text = text_of(attribute, "raw.string");
    std::int64_t count = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (wrong == std::errc{} && (end == text.data() + text.size() || *end == ' ')) return count;
    return number(attribute, "raw.value");
}

void read_attributes(const Json& json, Smart& smart) {
    const Json* table = at_path(json, "ata_smart_attributes.table");
    if (table == nullptr || !table->is_array()) return;
    for (const Json& attribute : table->get_array()) {
        const auto id = number(attribute, "id");
        if (id == 5) smart.reallocated = count_of(attribute);
        if (id == 197) smart.pending = count_of(attribute);
        if (id == 198) smart.uncorrectable = count_of(attribute);
    }
}

void read_scsi(const Json& json, Smart& smart) {
    if (const auto grown = number(json, "scsi_grown_defect_list")) smart.reallocated = grown;
    std::int64_t errors = 0;
    bool told = false;
    for (const char* way : {"read", "write", "verify"})
        if (const auto count =
                number(json, "scsi_error_counter_log." + std::string(way) + ".total_uncorrected_errors")) {
            told = true;
            errors += std::min<std::int64_t>(std::max<std::int64_t>(*count, 0), std::int64_t{1} << 40);
        }
    if (told) smart.uncorrectable = errors;
}

Smart no_answer(Smart smart, std::string problem) {
    smart.seen = Smart::Seen::no_answer;
    smart.problem = std::move(problem);
    return smart;
}

std::string first_message(const Json& json) {
    const Json* messages = at_path(json, "smartctl.messages");
    if (messages == nullptr || !messages->is_array() || messages->get_array().empty()) return {};
    return text_of(messages->get_array()[0], "string");
}

bool says_anything(const Smart& smart) {
    return smart.passed || smart.reallocated || smart.pending || smart.uncorrectable || smart.used_percent ||
           smart.spare_percent || smart.media_errors;
}

}  // namespace

Smart read_smart(std::string_view text, const std::string& device) {
    Smart smart{.device = device};
    if (text.size() > kTextBytesMax) return no_answer(smart, "smartctl said more than is read");
    const auto json = registry::parse_json(text);
    if (!json) return no_answer(smart, "smartctl said what is no JSON; version 7 or newer is needed");
    const auto status = number(*json, "smartctl.exit_status");
    if (!status) return no_answer(smart, "smartctl said what is not known");
    smart.model = text_of(*json, "model_name");
    if (smart.model.empty()) smart.model = text_of(*json, "scsi_model_name");
    if (const Json* passed = at_path(*json, "smart_status.passed"); passed != nullptr && passed->is_bool())
        smart.passed = passed->get_bool();
    read_attributes(*json, smart);
    read_scsi(*json, smart);
    smart.celsius = number(*json, "temperature.current");
    const std::string nvme = "nvme_smart_health_information_log.";
    smart.used_percent = number(*json, nvme + "percentage_used");
    smart.spare_percent = number(*json, nvme + "available_spare");
    smart.spare_least_percent = number(*json, nvme + "available_spare_threshold");
    smart.media_errors = number(*json, nvme + "media_errors");
    if (says_anything(smart)) return smart;
    const std::string message = first_message(*json);
    const auto says = [&](std::string_view part) { return message.find(part) != std::string::npos; };
    if (says("Permission denied") || says("Operation not permitted") || says("No such file"))
        smart.seen = Smart::Seen::no_right;
    else if ((*status & kOpenFailed) == 0 || says("Unable to detect device type") || says("Not a device of type") ||
             says("Inappropriate ioctl"))
        smart.seen = Smart::Seen::no_smart;
    else
        return no_answer(smart, message.empty() ? "smartctl could not open the disk" : message);
    return smart;
}

std::string find_smartctl() {
    for (const char* folder : {"/usr/sbin", "/sbin", "/usr/bin"}) {
        const std::string path = std::string(folder) + "/smartctl";
        if (const auto facts = io::file_facts(path); facts && !facts->is_folder && (facts->mode & 0111) != 0)
            return path;
    }
    return {};
}

std::vector<Smart> look_at_disks(const std::vector<std::string>& names, const std::string& smartctl) {
    constexpr int kSilentMax = 3;  // so many that do not answer, and the rest is not asked
    std::vector<Smart> out;
    int silent = 0;
    for (const std::string& name : names) {
        if (out.size() == kDisksMax) break;
        const std::string device = "/dev/" + name;
        Smart smart{.device = device};
        if (smartctl.empty()) {
            smart.seen = Smart::Seen::no_program;
        } else if (silent == kSilentMax) {
            smart = no_answer(smart, "other disks did not answer in time");
        } else {
            const auto ran = io::run_program({smartctl, "--json", "-i", "-H", "-A", device}, {.time = 10 * kSecond});
            smart = ran ? read_smart(ran->output, device) : no_answer(smart, ran.error().text());
            silent += !ran && ran.error().code() == Code::unavailable;
        }
        out.push_back(std::move(smart));
    }
    return out;
}

}  // namespace gongshu::doctor
