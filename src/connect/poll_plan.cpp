#include "connect/poll_plan.h"

#include <algorithm>
#include <tuple>

namespace gongshu::connect {

namespace {

auto group_of(const PollItem& item) { return std::tuple(item.unit, item.table, item.period); }

std::uint32_t end_of(const PollItem& item) { return std::uint32_t{item.address} + item.count; }

PollRequest request_of(const PollItem& item) {
    return {item.unit, item.table, item.address, item.count, item.period, {item}};
}

// Whether `item`, which begins at or after the request does, may join it.
bool joins(const PollRequest& request, const PollItem& item, std::uint32_t area_end, std::uint32_t length_max,
           std::uint32_t gap_max) {
    const PollItem& any = request.items.front();
    if (group_of(any) != group_of(item)) return false;
    const std::uint32_t end = std::uint32_t{request.address} + request.count;
    if (item.address > end + gap_max || request.address < item.area_first) return false;
    const std::uint32_t joined = std::max(end, end_of(item));
    return joined <= std::min(area_end, item.area_end) && joined - request.address <= length_max;
}

std::vector<PollRequest> merge(const std::vector<PollItem>& sorted, std::uint32_t registers_max,
                               std::uint32_t bits_max, std::uint32_t gap_registers) {
    std::vector<PollRequest> requests;
    std::uint32_t area_end = 0;  // the nearest of those in the last request
    for (const PollItem& item : sorted) {
        const std::uint32_t length_max = is_bits(item.table) ? bits_max : registers_max;
        const std::uint32_t gap_max = is_bits(item.table) ? gap_registers * 16 : gap_registers;
        if (requests.empty() || !joins(requests.back(), item, area_end, length_max, gap_max)) {
            requests.push_back(request_of(item));
            area_end = item.area_end;
            continue;
        }
        PollRequest& request = requests.back();
        request.count = static_cast<std::uint16_t>(
            std::max(std::uint32_t{request.address} + request.count, end_of(item)) - request.address);
        request.items.push_back(item);
        area_end = std::min(area_end, item.area_end);
    }
    return requests;
}

}  // namespace

bool is_bits(Table table) { return table == Table::coils || table == Table::discrete_inputs; }

wire::modbus::Function read_function(Table table) {
    return static_cast<wire::modbus::Function>(static_cast<int>(table) + 1);  // 1 … 4, in this order
}

std::vector<PollRequest> plan_polls(std::vector<PollItem> items, const PlanLimits& limits) {
    std::ranges::stable_sort(items, [](const PollItem& a, const PollItem& b) {
        return std::tuple(group_of(a), a.address, a.count) < std::tuple(group_of(b), b.address, b.count);
    });
    return merge(items, limits.registers_max, limits.bits_max, limits.gap_max);
}

std::vector<PollRequest> split_request(const PollRequest& request) {
    std::vector<PollRequest> runs = merge(request.items, request.count, request.count, 0);
    if (runs.size() > 1) return runs;
    std::vector<PollRequest> alone;
    for (const PollItem& item : request.items) alone.push_back(request_of(item));
    return alone;
}

}  // namespace gongshu::connect
