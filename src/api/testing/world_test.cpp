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
                             cases.get(), blobs.get(), nullptr,       packages.get(),  messages.get(), &sql},
                            std::move(options))
                 .value();
    address = server->listen({"127.0.0.1", 0}, {}).value();
}

World::~World() {
    server.reset();
    history->stop();
}

}  // namespace gongshu::api::test
