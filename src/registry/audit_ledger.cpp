#include "registry/audit_ledger.h"

#include <algorithm>
#include <charconv>

#include "base/json_writer.h"
#include "base/log.h"
#include "registry/json.h"
#include "registry/registry_impl.h"
#include "registry/verify.h"

namespace gongshu::registry {
namespace {

constexpr std::string_view kAuditKind = "audit";
// An update holds its resource before and after, each of up to a megabyte, as JSON within JSON.
constexpr std::size_t kBodyBytesMax = 64 << 20;
constexpr std::size_t kBatchBytesMax = 8 << 20;

std::int64_t as_cell(TenantId tenant) { return static_cast<std::int64_t>(tenant.value); }

// The id in the body of an entry of an audit record.
std::optional<std::uint64_t> audit_id(std::string_view body) {
    constexpr std::string_view begin = "{\"id\":";
    std::uint64_t id = 0;
    if (!body.starts_with(begin)) return std::nullopt;
    const auto [end, failed] = std::from_chars(body.data() + begin.size(), body.data() + body.size(), id);
    return failed == std::errc{} && *end == ',' ? std::optional{id} : std::nullopt;
}

}  // namespace

std::string audit_body(const AuditRecord& record) {
    std::string body;
    JsonWriter json{body};
    json.begin_object().key("id").integer(static_cast<std::int64_t>(record.id)).key("time").integer(record.time);
    json.key("who").text(record.who).key("from").text(record.from).key("action").text(record.action);
    json.key("kind").text(record.kind).key("name").text(record.name).key("detail").text(record.detail);
    json.key("allowed").boolean(record.allowed).end_object();
    return body;
}

std::string anchor_body(const Anchor& anchor) {
    std::string body;
    JsonWriter json{body};
    json.begin_object().key("round").integer(anchor.round).key("hash").text("sha256");
    json.key("heads").integer(static_cast<std::int64_t>(anchor.heads));
    json.key("index").integer(static_cast<std::int64_t>(anchor.index));
    json.key("root").text(to_hex(anchor.root)).key("head").begin_object();
    json.key("size").integer(static_cast<std::int64_t>(anchor.own.size)).key("root").text(to_hex(anchor.own.root));
    json.key("time").integer(anchor.own.time).end_object().key("path").begin_array();
    for (const ledger::Digest& digest : anchor.path) json.text(to_hex(digest));
    json.end_array().end_object();
    return body;
}

Result<Anchor> parse_anchor(std::string_view body) {
    const Json json = TRY(parse_json(body));
    const auto digest = [](const Json* value) -> std::optional<ledger::Digest> {
        ledger::Digest made{};
        if (value == nullptr || !value->is_string()) return std::nullopt;
        const std::string_view hex{value->get_string()};
        if (hex.size() != 2 * made.size()) return std::nullopt;
        for (std::size_t i = 0; i < made.size(); ++i) {
            const char* const at = hex.data() + 2 * i;
            if (std::from_chars(at, at + 2, made[i], 16).ptr != at + 2) return std::nullopt;
        }
        return made;
    };
    const auto number = [](const Json* value) -> std::optional<std::uint64_t> {
        return value != nullptr && value->is_int64() && value->get_int64() >= 0
                   ? std::optional{static_cast<std::uint64_t>(value->get_int64())}
                   : std::nullopt;
    };
    const Error broken{Code::corrupt, "it is no anchor"};
    if (!json.is_object()) return broken;
    const JsonObject& object = json.get_object();
    const Json* const head = object.if_contains("head");
    const Json* const path = object.if_contains("path");
    if (head == nullptr || !head->is_object() || path == nullptr || !path->is_array()) return broken;
    const auto round = number(object.if_contains("round")), heads = number(object.if_contains("heads")),
               index = number(object.if_contains("index")), size = number(head->get_object().if_contains("size")),
               time = number(head->get_object().if_contains("time"));
    const auto root = digest(object.if_contains("root")), own = digest(head->get_object().if_contains("root"));
    if (!round || !heads || !index || !size || !time || !root || !own) return broken;
    Anchor anchor;
    anchor.round = static_cast<TimeNs>(*round);
    anchor.heads = *heads;
    anchor.index = *index;
    anchor.own.size = *size;
    anchor.own.root = *own;
    anchor.own.time = static_cast<TimeNs>(*time);
    anchor.root = *root;
    for (const Json& one : path->get_array()) {
        const auto made = digest(&one);
        if (!made) return broken;
        anchor.path.push_back(*made);
    }
    return anchor;
}

bool holds(const Anchor& anchor, std::string_view name, ledger::HashKind hash) {
    const ledger::Digest leaf =
        ledger::leaf_hash(ledger::HashKind::sha256, as_bytes(ledger::head_text(name, hash, anchor.own)));
    return ledger::verify_inclusion(ledger::HashKind::sha256, leaf, anchor.index, anchor.heads, anchor.path,
                                    anchor.root);
}

std::string ledger_folder(const std::string& folder, TenantId tenant) {
    return fmt::format("{}/{:x}", folder, tenant.value);
}

AuditLedger::AuditLedger(RegistryImpl& registry, io::Files& files, const Clock& clock, std::string folder,
                         ledger::HashKind hash)
    : registry_(registry),
      files_(files),
      clock_(clock),
      folder_(std::move(folder)),
      hash_(hash),
      key_(registry.ledger_key()) {}

Result<std::unique_ptr<AuditLedger>> AuditLedger::create(Registry& registry, io::Files& files, const Clock& clock,
                                                         std::string folder, ledger::HashKind hash) {
    TRY(files.make_folder(folder));
    auto& impl = dynamic_cast<RegistryImpl&>(registry);
    std::unique_ptr<AuditLedger> made(new AuditLedger(impl, files, clock, std::move(folder), hash));
    // Opened at the start, so that damage is told then and not when somebody asks.
    for (const auto& [tenant, name] : registry.tenants())
        if (TRY(files.exists(ledger_folder(made->folder_, tenant) + "/LEDGER")))
            if (const auto opened = made->open(tenant); !opened) {
                log_error("registry", "{}", opened.error().text());
                made->problems_[tenant] = opened.error().text();
            }
    return made;
}

Result<ledger::Ledger*> AuditLedger::of(TenantId tenant) { return TRY(open(tenant))->ledger.get(); }

Result<AuditLedger::Open*> AuditLedger::open(TenantId tenant) {
    const std::lock_guard lock{mutex_};
    auto& open = open_[tenant];
    if (open) return open.get();
    std::string uid;
    TRY(registry_.database().read({"select uid from tenants where id = :a", {as_cell(tenant)}},
                                  [&](const Row& row) { uid = row.text(0); }));
    if (uid.empty()) return Error{Code::not_found, "there is no tenant number {}", tenant.value};
    auto made = std::make_unique<Open>();
    ledger::LedgerOptions options;
    options.folder = ledger_folder(folder_, tenant);
    options.name = uid;
    options.hash = hash_;
    options.body_bytes_max = kBodyBytesMax;
    made->ledger = TRY(ledger::Ledger::open(files_, clock_, key_, std::move(options)));
    TRY(recall(*made, tenant));
    open = std::move(made);
    return open.get();
}

// What the ledger has and the table does not know, and the other way round: after a crash, or from a backup.
Result<void> AuditLedger::recall(Open& open, TenantId tenant) const {
    const std::uint64_t size = open.ledger->size();
    for (const std::uint64_t number : open.ledger->redacted()) TRY(forget_row(tenant, number));
    for (std::uint64_t number = size; number > 0 && open.newest.size() < kRecordsMax; --number) {
        const ledger::Entry entry = TRY(open.ledger->get(number - 1));
        if (entry.kind != kAuditKind) continue;
        if (const auto id = audit_id(entry.body)) open.newest[*id] = number - 1;
    }
    return registry_.database().change({{"update audit set ledger = null where tenant = :a and ledger >= :b",
                                         {as_cell(tenant), static_cast<std::int64_t>(size)}}});
}

Result<std::uint64_t> AuditLedger::feed() {
    // Who finds another one feeding need not wait: that one takes what is there.
    const std::unique_lock lock{feeding_, std::try_to_lock};
    if (!lock) return std::uint64_t{0};
    Result<std::uint64_t> fed = std::uint64_t{0};
    const std::vector<TenantId> tenants = TRY(waiting());
    for (const TenantId tenant : tenants) {
        Result<std::uint64_t> now = std::uint64_t{1};
        while (now && *now > 0) {
            now = feed(tenant);
            if (now && fed) *fed += *now;
        }
        const std::lock_guard lock_map{mutex_};
        if (now) {
            problems_.erase(tenant);
        } else {
            std::string& known = problems_[tenant];
            if (known != now.error().text())
                log_error("registry", "the ledger of {}: {}", registry_.tenant_name(tenant), now.error().text());
            known = now.error().text();
            fed = now.error();
        }
    }
    return fed;
}

Result<std::vector<TenantId>> AuditLedger::waiting() const {
    std::vector<TenantId> tenants;
    TRY(registry_.database().read({"select distinct tenant from audit where ledger is null", {}}, [&](const Row& row) {
        const TenantId tenant{static_cast<std::uint32_t>(row.integer(0))};
        if (!registry_.tenant_name(tenant).empty()) tenants.push_back(tenant);
    }));
    return tenants;
}

Result<void> AuditLedger::forget_row(TenantId tenant, std::uint64_t entry) const {
    return registry_.database().change(
        {{"update audit set who = '', source = '', name = '', detail = '' where tenant = :a and ledger = :b",
          {as_cell(tenant), static_cast<std::int64_t>(entry)}}});
}

Result<std::uint64_t> AuditLedger::redact(const Actor& actor, std::uint64_t number, const std::string& reason) {
    if (reason.empty() || reason.size() > kReasonBytesMax)
        return Error{Code::invalid, "reason: say in 1 to {} bytes why the text is deleted; it stays in the ledger",
                     kReasonBytesMax};
    ledger::Ledger& ledger = *TRY(of(actor.tenant));
    const ledger::Entry entry = TRY(ledger.get(number));
    if (!entry.redacted_by && entry.kind != kAuditKind)
        return Error{Code::invalid, "entry {} is no audit record but {}, and stays", number, entry.kind};
    std::string body;
    JsonWriter{body}.begin_object().key("who").text(actor.who).key("reason").text(reason).end_object();
    const std::lock_guard lock{feeding_};
    const std::uint64_t by = TRY(ledger.redact(number, std::move(body)));
    // What a crash leaves undone here recall() does.
    TRY(forget_row(actor.tenant, number));
    return by;
}

Result<std::uint64_t> AuditLedger::anchor() {
    const std::lock_guard lock{anchoring_};
    TRY(feed());
    struct Part {
        TenantId tenant;
        ledger::Ledger* ledger;
        Anchor anchor;
        ledger::Digest leaf;
    };
    std::vector<Part> parts;
    for (const auto& [tenant, name] : registry_.tenants()) {
        const auto found = of(tenant);
        if (found) parts.push_back({tenant, *found, {}, {}});  // problems() tells why
    }
    const auto is_needed = [&] {
        return parts.size() >= 2 && std::ranges::any_of(parts, [&](const Part& part) {
                   return part.ledger->size() != anchored_[part.tenant];
               });
    };
    if (!is_needed()) return std::uint64_t{0};
    // One that cannot sign takes nothing either.
    std::erase_if(parts, [](Part& part) {
        const auto head = part.ledger->sign_head();
        if (!head) return true;
        part.anchor.own = *head;
        part.leaf = ledger::leaf_hash(ledger::HashKind::sha256,
                                      as_bytes(ledger::head_text(part.ledger->name(), part.ledger->hash(), *head)));
        return false;
    });
    if (!is_needed()) return std::uint64_t{0};
    ledger::MerkleTree tree{ledger::HashKind::sha256};
    for (const Part& part : parts) tree.append(part.leaf);
    const ledger::ReadLeaves leaves = [&](std::uint64_t first, std::span<ledger::Digest> into) -> Result<void> {
        for (std::size_t i = 0; i < into.size(); ++i) into[i] = parts[first + i].leaf;
        return {};
    };
    const TimeNs round = clock_.now();
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        Anchor& anchor = parts[i].anchor;
        anchor.round = round;
        anchor.heads = parts.size();
        anchor.index = i;
        anchor.root = tree.root();
        anchor.path = TRY(tree.inclusion(i, parts.size(), leaves));
        const auto written = parts[i].ledger->append({{std::string(kAnchorKind), anchor_body(anchor)}});
        if (!written) {
            log_error("registry", "the ledger of {} took no anchor: {}", registry_.tenant_name(parts[i].tenant),
                      written.error().text());
            continue;
        }
        anchored_[parts[i].tenant] = parts[i].ledger->size();
        ++done;
    }
    return done;
}

