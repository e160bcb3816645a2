#include "expr/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "expr/machine.h"

namespace gongshu::expr {
namespace {

// What is looked for from the root down: the kids that could have decided, and did not.
class Search {
public:
    Search(const ProgramImpl& program, std::span<const Cell> cells) : program_(program), cells_(cells) {}

    std::vector<Doubt> run() {
        visit(static_cast<std::uint16_t>(cells_.size() - 1));
        return std::move(doubts_);
    }

private:
    void visit(std::uint16_t at) {
        if (cells_[at].known || std::ranges::count(seen_, at) > 0) return;
        seen_.push_back(at);
        const Node& node = program_.nodes_[at];
        if (node.op == NodeOp::unknown) return operation(at, Doubt::Why::said);
        if (const Source* source = source_of(program_, node)) return look(*source, at);
        if (!is_pure(node.op) && node.op != NodeOp::hold)
            return input(node.index, cells_[at]);  // a tag, or what only a tag can make unknown
        if (node.op == NodeOp::choose) {
            if (cells_[node.a].known) return visit(cells_[node.a].yes() ? node.b : node.c);
            return visit(node.a);
        }
        const std::uint16_t kids[] = {node.a, node.b, node.c};
        const int count = kids_of(node.op);
        const bool by_kid = std::any_of(kids, kids + count, [&](std::uint16_t kid) { return !cells_[kid].known; });
        if (!by_kid) return operation(at, Doubt::Why::no_result);
        for (int kid = 0; kid < count; ++kid) visit(kids[kid]);
    }

    void look(const Source& source, std::uint16_t at) {
        if (!source.is_tag && !cells_[source.node].known) return visit(source.node);
        if (!source.is_tag && source.tags == 0) return operation(at, Doubt::Why::no_result);  // of time alone
        for (std::uint16_t tag = 0; tag < program_.tags_.size(); ++tag)
            if (source.is_tag ? source.tag == tag : (source.tags >> tag & 1) != 0) input(tag, cells_[at]);
    }

    void input(std::uint16_t tag, const Cell& cell) {
        Doubt doubt{.name = program_.tags_[tag].path, .quality = cell.quality};
        if (!cell.missing)
            doubt.why = cell.quality.reason == Reason::range ? Doubt::Why::out_of_range : Doubt::Why::bad;
        const auto same = [&](const Doubt& known) { return known.is_input && known.name == doubt.name; };
        if (std::ranges::none_of(doubts_, same)) doubts_.push_back(std::move(doubt));
    }

    void operation(std::uint16_t at, Doubt::Why why) {
        const Written place = program_.written_[at];
        Doubt doubt{.name = written_text(program_.text_, place),
                    .is_input = false,
                    .why = why,
                    .quality = cells_[at].quality,
                    .column = place.column,
                    .length = place.length};
        if (std::ranges::count(doubts_, doubt) == 0) doubts_.push_back(std::move(doubt));
    }

    const ProgramImpl& program_;
    const std::span<const Cell> cells_;
    std::vector<std::uint16_t> seen_;
    std::vector<Doubt> doubts_;
};

}  // namespace

std::vector<Doubt> doubts_of(const ProgramImpl& program, std::span<const Cell> cells) {
    return Search{program, cells}.run();
}

std::string written_text(std::string_view text, Written place) {
    std::size_t character = 0, from = text.size(), to = text.size();
    for (std::size_t byte = 0; byte < text.size(); ++byte) {
        if ((static_cast<std::uint8_t>(text[byte]) & 0xc0) == 0x80) continue;
        ++character;
        if (character == place.column) from = byte;
        if (character == place.column + place.length) {
            to = byte;
            break;
        }
    }
    return std::string(text.substr(from, to - from));
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::fail:
            return "fail";
        case Outcome::pass:
            return "pass";
        case Outcome::unknown:
            break;
    }
    return "unknown";
}

std::string text_in(std::string_view language, const Doubt& doubt) {
    const bool zh = language == "zh";
    switch (doubt.why) {
        case Doubt::Why::missing:
            return fmt::format(fmt::runtime(zh ? "缺少 {}" : "{} is missing"), doubt.name);
        case Doubt::Why::bad:
            return fmt::format(fmt::runtime(zh ? "{} 质量坏（{}）" : "{} is of bad quality ({})"), doubt.name,
                               to_string(doubt.quality));
        case Doubt::Why::out_of_range:
            return fmt::format(fmt::runtime(zh ? "{} 超出范围" : "{} is out of range"), doubt.name);
        case Doubt::Why::no_result:
            return fmt::format(fmt::runtime(zh ? "第 {} 列的“{}”得不出结果" : "\"{1}\" in column {0} has no result"),
                               doubt.column, doubt.name);
        case Doubt::Why::said:
            break;
    }
    return fmt::format(fmt::runtime(zh ? "第 {} 列写的就是 unknown" : "column {} says so"), doubt.column);
}

std::string Verdict::text_in(std::string_view language) const {
    const bool zh = language == "zh";
    static constexpr std::string_view kZh[] = {"不通过", "通过", "未知"};
    std::string text{zh ? kZh[static_cast<std::size_t>(outcome)] : to_string(outcome)};
    std::string separator = zh ? "：" : ": ";
    for (const Doubt& doubt : doubts) {
        text += separator + expr::text_in(language, doubt);
        separator = zh ? "；" : "; ";
    }
    for (const std::string& one : assumed) {
        text += fmt::format(fmt::runtime(zh ? "{}按替代值 {}" : "{}assuming {}"), separator, one);
        separator = zh ? "；" : "; ";
    }
    return text;
}

Verdict verdict_of(Evaluator& evaluator) {
    const Answer& answer = evaluator.answer();
    Verdict verdict{.quality = answer.quality};
    const bool truth = answer.known && answer.kind == Kind::truth;
    if (truth)
        verdict.outcome = answer.truth ? Outcome::pass : Outcome::fail;
    else
        verdict.doubts = evaluator.doubts();
    // What was not known beforehand turned out to be no condition.
    if (!truth && verdict.doubts.empty())
        verdict.doubts.push_back({.name = evaluator.program().text(),
                                  .is_input = false,
                                  .why = Doubt::Why::no_result,
                                  .quality = bad(Reason::type),
                                  .column = 1});
    verdict.assumed = evaluator.assumed();
    return verdict;
}

Result<Verdict> evaluate_verdict(const std::shared_ptr<const Program>& program, std::span<const VerdictInput> inputs,
                                 TimeNs as_of) {
    if (program->kind() != Kind::truth && program->kind() != Kind::any)
        return Error{Code::invalid, "\"{}\" is not a condition, so that nothing passes or fails by it",
                     program->text()};
    if (inputs.size() != program->tags().size())
        return Error{Code::invalid, "\"{}\" has {} inputs, and {} are given", program->text(), program->tags().size(),
                     inputs.size()};
    const auto evaluator = Evaluator::create(program);
    evaluator->advance(as_of);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const VerdictInput& input = inputs[i];
        if (!input.value) continue;
        const auto number = as_number(*input.value);
        const bool outside =
            number && ((input.least && !(*number >= *input.least)) || (input.most && !(*number <= *input.most)));
        evaluator->feed(i, input.time.value_or(as_of), *input.value, outside ? bad(Reason::range) : input.quality);
    }
    return verdict_of(*evaluator);
}

}  // namespace gongshu::expr
