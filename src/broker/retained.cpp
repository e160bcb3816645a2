#include "broker/retained.h"

#include <cstring>
#include <utility>

#include "base/checksum.h"
#include "base/log.h"

namespace gongshu::broker {
namespace {

using wire::mqtt::Publish;

constexpr std::size_t kRecordHeaderBytes = 8;
constexpr std::size_t kPayloadHeaderBytes = 12;
constexpr std::uint64_t kLogBytesMax = std::uint64_t{4} << 30;

template <class T>
void put_number(Buffer& out, T number) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (8 * i)));
}

template <class T>
T take_number(Bytes bytes, std::size_t at) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) number |= static_cast<std::uint64_t>(bytes[at + i]) << (8 * i);
    return static_cast<T>(number);
}

std::size_t bytes_of(const Message& message) { return message.topic.size() + message.payload.size(); }

// `wall_offset`: wall time minus monotonic time, to keep an expiry over restarts.
void append_record(Buffer& out, TenantId tenant, const Message& message, DurationNs wall_offset) {
    Buffer payload;
    put_number(payload, tenant.value);
    put_number(payload, message.expires == 0 ? TimeNs{0} : message.expires + wall_offset);
    Publish publish{.topic = message.topic, .payload = message.payload, .qos = message.qos, .retain = true};
    publish.packet_id = message.qos == 0 ? std::uint16_t{0} : std::uint16_t{1};
    publish.properties = message.properties;
    wire::mqtt::encode(publish, wire::mqtt::Version::v5, payload);
    put_number(out, crc32c(payload));
    put_number(out, static_cast<std::uint32_t>(payload.size()));
    out.insert(out.end(), payload.begin(), payload.end());
}

DurationNs wall_offset(const Clock& clock) { return clock.now() - clock.monotonic(); }

}  // namespace

// The file and who waits for it. Shared with the job on the pool, which alone touches the file while it runs.
class Retained::Log : public std::enable_shared_from_this<Retained::Log> {
public:
    Log(io::Files& files, io::Loop& loop, io::Pool& pool, std::string path)
        : files_(files), loop_(loop), pool_(pool), path_(std::move(path)) {}

    Result<Buffer> read() {
        if (!TRY(files_.exists(path_))) return Buffer{};
        return io::read_whole(files_, path_, kLogBytesMax);
    }

    Result<void> rewrite(Bytes bytes) {
        TRY(io::write_whole(files_, path_, bytes));
        file_ = TRY(files_.open(path_, io::Open::append));
        bytes_ = bytes.size();
        return {};
    }

    void append(TenantId tenant, const Message& message, Done done) {
        append_record(waiting_bytes_, tenant, message, wall_offset(loop_.clock()));
        waiting_.push_back(std::move(done));
        start();
    }

    // Replaces the log's content by `snapshot` before what waits.
    void rewrite_later(Buffer snapshot) { snapshot_ = std::move(snapshot); }
    std::uint64_t bytes() const { return bytes_; }

private:
    struct Job {
        Buffer snapshot;
        Buffer bytes;
        std::vector<Done> done;
    };

    void start() {
        if (busy_ || waiting_.empty()) return;
        const auto job = std::make_shared<Job>();
        job->snapshot = std::exchange(snapshot_, {});
        job->bytes = std::exchange(waiting_bytes_, {});
        job->done = std::exchange(waiting_, {});
        busy_ = true;
        const bool taken = pool_.submit([self = shared_from_this(), job] {
            auto result = std::make_shared<Result<void>>(self->write(*job));
            self->loop_.post([self, job, result] { self->finish(*job, *result); });
        });
        if (!taken)
            loop_.post([self = shared_from_this(), job] {
                self->finish(*job, Error{Code::unavailable, "too much work waits for the disk"});
            });
    }

    // On the pool.
    Result<void> write(const Job& job) {
        if (broken_) return *broken_;
        auto result = write_or_fail(job);
        if (!result)
            broken_ =
                std::move(result).error().context("{} takes no more retained messages until the next start", path_);
        return broken_ ? Result<void>{*broken_} : Result<void>{};
    }

    Result<void> write_or_fail(const Job& job) {
        if (!job.snapshot.empty()) TRY(rewrite(job.snapshot));
        TRY(file_->append(job.bytes));
        TRY(file_->sync());
        bytes_ += job.bytes.size();
        return {};
    }

    void finish(Job& job, const Result<void>& result) {
        busy_ = false;
        if (!result) log_error("broker", "{}", result.error().text());
        for (const Done& done : job.done) done(result);
        start();
    }

    // Constant.
    io::Files& files_;
    io::Loop& loop_;
    io::Pool& pool_;
    const std::string path_;
    // The lane's.
    bool busy_ = false;
    Buffer snapshot_;
    Buffer waiting_bytes_;
    std::vector<Done> waiting_;
    // The job's while busy_, else the lane's.
    std::unique_ptr<io::File> file_;
    std::uint64_t bytes_ = 0;
    std::optional<Error> broken_;

    friend class Retained;
};

Retained::~Retained() = default;