std::map<TenantId, std::string> AuditLedger::problems() const {
    const std::lock_guard lock{mutex_};
    return problems_;
}

Result<std::vector<std::string>> AuditLedger::each_file(const ledger::Ledger::OnFile& on_file) {
    std::vector<std::string> left;
    std::map<TenantId, std::string> tenants;
    for (const auto& [tenant, name] : registry_.tenants()) tenants[tenant] = name;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [tenant, open] : open_) tenants.try_emplace(tenant);  // one that was deleted since
    }
    for (const auto& [tenant, name] : tenants) {
        const std::string folder = ledger_folder(folder_, tenant), begin = ledger_folder("", tenant).substr(1) + "/";
        ledger::Ledger* opened = nullptr;
        std::string why;
        {
            const std::lock_guard lock{mutex_};
            if (const auto found = open_.find(tenant); found != open_.end() && found->second)
                opened = found->second->ledger.get();
            if (const auto found = problems_.find(tenant); found != problems_.end()) why = found->second;
        }
        if (opened) {
            TRY(opened->each_file([&](const std::string& file, const std::string& path, std::uint64_t bytes) {
                return on_file(begin + file, path, bytes);
            }));
            continue;
        }
        if (!TRY(files_.exists(folder))) continue;
        const auto names = TRY(files_.list(folder));
        for (const std::string& file : names) {
            const std::string path = folder + "/" + file;
            TRY(on_file(begin + file, path, TRY(TRY(files_.open(path, io::Open::read))->size())));
        }
        if (!names.empty())
            left.push_back(fmt::format("the ledger of {} could not be opened, its files are as they lie: {}", name,
                                       why.empty() ? "nobody tried" : why));
    }
    return left;
}

