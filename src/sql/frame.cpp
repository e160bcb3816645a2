#include "sql/frame.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "base/assert.h"

namespace gongshu::sql {

namespace {

constexpr std::size_t kHeadBytes = 4;

// The fields of each message, in order; read and written by the same list.
template <class A, class M>
void walk(A& archive, M& m) {
    using T = std::remove_const_t<M>;
    if constexpr (std::is_same_v<T, Column>)
        archive(m.name, m.type, m.declared);
    else if constexpr (std::is_same_v<T, TableShape>)
        archive(m.name, m.columns, m.arguments);
    else if constexpr (std::is_same_v<T, Setup>)
        archive(m.library, m.memory_bytes, m.cpu_seconds, m.threads, m.tables, m.file_bytes);
    else if constexpr (std::is_same_v<T, Start>)
        archive(m.query, m.text, m.parameters, m.zone, m.zoned, m.describe_only, m.parquet);
    else if constexpr (std::is_same_v<T, ScanRows>)
        archive(m.query, m.scan, m.last, m.page);
    else if constexpr (std::is_same_v<T, ScanFailed>)
        archive(m.query, m.scan, m.code, m.text);
    else if constexpr (std::is_same_v<T, Ready>)
        archive(m.version, m.failure);
    else if constexpr (std::is_same_v<T, Began>)
        archive(m.query, m.columns, m.parameters);
    else if constexpr (std::is_same_v<T, AnswerRows>)
        archive(m.query, m.page);
    else if constexpr (std::is_same_v<T, FileBytes>)
        archive(m.bytes);
    else if constexpr (std::is_same_v<T, Ended>)
        archive(m.query, m.cpu_seconds);
    else if constexpr (std::is_same_v<T, Failed>)
        archive(m.query, m.code, m.position, m.sqlstate, m.text, m.cpu_seconds);
    else if constexpr (std::is_same_v<T, Open>)
        archive(m.query, m.scan, m.table, m.arguments, m.columns);
    else if constexpr (std::is_same_v<T, Want> || std::is_same_v<T, CloseScan>)
        archive(m.query, m.scan);
    else
        archive(m.query);
}

class Writer {
public:
    explicit Writer(Buffer& out) : out_(out) {}

    template <class... Fields>
    void operator()(const Fields&... fields) {
        (put(fields), ...);
    }

private:
    void raw(const void* from, std::size_t bytes) {
        const auto* const begin = static_cast<const std::uint8_t*>(from);
        out_.insert(out_.end(), begin, begin + bytes);
    }
    void size(std::size_t count) { put(static_cast<std::uint32_t>(count)); }

    template <class T>
        requires std::is_integral_v<T> || std::is_enum_v<T> || std::is_same_v<T, double>
    void put(T value) {
        static_assert(std::endian::native == std::endian::little);
        raw(&value, sizeof value);
    }
    void put(const std::string& text) {
        size(text.size());
        raw(text.data(), text.size());
    }
    template <class T>
    void put(const std::vector<T>& list) {
        size(list.size());
        if constexpr (std::is_integral_v<T>)
            raw(list.data(), list.size() * sizeof(T));
        else
            for (const T& one : list) put(one);
    }
    template <class T>
    void put(const std::optional<T>& one) {
        put(one.has_value());
        if (one) put(*one);
    }
    template <class A, class B>
    void put(const std::pair<A, B>& pair) {
        put(pair.first);
        put(pair.second);
    }
    void put(const Cell& cell) {
        put(static_cast<std::uint8_t>(cell.index()));
        std::visit([this](const auto& value) { put_value(value); }, cell);
    }
    void put_value(std::monostate) {}
    void put_value(Time time) { put(time.ns); }
    void put_value(Date date) { put(date.days); }
    void put_value(const Decimal& decimal) { put(decimal.digits); }
    template <class T>
    void put_value(const T& value) {
        put(value);
    }
    void put(const Page& page) {
        size(page.rows());
        size(page.columns());
        for (const Page::OfColumn& column : page.raw()) (*this)(column.type, column.bits, column.nulls, column.pool);
    }
    template <class T>
        requires std::is_same_v<T, Column> || std::is_same_v<T, TableShape>
    void put(const T& described) {
        walk(*this, described);
    }

    Buffer& out_;
};

class Reader {
public:
    explicit Reader(Bytes in) : in_(in) {}

    template <class... Fields>
    void operator()(Fields&... fields) {
        (get(fields), ...);
    }
    bool whole() const { return good_ && in_.empty(); }

private:
    bool raw(void* to, std::size_t bytes) {
        good_ = good_ && in_.size() >= bytes;
        if (!good_ || bytes == 0) return good_;
        std::memcpy(to, in_.data(), bytes);
        in_ = in_.subspan(bytes);
        return true;
    }
    // Of things that take at least `each` bytes.
    std::size_t size(std::size_t each) {
        std::uint32_t count = 0;
        get(count);
        if (count > in_.size() / each) good_ = false;
        return good_ ? count : 0;
    }

