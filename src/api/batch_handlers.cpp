// Readings as columns: POST /api/v1/write/batch.
#include <algorithm>
#include <bit>
#include <functional>

#include "api/column_memory.h"
#include "api/intake.h"
#include "data/stage.h"
#include "wire/batch.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kBlockTagsMax = 256;

// The device of plant/cnc1.temperature: what its columns have in common.
std::string_view device_of(std::string_view path) {
    const std::size_t level = path.rfind('/') == path.npos ? 0 : path.rfind('/');
    return path.substr(0, path.find('.', level));
}

bool grows(const std::vector<TimeNs>& times) {
    return std::ranges::adjacent_find(times, std::greater_equal{}) == times.end();
}

// What limits are held against; on or off has none, whatever was sent.
std::optional<double> number_of(ValueType type, std::uint64_t bits) {
    if (type == ValueType::number) return std::bit_cast<double>(bits);
    if (type == ValueType::integer) return static_cast<double>(static_cast<std::int64_t>(bits));
    return std::nullopt;
}
std::optional<double> number_of(ValueType type, const Value& value) {
    return type == ValueType::boolean ? std::nullopt : as_number(value);
}

// No text.
std::uint64_t bits_of(const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) return std::bit_cast<std::uint64_t>(*number);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<std::uint64_t>(*integer);
    return std::get<bool>(value) ? 1 : 0;
}

Value value_of(const wire::BatchColumn& column, std::size_t i) {
    switch (column.type) {
        case ValueType::number:
            return std::bit_cast<double>(column.bits[i]);
        case ValueType::integer:
            return static_cast<std::int64_t>(column.bits[i]);
        case ValueType::boolean:
            return column.bits[i] != 0;
        case ValueType::text:
            break;
    }
    return std::string{column.texts[i]};
}

// Takes the columns of one body. Those of a device that have the same times become a block, as what their tags hold;
// texts, and all of a body in which one column does not fit its tag or is not in order of time, go as single readings.
class ColumnTaker {
public:
    ColumnTaker(Core& core, const Ask& ask) : core_(core), ask_(ask) {
        intake_.language = language_of(ask);
        memory_ = ColumnMemory::take(core, ask.tenant());
    }
    ~ColumnTaker() { ColumnMemory::give_back(core_, std::move(memory_)); }
    ColumnTaker(const ColumnTaker&) = delete;
    ColumnTaker& operator=(const ColumnTaker&) = delete;

