#include "app/platform.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "api/sql_askers.h"
#include "app/embedded.h"
#include "app/open_store.h"
#include "app/qr.h"
#include "app/upgrade_log.h"
#include "app/verify.h"
#include "app/version.h"
#include "base/log.h"
#include "base/time_text.h"
#include "broker/mapping.h"
#include "case/kinds/kinds.h"
#include "connect/ua_identity.h"
#include "io/crypto.h"
#include "io/interfaces.h"
#include "io/process.h"
#include "io/tls.h"
#include "registry/calendar_of.h"
#include "registry/declared_tags.h"
#include "registry/kinds/device.h"
#include "registry/kinds/modbus_server.h"
#include "registry/kinds/tag_alias.h"

namespace gongshu::app {
namespace {

constexpr DurationNs kIntervalWait = 30 * kSecond;

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find_first_of("\r\n"))); }

std::vector<api::StaticFile> pages() {
    std::vector<api::StaticFile> files;
    for (const EmbeddedFile& file : web_files())
        files.push_back({file.path, file.media_type, file.etag, Bytes(file.begin, file.end)});
    return files;
}

std::vector<std::string_view> sample() {
    std::vector<std::string_view> documents;
    for (const EmbeddedFile& file : demo_files())
        if (std::string_view(file.path).ends_with(".yaml")) documents.push_back(as_text(Bytes(file.begin, file.end)));
    return documents;
}