Result<std::unique_ptr<Retained>> Retained::create(io::Files& files, io::Loop& loop, io::Pool& pool,
                                                   const std::string& folder, RetainedLimits limits) {
    auto made = std::make_unique<Retained>(loop, limits);
    if (folder.empty()) return made;
    TRY(files.make_folder(folder));
    auto log = std::make_shared<Log>(files, loop, pool, folder + "/retained.log");
    made->replay(TRY(log->read().context("cannot read retained messages")));
    // Written anew: without what was replaced, and without a torn tail.
    TRY(log->rewrite(made->snapshot()).context("cannot write retained messages"));
    made->log_ = std::move(log);
    return made;
}

void Retained::replay(Bytes bytes) {
    Bytes rest = bytes;
    while (!rest.empty() && replay_record(rest)) {
    }
    if (!rest.empty()) {
        log_warning("broker",
                    "retained.log: {} bytes after byte {} are no whole record and are cut off (an interrupted write)",
                    rest.size(), bytes.size() - rest.size());
    }
}

bool Retained::replay_record(Bytes& rest) {
    if (rest.size() < kRecordHeaderBytes) return false;
    const auto length = take_number<std::uint32_t>(rest, 4);
    if (length < kPayloadHeaderBytes || rest.size() - kRecordHeaderBytes < length) return false;
    const Bytes payload = rest.subspan(kRecordHeaderBytes, length);
    if (crc32c(payload) != take_number<std::uint32_t>(rest, 0)) return false;
    const auto packet = wire::mqtt::decode_packet(payload.subspan(kPayloadHeaderBytes), wire::mqtt::Version::v5,
                                                  wire::mqtt::End::server);
    const auto* publish = packet ? std::get_if<Publish>(&*packet) : nullptr;
    if (publish == nullptr) return false;
    const auto expires = take_number<TimeNs>(payload, 4);
    Message message{.topic = std::string(publish->topic),
                    .payload = {publish->payload.begin(), publish->payload.end()},
                    .qos = publish->qos,
                    .retain = true,
                    .properties = publish->properties};
    if (expires != 0) message.expires = std::max<DurationNs>(1, expires - wall_offset(loop_.clock()));
    set(TenantId{take_number<std::uint32_t>(payload, 0)}, std::make_shared<const Message>(std::move(message)));
    rest = rest.subspan(kRecordHeaderBytes + length);
    return true;
}

Buffer Retained::snapshot() const {
    Buffer bytes;
    const DurationNs now = loop_.clock().monotonic();
    for (const auto& [tenant, of_tenant] : tenants_) {
        for (const auto& [topic, message] : of_tenant.by_topic) {
            if (!message->expired(now)) append_record(bytes, tenant, *message, wall_offset(loop_.clock()));
        }
    }
    return bytes;
}

void Retained::set(TenantId tenant, const MessagePtr& message) {
    OfTenant& of_tenant = tenants_[tenant];
    if (const auto old = of_tenant.by_topic.find(message->topic); old != of_tenant.by_topic.end()) {
        of_tenant.bytes -= bytes_of(*old->second);
        of_tenant.by_topic.erase(old);
    }
    if (message->payload.empty()) return;
    of_tenant.bytes += bytes_of(*message);
    of_tenant.by_topic.emplace(message->topic, message);
}

void Retained::put(TenantId tenant, const MessagePtr& message, Done done) {
    OfTenant& of_tenant = tenants_[tenant];
    const auto old = of_tenant.by_topic.find(message->topic);
    const bool is_new = old == of_tenant.by_topic.end();
    const std::uint64_t freed = is_new ? 0 : bytes_of(*old->second);
    const bool too_many = is_new && of_tenant.by_topic.size() >= limits_.messages_max;
    if (!message->payload.empty() && (too_many || of_tenant.bytes - freed + bytes_of(*message) > limits_.bytes_max)) {
        return loop_.post([done = std::move(done), limits = limits_] {
            done(Error{
                Code::limit,
                "retained messages: at most {} topics and {} bytes a tenant; clear some by publishing nothing to them",
                limits.messages_max, limits.bytes_max});
        });
    }
    set(tenant, message);
    if (!log_) return loop_.post([done = std::move(done)] { done({}); });
    std::uint64_t live = 0;
    for (const auto& [id, one] : tenants_) live += one.bytes;
    if (!log_->busy_ && log_->bytes() > 2 * live + limits_.log_slack_bytes) log_->rewrite_later(snapshot());
    log_->append(tenant, *message, std::move(done));
}

void Retained::match(TenantId tenant, std::string_view filter,
                     const std::function<void(const MessagePtr&)>& found) const {
    const auto of_tenant = tenants_.find(tenant);
    if (of_tenant == tenants_.end()) return;
    const auto& by_topic = of_tenant->second.by_topic;
    const DurationNs now = loop_.clock().monotonic();
    const auto report = [&](const MessagePtr& message) {
        if (!message->expired(now)) found(message);
    };
    if (filter.find_first_of("+#") == std::string_view::npos) {
        if (const auto one = by_topic.find(filter); one != by_topic.end()) report(one->second);
        return;
    }
    for (const auto& [topic, message] : by_topic) {
        if (wire::mqtt::topic_matches(filter, topic)) report(message);
    }
}

std::size_t Retained::count(TenantId tenant) const {
    const auto of_tenant = tenants_.find(tenant);
    return of_tenant == tenants_.end() ? 0 : of_tenant->second.by_topic.size();
}

}  // namespace gongshu::broker