    template <class T>
        requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
    void get(T& value) {
        if (!raw(&value, sizeof value)) value = 0;
    }
    void get(double& value) { raw(&value, sizeof value); }
    void get(bool& value) {
        std::uint8_t byte = 0;
        get(byte);
        good_ = good_ && byte <= 1;
        value = byte == 1;
    }
    void get(CellType& type) {
        std::uint8_t byte = 0;
        get(byte);
        good_ = good_ && byte >= 1 && byte <= static_cast<std::uint8_t>(CellType::other);
        if (good_) type = static_cast<CellType>(byte);
    }
    void get(Code& code) {
        std::uint8_t byte = 0;
        get(byte);
        good_ = good_ && byte <= static_cast<std::uint8_t>(Code::corrupt);
        if (good_) code = static_cast<Code>(byte);
    }
    void get(std::string& text) {
        const std::size_t bytes = size(1);
        if (!good_) return;
        text.assign(reinterpret_cast<const char*>(in_.data()), bytes);
        in_ = in_.subspan(bytes);
    }
    template <class T>
    void get(std::vector<T>& list) {
        const std::size_t count = size(std::is_integral_v<T> ? sizeof(T) : 1);
        list.resize(count);
        if constexpr (std::is_integral_v<T>)
            raw(list.data(), count * sizeof(T));
        else
            for (std::size_t i = 0; i < count && good_; ++i) get(list[i]);
    }
    template <class T>
    void get(std::optional<T>& one) {
        bool has = false;
        get(has);
        if (has) get(one.emplace());
    }
    template <class A, class B>
    void get(std::pair<A, B>& pair) {
        get(pair.first);
        get(pair.second);
    }
    void get(Cell& cell) {
        std::uint8_t index = 0;
        get(index);
        switch (good_ ? index : 0) {
            case 0:
                cell = {};
                break;
            case 1:
                get(cell.emplace<1>());
                break;
            case 2:
                get(cell.emplace<2>());
                break;
            case 3:
                get(cell.emplace<3>());
                break;
            case 4:
                get(cell.emplace<4>());
                break;
            case 5:
                get(cell.emplace<5>().ns);
                break;
            case 6:
                get(cell.emplace<6>().days);
                break;
            case 7:
                get(cell.emplace<7>().digits);
                break;
            default:
                good_ = false;
        }
    }
    void get(Page& page) {
        std::uint32_t rows = 0;
        get(rows);
        std::vector<Page::OfColumn> columns(size(1 + 3 * kHeadBytes));
        for (Page::OfColumn& column : columns) (*this)(column.type, column.bits, column.nulls, column.pool);
        auto made = good_ ? Page::from_raw(std::move(columns), rows) : std::nullopt;
        good_ = made.has_value();
        if (good_) page = std::move(*made);
    }
    template <class T>
        requires std::is_same_v<T, Column> || std::is_same_v<T, TableShape>
    void get(T& described) {
        walk(*this, described);
    }

    Bytes in_;
    bool good_ = true;
};

template <class Message>
Buffer encode_any(const Message& message) {
    Buffer out(kHeadBytes);
    out.push_back(static_cast<std::uint8_t>(message.index()));
    Writer writer{out};
    std::visit([&](const auto& one) { walk(writer, one); }, message);
    ASSERT(out.size() - kHeadBytes <= kFrameBytesMax);
    const auto bytes = static_cast<std::uint32_t>(out.size() - kHeadBytes);
    std::memcpy(out.data(), &bytes, sizeof bytes);
    return out;
}

template <class Message, std::size_t I = 0>
Result<Message> decode_any(Bytes frame) {
    if constexpr (I == std::variant_size_v<Message>) {
        return Error{Code::malformed, "a frame of kind {} between the processes of SQL", frame.empty() ? 0 : frame[0]};
    } else {
        if (frame.empty() || frame[0] != I) return decode_any<Message, I + 1>(frame);
        std::variant_alternative_t<I, Message> one;
        Reader reader{frame.subspan(1)};
        walk(reader, one);
        if (!reader.whole()) return Error{Code::malformed, "a broken frame of kind {} between the processes of SQL", I};
        return Message{std::move(one)};
    }
}

}  // namespace

Buffer encode(const ToWorker& message) { return encode_any(message); }
Buffer encode(const ToServer& message) { return encode_any(message); }
Result<ToWorker> decode_to_worker(Bytes frame) { return decode_any<ToWorker>(frame); }
Result<ToServer> decode_to_server(Bytes frame) { return decode_any<ToServer>(frame); }

Result<std::optional<Bytes>> Framer::next() {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    if (buffer_.size() < kHeadBytes) return std::optional<Bytes>{};
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, buffer_.data(), sizeof bytes);
    if (bytes == 0 || bytes > kFrameBytesMax)
        return Error{Code::malformed, "a frame of {} bytes between the processes of SQL", bytes};
    if (buffer_.size() < kHeadBytes + bytes) return std::optional<Bytes>{};
    taken_ = kHeadBytes + bytes;
    return std::optional{Bytes{buffer_}.subspan(kHeadBytes, bytes)};
}

}  // namespace gongshu::sql