Result<std::uint64_t> AuditLedger::feed(TenantId tenant) {
    const std::vector<AuditRecord> records = TRY(registry_.audit_on_its_way(tenant, kRecordsMax));
    if (records.empty()) return 0;
    Open& open = *TRY(this->open(tenant));
    std::vector<ledger::NewEntry> entries;
    std::vector<std::uint64_t> fresh;
    std::map<std::uint64_t, std::uint64_t> entry_of;
    std::size_t bytes = 0, taken = 0;
    for (const AuditRecord& record : records) {
        if (bytes > kBatchBytesMax) break;
        ++taken;
        bytes += record.detail.size();
        std::string body = audit_body(record);
        const auto known = open.newest.find(record.id);
        // A registry of before gives an id again: then it is another record.
        if (known != open.newest.end() && TRY(open.ledger->get(known->second)).body == body) {
            entry_of.insert(*known);
        } else {
            entries.push_back({std::string(kAuditKind), std::move(body)});
            fresh.push_back(record.id);
        }
    }
    const std::uint64_t first = TRY(open.ledger->append(entries));
    for (std::size_t i = 0; i < fresh.size(); ++i) entry_of[fresh[i]] = first + i;
    std::vector<Statement> statements;
    for (const auto& [id, entry] : entry_of)
        statements.push_back({"update audit set ledger = :a where id = :b",
                              {static_cast<std::int64_t>(entry), static_cast<std::int64_t>(id)}});
    if (auto stored = registry_.database().change(statements); !stored) {
        open.newest.insert(entry_of.begin(), entry_of.end());  // the table does not know of them
        return stored.error();
    }
    return taken;
}

Result<std::map<std::uint64_t, std::uint64_t>> AuditLedger::entries_of(TenantId tenant, std::uint64_t first,
                                                                       std::uint64_t last) const {
    std::map<std::uint64_t, std::uint64_t> found;
    TRY(registry_.database().read(
        {"select id, ledger from audit where tenant = :a and id >= :b and id <= :c and ledger is not null",
         {as_cell(tenant), static_cast<std::int64_t>(first), static_cast<std::int64_t>(last)}},
        [&](const Row& row) {
            found[static_cast<std::uint64_t>(row.integer(0))] = static_cast<std::uint64_t>(row.integer(1));
        }));
    return found;
}

}  // namespace gongshu::registry
