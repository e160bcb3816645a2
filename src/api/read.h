#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/handlers.h"
#include "history/tag_finder.h"

// What the answers to read have in common (data_handlers.cpp).
namespace gongshu::api {

inline constexpr std::uint64_t kReadRowsMax = 1'000'000;   // of one answer
inline constexpr std::size_t kReadPieceBytes = 256 << 10;  // rendered at once

// As find_tags(), without a copy of each.
Result<history::TagList> find_shared_tags(Core& core, const Ask& ask);
// Those of tag=, for Egress.
std::string asked_tags(const Ask& ask);
Result<void> parse_quality_filter(const Ask& ask, QualityFilter& quality);
// Whether order=desc; absent is neither.
Result<bool> parse_falling(const Ask& ask);
// Renders the first piece at once: a small answer is whole then.
Result<Answer> answer_in_pieces(std::shared_ptr<Pieces> pieces, std::string_view media_type);

// where_handlers.cpp: read with where=, rows of several tags side by side at the times when conditions hold.
Result<Answer> read_where(Core& core, const Ask& ask);

}  // namespace gongshu::api