    void take(const wire::BatchColumn& column) {
        // Of every column, whatever becomes of it: the next one may have the same times.
        if (!column.same_times) times_grow_ = grows(column.times);
        const auto to = target(column);
        if (!to) return intake_.refuse(to.error(), [&](std::string_view text) { fault(column, text); });
        if (column.type == ValueType::text && to->type == ValueType::text) return take_alone(*to, column);
        const std::vector<std::uint64_t>* bits = as_rows_ || !times_grow_ ? nullptr : bits_as(to->type, column);
        if (bits == nullptr) {
            give_up_blocks();
            return take_alone(*to, column);
        }
        if (!joins(*to, column)) {
            finish_block();
            device_ = device_of(column.path);
            block_.times = column.times;
        }
        add_to_block(*to, column, *bits);
    }
    Intake finish() {
        finish_block();
        return std::move(intake_);
    }

private:
    void fault(const wire::BatchColumn& column, std::string_view text) {
        intake_.fault(fmt::format("column {}", column.index), fmt::format("\"column\":{}", column.index), text);
    }
    Result<Target> target(const wire::BatchColumn& column) {
        // A caller with paths has each tag held against them.
        const bool may_remember = ask_.who.paths.empty();
        if (const Target* known = may_remember ? memory_->find(column.path) : nullptr) return *known;
        const Target found = TRY(target_of_path(core_, ask_, std::string{column.path}, column.type, key_));
        if (may_remember) memory_->learn(column.path, found);
        return found;
    }
    // The values of the column as its tag holds them; null if one of them does not fit. Good until the next column.
    const std::vector<std::uint64_t>* bits_as(ValueType type, const wire::BatchColumn& column) {
        if (column.type == type) return &column.bits;
        if (column.type == ValueType::text || type == ValueType::text) return nullptr;
        converted_.clear();
        for (std::size_t i = 0; i < column.bits.size(); ++i) {
            const auto value = convert_exactly(value_of(column, i), type);
            if (!value) return nullptr;
            converted_.push_back(bits_of(*value));
        }
        return &converted_;
    }
    bool joins(const Target& to, const wire::BatchColumn& column) const {
        return !tags_.empty() && tags_.size() < kBlockTagsMax && shard_of(to.tag) == shard_of(tags_.front()) &&
               ((column.same_times && last_ + 1 == column.index) || column.times == block_.times) &&
               device_of(column.path) == device_ && std::ranges::find(tags_, to.tag) == tags_.end();
    }
    void add_to_block(const Target& to, const wire::BatchColumn& column, const std::vector<std::uint64_t>& bits) {
        tags_.push_back(to.tag);
        types_.push_back(to.type);
        last_ = column.index;
        const std::size_t before = block_.bits.size();
        block_.bits.insert(block_.bits.end(), bits.begin(), bits.end());
        const bool all_good = column.all_good && !to.min && !to.max;
        if (!block_.qualities.empty() || !all_good) block_.qualities.resize(block_.bits.size(), pack(kGood));
        if (all_good) return;
        for (std::size_t i = 0; i < bits.size(); ++i)
            block_.qualities[before + i] = pack(limited(to, column.qualities[i], number_of(to.type, bits[i])));
    }
    void finish_block() {
        if (tags_.empty()) return;
        block_.shape = memory_->shape(tags_, types_);
        intake_.columns.add(std::exchange(block_, {}));
        tags_.clear();
        types_.clear();
    }
    // Of two readings of one tag and time the later one stands, so all of them take the same way.
    void give_up_blocks() {
        if (as_rows_) return;
        finish_block();
        intake_.columns.add_to(intake_.rows);
        intake_.columns = {};
        as_rows_ = true;
    }
    void take_alone(const Target& to, const wire::BatchColumn& column) {
        for (std::size_t i = 0; i < column.times.size(); ++i) {
            if (intake_.rows.full(column.type == ValueType::text ? column.texts[i].size() : 0))
                return fault(column,
                             fmt::format("more than {} readings in one request: send it in parts", Rows::kRowsMax));
            const Value value = value_of(column, i);
            // A bad reading needs no value; the store keeps its quality.
            if (column.type != to.type && column.qualities[i].usable() && !convert_exactly(value, to.type)) {
                fault(column, fmt::format("value: {}", does_not_fit(value, column.path, to.type)));
                continue;
            }
            intake_.rows.add(
                {to.tag, column.times[i], value, limited(to, column.qualities[i], number_of(to.type, value))});
        }
    }

    Core& core_;
    const Ask& ask_;
    Intake intake_;
    std::unique_ptr<ColumnMemory> memory_;
    std::string key_;
    bool as_rows_ = false;
    bool times_grow_ = false;               // those of the column in hand
    std::vector<std::uint64_t> converted_;  // its values, when its tag is of another type
    // The block that is being put together; no tag = none.
    ColumnBlock block_;
    std::vector<TagId> tags_;
    std::vector<ValueType> types_;
    std::string device_;
    std::size_t last_ = 0;  // the number of its last column
};

}  // namespace

// Nothing of a body that is broken anywhere is stored: it is sent again as a whole.
void post_write_batch(Core& core, const AskPtr& ask, Done done) {
    const auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, *ask, body.error()));
    ColumnTaker taker{core, *ask};
    const auto decoded = wire::decode_batch(as_bytes(*body), {.rows_max = Rows::kRowsMax},
                                            [&](const wire::BatchColumn& column) { taker.take(column); });
    if (!decoded) return done(refuse_body(core, *ask, decoded.error()));
    store(core.shared_from_this(), ask, taker.finish(), std::move(done));
}

}  // namespace gongshu::api
