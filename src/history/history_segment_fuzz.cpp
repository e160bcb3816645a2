// The parts of a segment of any bytes: directory, footer and chunks.
#include <cstdlib>

#include "history/cell_bits.h"
#include "history/chunk_0.h"
#include "history/integers.h"
#include "history/numbers.h"
#include "history/section.h"
#include "history/segment.h"

using namespace gongshu;

namespace {

// What can be read of any bytes can be written and read again.
void chunks(Bytes input, ValueType type, std::uint64_t rows) {
    (void)history::decode_chunk_0(input, type, rows);
    history::ChunkInfo chunk;
    chunk.type = type;
    chunk.statistics.rows = rows;
    chunk.max_time = static_cast<TimeNs>(rows > 0 ? rows - 1 : 0);
    (void)history::decode_chunk(chunk, {{}, {}, input, true});
    (void)history::decode_chunk(chunk, {{}, input, input});
    (void)history::decode_chunk(chunk, {input, {}, input});
    const auto run = history::decode_chunk(chunk, {{}, {}, input});
    if (!run) return;
    for (const auto tier : {history::Tier::hot, history::Tier::cold}) {
        Buffer again;
        history::encode_values(*run, 0, run->size(), tier, again);
        const auto same = history::decode_chunk(chunk, {{}, {}, again});
        if (!same || !(*same == *run)) std::abort();
    }
}

// Vectors without the checksums that keep a fuzzer out.
void vectors(Bytes input, std::size_t rows) {
    if (rows == 0 || rows > history::kVectorRows) return;
    history::SymbolCounts counts{};
    counts[0] = 3, counts[1] = 2, counts[255] = counts[20] = 1;
    const Buffer code_1{2, 0x01, 0x11};
    history::Decoder in_code{code_1};
    const history::ResidualCodes both{history::ResidualCode::make(counts), history::ResidualCode1::decode(in_code)};
    history::Vector values;
    for (const auto& codes : {both, history::ResidualCodes{}}) {
        history::Decoder in{input};
        history::decode_integers(in, rows, codes, values.at.data());
        history::Decoder numbers{input};
        history::decode_numbers(numbers, rows, codes, values.at.data());
        if (numbers.failed()) continue;
        Buffer again;
        history::encode_numbers(values.at.data(), rows, history::choose_form({values.at.data(), rows}), again);
        history::Decoder second{again};
        history::Vector same;
        history::decode_numbers(second, rows, {}, same.at.data());
        if (!second.finished() ||
            !std::equal(same.at.begin(), same.at.begin() + static_cast<std::ptrdiff_t>(rows), values.at.begin()))
            std::abort();
    }
}

// Those of any bytes come back from what is made of them.
void cells(Bytes input, ValueType type) {
    if (type == ValueType::text) return;
    for (const auto length : {history::SectionType::hours, history::SectionType::minutes}) {
        (void)history::decode_cells(length, type, 0, input);
        const auto made = history::decode_cell_bits(history::cell_length(length), type, 0, input);
        Buffer again;
        if (!made || !history::encode_cell_bits(history::cell_length(length), type, *made, again)) continue;
        const auto same = history::decode_cell_bits(history::cell_length(length), type, 0, again);
        if (!same || *same != *made) std::abort();
    }
}

// A code of any bytes, and a stream of any bytes.
void codes(Bytes input) {
    history::Decoder in{input};
    const auto code = history::ResidualCode::decode(in);
    history::Vector values;
    if (code) (void)code->read(in.bytes(in.left()), history::kVectorRows, values.at.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes < 3) return 0;
    const Bytes input = Bytes{data, bytes}.subspan(3);
    for (const std::uint8_t format : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}})
        (void)history::decode_directory(input, format, std::uint64_t{data[1]} << 8 | data[2], "fuzz");
    (void)history::decode_footer(input.first(std::min(input.size(), history::kSegmentFooterBytes)), 1000, "fuzz");
    (void)history::check_sections(input);
    (void)history::find_section(input, history::SectionType::hours);
    chunks(input, static_cast<ValueType>(1 + data[0] % 4), std::uint64_t{data[1]} << 8 | data[2]);
    codes(input);
    cells(input, static_cast<ValueType>(1 + data[0] % 4));
    vectors(input, std::size_t{data[1]} << 8 | data[2]);
    return 0;
}