backup::TargetOptions target_of(const ServeOptions& options) {
    backup::TargetOptions target{
        .folder = options.backup_target, .mount = options.backup_target_mount, .keep = options.backup_keep};
    if (auto sftp = sftp_target(options)) {
        target.title = std::exchange(target.folder, sftp->address.path);
        target.open = [sftp = std::move(*sftp)](const std::atomic<bool>& cancelled) {
            return io::open_sftp(sftp, cancelled);
        };
    }
    return target;
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::create(const ServeOptions& options, bool simulated) {
    std::unique_ptr<Platform> platform(new Platform(options, simulated));
    TRY(platform->make_store());
    TRY(platform->make_doors());
    return platform;
}

Platform::~Platform() { stop(); }

Result<void> Platform::make_store() {
    clock_ = io::make_system_clock();
    files_ = io::make_posix_files();
    for (std::uint32_t i = 0; i < options_.lanes; ++i) {
        loops_.push_back(io::make_epoll_loop(*clock_));
        lanes_.push_back(loops_.back().get());
    }
    pool_ = io::make_thread_pool(options_.pool_threads, 10'000);
    disk_pool_ = io::make_thread_pool(2, 10'000);
    TRY(files_->make_folder(options_.data));
    make_room(*files_, *clock_, options_.data);
    TRY(check_room(*files_, options_.data));
    TRY(begin_upgrade(*files_, *clock_, options_.data));

    registry_ = TRY(registry::Registry::create(
        *files_, *clock_, {.folder = options_.data + "/registry", .key_folder = options_.key_folder}));
    registry_->add_kind(flow::rule_kind());
    registry_->add_kind(broker::mapping_kind());
    registry_->add_kind(flow::virtual_tag_kind());
    registry_->add_kind(package::trusted_signer_kind());
    registry_->add_kind(package::package_kind());
    registry_->add_kind(notify::message_hook_kind());
    TRY(registry_->load());
    registry::AuthOptions auth;
    if (!options_.admin_password_file.empty())
        auth.admin_password = first_line(as_text(TRY(io::read_whole(*files_, options_.admin_password_file, 4096))));
    auth_ = TRY(registry::Auth::create(*registry_, *clock_, auth));

    ledgers_ = TRY(registry::AuditLedger::create(*registry_, *files_, *clock_, options_.data + "/ledger",
                                                 TRY(ledger::parse_hash(options_.ledger_hash))));
    history_ = TRY(history::History::create(*files_, *clock_, metrics_, lanes_, *disk_pool_,
                                            {.folder = options_.data + "/history",
                                             .retention_days = options_.retention_days,
                                             .seal_bytes = options_.seal_bytes,
                                             .seal_age = options_.seal_age,
                                             .log_kept_bytes = options_.forward_to.empty() ? 0 : options_.forward_keep}));
    // A long question is spread over some of the pool, never over all of it.
    const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
    history_->set_readers(pool_.get(), std::min<std::size_t>(options_.pool_threads / 2, cores - 1));
    TRY(make_cases());
    TRY(make_blobs());
    registry_->set_last_check(
        [this](const registry::ResourceReader& before, const registry::Resource& next) -> Result<void> {
            TRY(package::Packages::check_by_hand(next));
            TRY(registry::check_tag_alias(before, *history_, next));
            TRY(registry::check_modbus_server(before, *history_, next));
            TRY(registry::check_value_types(before, *history_, next));
            return flow::check_virtual_tags(before, *history_, next);
        });
    flow_ = TRY(flow::Flow::create({*registry_, *history_, *history_, *history_, *clock_, lanes_, *pool_, metrics_,
                                    [this](const Rows& rows) { return history_->import(rows); },
                                    [this](const history::Cut& cut) { return history_->cut(cut); }, history_.get()}));
    packages_ = TRY(
        package::Packages::create(*files_, *registry_, {.folder = options_.data + "/packages", .program = kVersion}));
    backups_ = std::make_unique<backup::Backups>(
        backup::BackupParts{*files_,
                            *clock_,
                            *history_,
                            *registry_,
                            {{"broker/retained.log", options_.data + "/broker/retained.log"}},
                            kVersion,
                            ledgers_.get(),
                            [this] { return packages_->backup_files(); },
                            blobs_.get(),
                            verify_parts(options_.key_folder)},
        *pool_,
        backup::BackupsOptions{.folder = options_.backup_folder,
                               .every = options_.backup_every,
                               .at = backup_time(options_),
                               .keep = options_.backup_keep,
                               .drill_every = options_.backup_drill_every,
                               .target = target_of(options_)});
    retention_ = std::make_unique<retention::Retention>(
        *history_, *registry_, *clock_,
        retention::Limits{options_.retention_days, options_.retention_bytes, options_.retention_keep_days});
    doctor_.emplace(doctor::Self{*files_, {options_.data, options_.key_folder, options_.backup_folder, kVersion, {}}});
    // From here to the end of stop() a missing file says that the last stop was none.
    const std::string stopped = options_.data + "/" + doctor::kStoppedName;
    if (TRY(files_->exists(stopped))) TRY(files_->remove(stopped));
    live_ = std::make_unique<api::LiveTap>(flow_.get());
    history_->set_stage(live_.get());
    return {};
}

Result<void> Platform::make_cases() {
    const auto working_time = [this](TenantId tenant, std::string_view place, TimeNs from, DurationNs working) {
        const auto found = registry::calendar_at(*registry_, tenant, place);
        const auto due = found ? found->calendar->add_working_time(from, working) : Result<TimeNs>(found.error());
        return due ? *due : from + working;
    };
    // The cases are there before the files, which ask them what they cite.
    const auto evidence = [this](TenantId tenant, const std::string& id, const std::string& file) -> Result<Json> {
        const std::string kind{blob::kCase};
        return blob::citation_of(TRY(blobs_->use(tenant, file, {kind, id, id})));
    };
    cases_ = std::make_unique<cases::Cases>(*registry_, *clock_,
                                            cases::CasesOptions{.working_time = working_time, .evidence = evidence});
    const auto find = [this](TenantId tenant, IntervalId id) -> Result<Interval> {
        auto revisions = TRY(history_->interval_revisions(tenant, id));
        if (revisions.empty()) return Error{Code::not_found, "there is no interval {}", id.value};
        return std::move(revisions.back());
    };
    const auto correct = [this](Interval next) -> Result<void> {
        // Shared: the answer may come when nobody waits any more.
        const auto kept = std::make_shared<std::promise<Result<Interval>>>();
        auto answer = kept->get_future();
        history_->revise_interval(std::move(next), Durability::sync,
                                  [kept](Result<Interval> done) { kept->set_value(std::move(done)); });
        if (answer.wait_for(std::chrono::nanoseconds(kIntervalWait)) != std::future_status::ready)
            return Error{Code::unavailable, "the store did not keep the interval in time; try again"};
        TRY(answer.get());
        return {};
    };
    TRY(cases_->add_kind(cases::change_approval_kind(), cases::change_approval_hooks(*registry_)));
    return cases_->add_kind(cases::downtime_reason_kind(), cases::downtime_reason_hooks({find, correct}));
}

Result<void> Platform::make_blobs() {
    blob::BlobsOptions options{.folder = options_.data + "/blobs",
                               .file_bytes_max = options_.file_bytes,
                               .tenant_bytes_max = options_.files_bytes,
                               .grace = options_.files_grace};
    if (!options_.scan_command.empty())
        options.scan = blob::make_scan(TRY(blob::split_command(options_.scan_command).context("option --scan-command")),
                                       options_.scan_time, *files_);
    options.case_refers = [this](const blob::Row& row) { return cases_->cites(row.tenant, row.owner_uid, row.id); };
    blobs_ = TRY(blob::Blobs::create(*registry_, *files_, *clock_, std::move(options)));
    return {};
}

Result<void> Platform::make_doors() {
    connections_ =
        TRY(connect::Connections::create({*registry_, *history_, *history_, metrics_, lanes_,
                                          connect::make_target_policy(options_.allow_target), history_.get(),
                                          [this] { return connect::ua_identity(*files_, options_.key_folder); }}));
    for (const std::string& door : options_.dtu) {
        const auto [tenant, address] = split_dtu(door);
        const auto opened = TRY(connections_->listen_for_dtus(TRY(io::parse_address(address)), tenant)
                                    .context("option --dtu: cannot listen on {}", address));
        doors_.dtu.push_back("tcp://" + io::to_string(opened));
    }
    authenticator_ = std::make_unique<Authenticator>(*auth_, *lanes_.front(), *pool_);
    egress_ = std::make_unique<api::CountingEgress>(metrics_, *clock_);
    modbus_ = modbus::Servers::create({*registry_, *history_, *history_, *connections_, *egress_, metrics_, *lanes_.back(),
                                       *pool_, std::string(kVersion)});
    TRY(make_forwarder());
    messages_ = notify::Messages::create(
        {*registry_, *cases_, *lanes_.back(), *pool_, *egress_, connect::make_target_policy(options_.allow_target)});
    const auto device_uid = [this](TenantId tenant, std::string_view path) {
        const auto device = registry_->get(tenant, "device", path);
        return device ? device->uid : std::string{};
    };
    const auto property_of = [this](TenantId tenant, std::string_view path, std::string_view name) {
        const auto declared = registry::declared_property(*registry_, tenant, path, name);
        return declared ? std::optional{broker::DeclaredProperty{registry::value_type(declared->type), declared->unit,
                                                                 declared->min, declared->max}}
                        : std::nullopt;
    };
    device_ids_ = std::make_unique<registry::DeviceIds>(*registry_);
    const auto device_by_id = [this](TenantId tenant, std::string_view product, std::string_view device) {
        return device_ids_->path_of(tenant, product, device);
    };
    broker_ = TRY(broker::Broker::create(
        {*lanes_.front(), *files_, *pool_, metrics_, *history_, *history_, *authenticator_,
         io::random_token().substr(0, 12), [this](TenantId tenant) { return registry_->tenant_name(tenant); },
         device_uid, property_of, device_by_id,
         [this](TenantId tenant) { return broker::mappings_of(*registry_, tenant); }, egress_.get(),
         [this](TenantId tenant, std::string_view id) { return device_ids_->with_external_id(tenant, id); },
         [this](TagId tag) { return history_->last(tag); }},
        {.folder = options_.data + "/broker", .sparkplug_host = options_.sparkplug_host}));
    revoked_ = auth_->on_revoked(
        [this](TenantId tenant, const std::string& who) { broker_->drop(tenant, who == "*" ? std::string{} : who); });
    // A device that moved keeps its readings: its tags follow the new path, old addresses stay as aliases.
    changed_ = registry_->subscribe([this](const registry::Change& change) {
        if (change.resource.kind == "mapping") return broker_->devices_changed(change.resource.tenant);
        if (change.resource.kind != "device" && change.resource.kind != "device_type") return;
        device_ids_->forget(change.resource.tenant);
        broker_->devices_changed(change.resource.tenant);
        // A new name is told as a deletion and a creation with the same uid.
        if (change.what == registry::Change::What::deleted) return;
        if (change.resource.kind == "device") {
            if (auto moved =
                    history_->move_source(change.resource.tenant, "d:" + change.resource.uid, change.resource.name);
                !moved)
                log_error("app", "tags of {} could not follow it: {}", change.resource.name, moved.error().text());
        }
        const auto units = registry::follow_units(*registry_, *history_, change);
        if (!units)
            log_error("app", "units of the tags of {}: {}", change.resource.name, units.error().text());
        else if (*units > 0)
            log_info("app", "{} tags have another unit now, as {} {} says", *units, change.resource.kind,
                     change.resource.name);
    });

    sql_ = sql::make_engine(
        {{*history_, *history_, *registry_}, *clock_, metrics_},
        {.library = sql::find_library(), .memory_bytes = options_.sql_memory, .workers_max = options_.sql_workers});
    if (const auto there = sql_->available(); !there) log_warning("app", "{}", there.error().text());

    static_files_ = pages();
    api::ApiOptions api{.version = kVersion,
                        .simulated = simulated_,
                        .hosts = options_.allow_host,
                        .files = static_files_,
                        .config = options_.config,
                        .sample = sample(),
                        .query_max = options_.query_time};
    server_ = TRY(api::Server::create(
        {*registry_,     *auth_,        *history_,      *history_,        *history_,       *history_,
         *flow_,         *connections_, broker_.get(),  metrics_,         *egress_,        *live_,
         *lanes_.back(), *pool_,        backups_.get(), retention_.get(), &*doctor_,       ledgers_.get(),
         cases_.get(),   blobs_.get(),  qr_svg,         packages_.get(),  messages_.get(), sql_.get(),
         modbus_.get(),  forwarder_.get()},
        std::move(api)));
    const auto http = TRY(server_->listen(TRY(io::parse_address(options_.http)), {})
                              .context("cannot open the pages on {}", options_.http));
    const auto mqtt = TRY(broker_->listen(TRY(io::parse_address(options_.mqtt)), {})
                              .context("cannot open the broker on {}", options_.mqtt));
    doors_.http = "http://" + io::to_string(http);
    doors_.mqtt = "mqtt://" + io::to_string(mqtt);
    TRY(open_pg());
    if (options_.lan) TRY(open_lan().context("option --lan"));
    std::map<std::string, std::string> listeners{{"http", doors_.http}, {"mqtt", doors_.mqtt}};
    if (!doors_.pg.empty()) listeners["pg"] = doors_.pg;
    for (std::size_t i = 0; i < doors_.dtu.size(); ++i) listeners["dtu" + std::to_string(i + 1)] = doors_.dtu[i];
    for (std::size_t i = 0; i < doors_.lan.size(); ++i) listeners["lan" + std::to_string(i + 1)] = doors_.lan[i];
    server_->set_listeners(std::move(listeners));
    return {};
}

Result<void> Platform::make_forwarder() {
    if (options_.forward_to.empty()) return {};
    const auto file_of = [this](const std::string& path, std::size_t bytes_max) { return io::read_whole(*files_, path, bytes_max); };
    const Buffer token = TRY(file_of(options_.forward_token_file, 4096).context("option --forward-token-file"));
    edge::ForwarderOptions forward{.tenant = system_actor().tenant,
                                   .platform = options_.forward_to,
                                   .token = first_line(as_text(token)),
                                   .under = options_.forward_under,
                                   .file = options_.data + "/forwarded.json",
                                   .tls = nullptr};
    if (TRY(connect::parse_http_url(options_.forward_to)).secure) {
        std::string authority;
        if (!options_.forward_ca.empty()) {
            const Buffer pem = TRY(file_of(options_.forward_ca, 1 << 20).context("option --forward-ca"));
            authority = as_text(pem);
        }
        forward.tls = TRY(io::make_tls_client(authority).context("option --forward-ca"));
    }
    forwarder_ = TRY(edge::Forwarder::create({*history_, *files_, *clock_, *lanes_.back(), *pool_, *egress_, metrics_},
                                             std::move(forward)));
    return {};
}

Result<void> Platform::open_pg() {
    if (options_.pg.empty()) return {};
    const auto secure = TRY(tls().context("option --pg"));
    pg_ = pg::Door::create({*lanes_.back(), *pool_, *registry_, *auth_, *sql_, *egress_, metrics_,
                            api::sql_askers(*server_, pg::kDoorName), secure},
                           {.version = kVersion});
    const auto address = TRY(pg_->listen(TRY(io::parse_address(options_.pg)))
                                 .context("cannot open the door of PostgreSQL's protocol on {}", options_.pg));
    doors_.pg = "postgresql://" + io::to_string(address);
    return {};
}

// The certificate of this start, for every name and address by which clients may reach a door.
Result<std::shared_ptr<const io::TlsServer>> Platform::tls() {
    if (tls_) return tls_;
    const std::string certificate = options_.key_folder + "/ca.crt", key = options_.key_folder + "/ca.key";
    io::Identity authority;
    if (TRY(files_->exists(key))) {
        authority.certificate_pem = as_text(TRY(io::read_whole(*files_, certificate, 1 << 20)));
        authority.key_pem = as_text(TRY(io::read_whole(*files_, key, 1 << 20)));
    } else {
        authority = TRY(io::make_certificate_authority("Gongshu " + io::host_name(), clock_->now()));
        TRY(io::write_whole(*files_, certificate, as_bytes(authority.certificate_pem), 0644));
        TRY(io::write_whole(*files_, key, as_bytes(authority.key_pem), 0600));
    }
    std::vector<std::string> names = TRY(io::private_addresses());
    for (const char* name : {"127.0.0.1", "::1", "localhost"}) names.emplace_back(name);
    names.push_back(io::host_name());
    doors_.fingerprint = TRY(io::certificate_fingerprint(authority.certificate_pem));
    server_->set_authority(authority.certificate_pem);
    names.insert(names.end(), options_.allow_host.begin(), options_.allow_host.end());
    // A fresh one at each start: the addresses of a machine change, the authority that phones trust does not.
    tls_ = TRY(io::make_tls_server(TRY(io::issue_server_certificate(authority, names, clock_->now(), 397))));
    return tls_;
}

Result<void> Platform::open_lan() {
    constexpr std::uint16_t kMqttTlsPort = 8883;
    const auto addresses = TRY(io::private_addresses());
    if (addresses.empty()) return Error{Code::unavailable, "this machine has no address in a private network"};
    const auto tls = TRY(this->tls());
    const auto http = TRY(io::parse_address(options_.http)), mqtt = TRY(io::parse_address(options_.mqtt));
    const bool plain_mqtt =
        std::find(options_.insecure.begin(), options_.insecure.end(), "mqtt") != options_.insecure.end();
    for (const std::string& host : addresses) {
        const auto page = TRY(server_->listen({host, http.port}, {.tls = tls}));
        doors_.lan.push_back("https://" + io::to_string(page));
        if (doors_.authority.empty()) doors_.authority = doors_.lan.back() + "/ca.crt";
        const auto broker =
            TRY(broker_->listen({host, mqtt.port == 0 ? std::uint16_t{0} : kMqttTlsPort}, {.tls = tls}));
        doors_.lan.push_back("mqtts://" + io::to_string(broker));
        if (pg_) {
            const std::uint16_t port = TRY(io::parse_address(options_.pg)).port;
            doors_.lan.push_back("postgresql://" + io::to_string(TRY(pg_->listen({host, port}))));
        }
        if (plain_mqtt) doors_.lan.push_back("mqtt://" + io::to_string(TRY(broker_->listen({host, mqtt.port}, {}))));
    }
    log_info("app", "open to {}; browsers and phones trust it once they have {}/ca.crt", fmt::join(addresses, ", "),
             options_.key_folder);
    return {};
}

Result<void> Platform::open() {
    for (io::Loop* lane : lanes_) threads_.emplace_back([lane] { lane->run(); });
    open_ = true;
    return {};
}

Result<void> Platform::begin_work() {
    // A crash between a device's new name and the move of its tags is made good here; nothing happens where they agree.
    for (const auto& [tenant, name] : registry_->tenants())
        for (const auto& device : registry_->list_shared(tenant, "device")) {
            TRY(history_->move_source(tenant, "d:" + device->uid, device->name).context("tags of {}", device->name));
            TRY(registry::follow_units(*registry_, *history_, *device));
        }
    TRY(flow_->start());
    connections_->start();
    modbus_->start();
    if (forwarder_) forwarder_->start();
    messages_->start(doors_.lan.empty() ? "" : doors_.lan.front());
    return {};
}

registry::Actor Platform::system_actor() const {
    return {.tenant = registry_->tenant_id("default").value_or(TenantId{1}),
            .tenant_name = "default",
            .who = "system",
            .role = registry::Role::admin,
            .from = ""};
}

// The loop holds the only copy of what is to be done again, so that all of it goes with the loop.
void Platform::every(io::Loop& loop, DurationNs interval, std::function<void()> work) {
    loop.after(interval, [&loop, interval, work = std::move(work)]() mutable {
        work();
        every(loop, interval, std::move(work));
    });
}

void Platform::tend(io::Loop& control) {
    every(control, kMinute, [this] { pool_->submit([this] { auth_->tidy(); }); });
    every(control, kMinute, [this] { pool_->submit([this] { backups_->tend(); }); });
    every(control, kMinute, [this] { pool_->submit([this] { retention_->tend(); }); });
    every(control, kMinute, [this] { pool_->submit([this] { blobs_->tend(); }); });
    every(control, 10 * kSecond, [this] {
        pool_->submit([this] {
            if (const auto done = cases_->tick(clock_->now()); !done)
                log_error("app", "what is due of cases was not done: {}", done.error().text());
        });
    });
    // Errors are in its problems(), which the overview shows.
    every(control, kSecond, [this] { pool_->submit([this] { std::ignore = ledgers_->feed(); }); });
    every(control, kHour, [this] {
        pool_->submit([this] {
            if (const auto done = ledgers_->anchor(); !done)
                log_error("app", "the ledgers were not anchored in each other: {}", done.error().text());
        });
    });
}

void Platform::run_on(io::Loop& loop, const std::function<void()>& work) {
    std::promise<void> done;
    loop.post([&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

void Platform::stop() {
    if (stopped_ || !server_) return;
    stopped_ = true;
    if (open_) {
        run_on(*lanes_.back(), [this] {
            if (pg_) pg_->stop();
            modbus_->stop();
            server_->stop();
        });
        backups_->close();
        connections_->stop();
        for (io::Loop* lane : lanes_) run_on(*lane, [] {});  // what every tag says last is on its way
        messages_->stop();
        if (forwarder_) forwarder_->stop();
        run_on(*lanes_.front(), [this] { broker_->stop(); });
        history_->stop();
        for (io::Loop* lane : lanes_) lane->stop();
        for (std::thread& thread : threads_) thread.join();
    }
    auth_->forget(revoked_);
    registry_->unsubscribe(changed_);
    registry_->set_last_check({});
    history_->set_readers(nullptr, 0);
    sql_.reset();
    pool_.reset();  // jobs end before what they work on
    if (const auto fed = ledgers_->feed(); !fed) log_warning("app", "at the stop: {}", fed.error().text());
    if (open_) {
        const std::string now = format_time(clock_->now()) + "\n";
        if (auto noted = io::write_whole(*files_, options_.data + "/" + doctor::kStoppedName, as_bytes(now)); !noted)
            log_warning("app", "{}", noted.error().text());
    }
    log_info("app", "stopped");
}

}  // namespace gongshu::app
