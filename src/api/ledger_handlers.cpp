// The ledger of the tenant: its head, its entries, and what proves them to others.
#include <charconv>

#include "api/handlers.h"
#include "api/proof_page.h"
#include "ledger/proof.h"
#include "registry/audit_ledger.h"
#include "registry/json.h"

namespace gongshu::api {
namespace {

constexpr std::uint64_t kEntriesMax = 1'000;

Result<ledger::Ledger*> ledger_for(Core& core, const Ask& ask) {
    if (!ask.who.paths.empty())
        return Error{Code::denied,
                     "the ledger holds what happened in all places: only who has no limits of place may "
                     "read it"};
    if (core.deps.ledgers == nullptr) return Error{Code::unsupported, "this server keeps no ledger"};
    // What was done just now is in it, too. An error may be another tenant's.
    if (!core.deps.ledgers->feed()) {
        const auto problems = core.deps.ledgers->problems();
        if (const auto own = problems.find(ask.tenant()); own != problems.end())
            return Error{Code::unavailable, "the ledger takes no records: {}", own->second};
    }
    return core.deps.ledgers->of(ask.tenant());
}

Result<std::uint64_t> entry_number(const Ask& ask) {
    std::uint64_t number = 0;
    const std::string& text = ask.names[0];
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size())
        return Error{Code::invalid, "expected the number of an entry, found \"{}\"", text.substr(0, 40)};
    return number;
}

// A head over all entries: the last one if nothing came since.
Result<ledger::TreeHead> head_of(ledger::Ledger& ledger) {
    const auto last = ledger.last_head();
    if (last && last->size == ledger.size()) return *last;
    return ledger.sign_head();
}

Answer as_file(std::string body, const std::string& name) {
    Answer answer = json_answer(std::move(body));
    answer.headers.push_back({"content-disposition", fmt::format("attachment; filename=\"{}\"", name)});
    return answer;
}

}  // namespace

Result<Answer> get_ledger(Core& core, const Ask& ask) {
    ledger::Ledger& ledger = *TRY(ledger_for(core, ask));
    return json_answer(ledger::head_json(ledger, TRY(head_of(ledger))));
}

Result<Answer> get_ledger_entries(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const ledger::Ledger& ledger = *TRY(ledger_for(core, ask));
    const std::uint64_t limit = TRY(parse_number(ask, "limit", 100, 1, kEntriesMax));
    const std::uint64_t size = ledger.size();
    // The newest ones unless said otherwise.
    const std::uint64_t from = TRY(parse_number(ask, "from", size > limit ? size - limit : 0, 0, INT64_MAX));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("size").safe_integer(static_cast<std::int64_t>(size)).key("entries").begin_array();
    for (std::uint64_t number = from; number < size && number - from < limit; ++number) {
        const ledger::Entry entry = TRY(ledger.get(number));
        out.begin_object().key("number").safe_integer(static_cast<std::int64_t>(number));
        out.key("time").integer(units.time(entry.time)).key("kind").text(entry.kind).key("body").text(entry.body);
        out.key("redacted_by");
        entry.redacted_by ? out.safe_integer(static_cast<std::int64_t>(*entry.redacted_by)) : out.null();
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_ledger_proof(Core& core, const Ask& ask) {
    const std::uint64_t number = TRY(entry_number(ask));
    ledger::Ledger& ledger = *TRY(ledger_for(core, ask));
    const ledger::TreeHead head = TRY(head_of(ledger));
    const std::string_view as = ask.value("as");
    if (!as.empty() && as != "json" && as != "html")
        return Error{Code::invalid, "as: expected json or html, found \"{}\"", as.substr(0, 40)};
    std::string proof = TRY(ledger::inclusion_proof(ledger, number, head));
    if (as != "html") return as_file(std::move(proof), fmt::format("proof-{}.json", number));
    Answer answer = as_file(proof_page(ledger, TRY(ledger.get(number)), head, proof, core.deps.qr),
                            fmt::format("proof-{}.html", number));
    answer.media_type = "text/html; charset=utf-8";
    return answer;
}

Result<Answer> redact_ledger_entry(Core& core, const Ask& ask) {
    const std::uint64_t number = TRY(entry_number(ask));
    TRY(ledger_for(core, ask));
    const Json body = TRY(registry::parse_json(ask.http.body));
    const Json* const reason = body.is_object() ? body.get_object().if_contains("reason") : nullptr;
    if (reason == nullptr || !reason->is_string())
        return Error{Code::invalid, "expected {{\"reason\": \"why the text is deleted\"}}"};
    const std::string why{reason->get_string().data(), reason->get_string().size()};
    const std::uint64_t by = TRY(core.deps.ledgers->redact(ask.who.actor, number, why));
    core.deps.registry.audit(ask.who.actor, "redacted", "ledger_entry", fmt::format("{}", number), "", true);
    std::string answer;
    JsonWriter{answer}.begin_object().key("entry").safe_integer(static_cast<std::int64_t>(by)).end_object();
    return json_answer(std::move(answer));
}

Result<Answer> anchor_ledgers(Core& core, const Ask& ask) {
    if (ask.who.actor.tenant_name != "default")
        return Error{Code::denied, "ledgers are anchored in each other by the tenant default alone, once an hour"};
    TRY(ledger_for(core, ask));
    const std::uint64_t done = TRY(core.deps.ledgers->anchor());
    std::string answer;
    JsonWriter{answer}.begin_object().key("ledgers").safe_integer(static_cast<std::int64_t>(done)).end_object();
    return json_answer(std::move(answer));
}

Result<Answer> get_ledger_consistency(Core& core, const Ask& ask) {
    ledger::Ledger& ledger = *TRY(ledger_for(core, ask));
    const std::uint64_t from = TRY(parse_number(ask, "from", INT64_MAX, 0, INT64_MAX));
    if (from == INT64_MAX) return Error{Code::invalid, "from: expected the size of the head that you keep"};
    const ledger::TreeHead old_head = TRY(ledger.head_at(from));
    return as_file(TRY(ledger::consistency_proof(ledger, old_head, TRY(head_of(ledger)))),
                   fmt::format("consistency-{}.json", from));
}

}  // namespace gongshu::api
