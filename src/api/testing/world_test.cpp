#include "api/testing/world_test.h"

namespace gongshu::api::test {

World::World(ApiOptions options, std::uint64_t seed) : sim(seed), client_loop(sim.make_loop()) {
    lane = sim.make_loop();
    pool = sim.make_pool();
    registry =
        registry::Registry::create(files, sim.clock(), {.folder = "/data/registry", .key_folder = "/keys"}).value();
    registry->add_kind(flow::rule_kind());
    registry->add_kind(broker::mapping_kind());
    registry->add_kind(flow::virtual_tag_kind());
    registry->add_kind(package::trusted_signer_kind());
    registry->add_kind(package::package_kind());
    registry->add_kind(notify::message_hook_kind());
    EXPECT_TRUE(registry->load());
    registry::AuthOptions auth_options;
    auth_options.admin_password = kPassword;
    auth_options.argon2_memory_kib = 64;
    auth_options.argon2_passes = 1;
    auth = registry::Auth::create(*registry, sim.clock(), auth_options).value();
    history =
        history::History::create(files, sim.clock(), metrics, {lane.get()}, *pool, {.folder = "/data/history"}).value();
    registry->set_last_check(
        [this](const registry::ResourceReader& before, const registry::Resource& next) -> Result<void> {
            TRY(package::Packages::check_by_hand(next));
            return registry::check_tag_alias(before, *history, next);
        });
    packages = package::Packages::create(files, *registry, {.folder = "/data/packages", .program = "0.1.0"}).value();
    cases = std::make_unique<cases::Cases>(
        *registry, sim.clock(),
        cases::CasesOptions{
            .evidence = [this](TenantId tenant, const std::string& id, const std::string& file) -> Result<Json> {
                return blob::citation_of(TRY(blobs->use(tenant, file, {std::string(blob::kCase), id, id})));
            }});
    blobs =
        blob::Blobs::create(
            *registry, files, sim.clock(),
            {.folder = "/data/blobs",
             .file_bytes_max = 1 << 20,
             .tenant_bytes_max = 3 << 20,
             .case_refers = [this](const blob::Row& row) { return cases->cites(row.tenant, row.owner_uid, row.id); }})
            .value();
    EXPECT_TRUE(cases->add_kind(cases::change_approval_kind(), cases::change_approval_hooks(*registry)));
    EXPECT_TRUE(cases->add_kind(cases::downtime_reason_kind(), cases::downtime_reason_hooks()));
    ledgers = registry::AuditLedger::create(*registry, files, sim.clock(), "/data/ledger").value();
    live = std::make_unique<LiveTap>(&flow);
    history->set_stage(live.get());
    egress = std::make_unique<CountingEgress>(metrics, sim.clock());
    messages = notify::Messages::create({*registry, *cases, *lane, *pool, *egress, connect::make_target_policy({})});
    messages->start();
    backups = std::make_unique<backup::Backups>(
        backup::BackupParts{
            files,
            sim.clock(),
            *history,
            *registry,
            {},
            "0.1.0",
            ledgers.get(),
            {},
            nullptr,
            {"/keys",
             {},
             [] { return std::vector{flow::rule_kind(), broker::mapping_kind(), flow::virtual_tag_kind()}; }}},
        *pool, backup::BackupsOptions{.folder = "/backups"});
    retention = std::make_unique<retention::Retention>(*history, *registry, sim.clock(), retention::Limits{});
    options.version = "0.1.0";
    server = Server::create({*registry,   *auth,       *history,      *history,        *history,      *history,
                             flow,        connections, nullptr,       metrics,         *egress,       *live,
                             *lane,       *pool,       backups.get(), retention.get(), &doctor,       ledgers.get(),
                             cases.get(), blobs.get(), nullptr,       packages.get(),  messages.get()},
                            std::move(options))
                 .value();
    address = server->listen({"127.0.0.1", 0}, {}).value();
}

World::~World() {
    server.reset();
    history->stop();
}

std::string World::token(std::string_view role, std::string_view tenant) {
    const TenantId id = *registry->tenant_id(tenant);
    const registry::Actor actor{id, std::string{tenant}, "system", registry::Role::admin, ""};
    const std::string name = fmt::format("t-{}", role);
    const auto put =
        registry->put(actor, "token", name, registry::parse_json(fmt::format(R"({{"role":"{}"}})", role)).value());
    EXPECT_TRUE(put) << (put ? "" : put.error().text());
    return auth->issue_token(actor, name).value();
}

Reply World::ask(std::string_view method, std::string_view target, const Wanted& wanted) {
    wire::HttpRequest request;
    request.method = wire::HttpMethod::other;
    request.method_text = method;
    request.target = target;
    request.headers = wanted.headers;
    request.body = wanted.body;
    std::string bytes;
    wire::write_request(bytes, request, wanted.host);
    return exchange(bytes, method == "HEAD");
}

Reply World::as(const std::string& token, std::string_view method, std::string_view target, std::string body,
                wire::HttpHeaders headers) {
    headers.push_back({"authorization", "Bearer " + token});
    return ask(method, target, {std::move(headers), std::move(body), "127.0.0.1:8080"});
}

Reply World::exchange(const std::string& bytes, bool head_only) {
    Reply reply;
    wire::HttpResponseParser parser;
    bool closed = false;
    auto stream = connect();
    stream->start({.on_data =
                       [&](Bytes received) {
                           const auto fed = parser.feed(received, head_only);
                           EXPECT_TRUE(fed) << fed.error().text();
                       },
                   .on_closed =
                       [&](const Error&) {
                           closed = true;
                           std::ignore = parser.finish();
                       },
                   .on_drained = {}});
    stream->send(as_bytes(bytes));
    sim.run_until([&] { return parser.done() || closed; }, 30 * kSecond);
    if (!parser.done()) return reply;
    return {parser.response().status, parser.response().headers, parser.response().body};
}

std::unique_ptr<io::Stream> World::connect() {
    std::unique_ptr<io::Stream> stream;
    client_loop->connect(address, {},
                         [&](Result<std::unique_ptr<io::Stream>> made) { stream = std::move(made).value(); });
    EXPECT_TRUE(sim.run_until([&] { return stream != nullptr; }, kMinute));
    return stream;
}

}  // namespace gongshu::api::test
