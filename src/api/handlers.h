#pragma once

#include "api/answer.h"
#include "api/core.h"

// The handlers of the table in routes.cpp: parse, call, render.
namespace gongshu::cases {
struct Case;
}

namespace gongshu::api {

// session_handlers.cpp
Result<Answer> post_session(Core& core, const Ask& ask);
Result<Answer> get_session(Core& core, const Ask& ask);
Result<Answer> delete_session(Core& core, const Ask& ask);
Result<Answer> post_session_password(Core& core, const Ask& ask);
Result<Answer> issue_token(Core& core, const Ask& ask);
Result<Answer> issue_credential(Core& core, const Ask& ask);
Result<Answer> set_password(Core& core, const Ask& ask);

// How long that user, or anybody at that address, has to wait after too many failed sign-ins.
void add_retry_after(Core& core, Answer& answer, std::string_view user, std::string_view from);

// setup_handlers.cpp
Result<Answer> get_setup(Core& core, const Ask& ask);
Result<Answer> post_setup(Core& core, const Ask& ask);
// May `who` take the first steps, and are they still to be taken: no site and no device is there?
bool is_first_start(Core& core, const registry::Principal& who);

// resource_handlers.cpp
Result<Answer> get_kinds(Core& core, const Ask& ask);
Result<Answer> list_resources(Core& core, const Ask& ask);
Result<Answer> get_resource(Core& core, const Ask& ask);
Result<Answer> put_resource(Core& core, const Ask& ask);
Result<Answer> patch_resource(Core& core, const Ask& ask);
Result<Answer> delete_resource(Core& core, const Ask& ask);
Result<Answer> get_revisions(Core& core, const Ask& ask);
Result<Answer> rollback_resource(Core& core, const Ask& ask);
Result<Answer> rename_resource(Core& core, const Ask& ask);
Result<Answer> get_audit(Core& core, const Ask& ask);
void write_resource(JsonWriter& out, const registry::Resource& resource, Units units);

// apply_handlers.cpp
Result<Answer> post_apply(Core& core, const Ask& ask);
Result<Answer> get_export(Core& core, const Ask& ask);

// sheet_handlers.cpp
Result<Answer> make_devices(Core& core, const Ask& ask);
Result<Answer> update_devices(Core& core, const Ask& ask);
Result<Answer> detach_devices(Core& core, const Ask& ask);
Result<Answer> export_devices(Core& core, const Ask& ask);
Result<Answer> export_tags(Core& core, const Ask& ask);
Result<Answer> import_devices(Core& core, const Ask& ask);
Result<Answer> import_tags(Core& core, const Ask& ask);

// ledger_handlers.cpp
Result<Answer> get_ledger(Core& core, const Ask& ask);
Result<Answer> get_ledger_entries(Core& core, const Ask& ask);
Result<Answer> get_ledger_proof(Core& core, const Ask& ask);
Result<Answer> get_ledger_consistency(Core& core, const Ask& ask);
Result<Answer> redact_ledger_entry(Core& core, const Ask& ask);
Result<Answer> anchor_ledgers(Core& core, const Ask& ask);
Result<Answer> get_egress(Core& core, const Ask& ask);

// case_handlers.cpp
Result<Answer> get_case_kinds(Core& core, const Ask& ask);
Result<Answer> get_cases(Core& core, const Ask& ask);
Result<Answer> get_case_counts(Core& core, const Ask& ask);
Result<Answer> open_case(Core& core, const Ask& ask);
Result<Answer> get_case(Core& core, const Ask& ask);
Result<Answer> act_on_case(Core& core, const Ask& ask);
// A limited caller sees what lies within and what they opened themselves.
bool sees_case(const Ask& ask, const cases::Case& one);

// blob_handlers.cpp
Result<Answer> get_blobs(Core& core, const Ask& ask);
Result<Answer> post_blob(Core& core, const Ask& ask);
Result<Answer> get_blob(Core& core, const Ask& ask);
Result<Answer> get_blob_about(Core& core, const Ask& ask);
Result<Answer> get_blob_thumbnail(Core& core, const Ask& ask);
Result<Answer> delete_blob(Core& core, const Ask& ask);

// package_handlers.cpp
Result<Answer> plan_package(Core& core, const Ask& ask);
Result<Answer> install_package(Core& core, const Ask& ask);
Result<Answer> upgrade_package(Core& core, const Ask& ask);
Result<Answer> rollback_package(Core& core, const Ask& ask);
Result<Answer> uninstall_package(Core& core, const Ask& ask);
Result<Answer> verify_package(Core& core, const Ask& ask);

// data_handlers.cpp
inline constexpr std::size_t kTagsAskedMax = 10'000;  // of one question
// Tags of the question's tenant that who asks may see, by paths and globs. A path that is no tag is Code::not_found; a
// glob may match nothing.
Result<std::vector<TagInfo>> find_tags(Core& core, const Ask& ask);
Result<Answer> get_tags(Core& core, const Ask& ask);
Result<Answer> get_last(Core& core, const Ask& ask);
Result<Answer> get_read(Core& core, const Ask& ask);

// query_handlers.cpp
void post_query(Core& core, const AskPtr& ask, Done done);

// calendar_handlers.cpp
Result<Answer> get_calendar_now(Core& core, const Ask& ask);
Result<Answer> get_calendar_shifts(Core& core, const Ask& ask);
Result<Answer> get_calendar_tariffs(Core& core, const Ask& ask);
Result<Answer> get_calendar_working(Core& core, const Ask& ask);
Result<Answer> get_calendar_year(Core& core, const Ask& ask);

// letter_handlers.cpp
Result<Answer> get_dead_letters(Core& core, const Ask& ask);
Result<Answer> get_dead_letter(Core& core, const Ask& ask);
Result<Answer> get_dead_letter_groups(Core& core, const Ask& ask);
void process_dead_letters(Core& core, const AskPtr& ask, Done done);
void discard_dead_letters(Core& core, const AskPtr& ask, Done done);

// mapping_handlers.cpp
Result<Answer> preview_mapping(Core& core, const Ask& ask);
Result<Answer> propose_mapping(Core& core, const Ask& ask);
Result<Answer> get_mapping_samples(Core& core, const Ask& ask);

// write_handlers.cpp
void post_write(Core& core, const AskPtr& ask, Done done);
void post_write_json(Core& core, const AskPtr& ask, Done done);
void post_write_batch(Core& core, const AskPtr& ask, Done done);

// influx_handlers.cpp: what clients of InfluxDB ask besides writing
Result<Answer> get_influx_ping(Core& core, const Ask& ask);
Result<Answer> get_influx_health(Core& core, const Ask& ask);
Result<Answer> influx_query(Core& core, const Ask& ask);
// Members that these clients look for in an error, ready JSON; "" where no such client asks.
std::string influx_members(const Ask& ask, const Error& error);

// prom_handlers.cpp: Prometheus' remote write and remote read
void post_prom_write(Core& core, const AskPtr& ask, Done done);
Result<Answer> post_prom_read(Core& core, const Ask& ask);

// export_handlers.cpp
Result<Answer> export_readings(Core& core, const Ask& ask);

// import_handlers.cpp
Result<Answer> post_import_tags(Core& core, const Ask& ask);
void post_import(Core& core, const AskPtr& ask, Done done);
Result<Answer> list_imports(Core& core, const Ask& ask);
Result<Answer> get_import(Core& core, const Ask& ask);
Result<Answer> delete_import(Core& core, const Ask& ask);
Result<Answer> look_import(Core& core, const Ask& ask);
Result<Answer> preview_import(Core& core, const Ask& ask);
Result<Answer> start_import(Core& core, const Ask& ask);
Result<Answer> cancel_import(Core& core, const Ask& ask);

// alarm_handlers.cpp
Result<Answer> get_alarms(Core& core, const Ask& ask);
Result<Answer> get_alarm(Core& core, const Ask& ask);
void acknowledge_alarm(Core& core, const AskPtr& ask, Done done);
void comment_alarm(Core& core, const AskPtr& ask, Done done);
void check_rule(Core& core, const AskPtr& ask, Done done);
Result<Answer> rehearse_rule(Core& core, const Ask& ask);
Result<Answer> get_functions(Core& core, const Ask& ask);
void write_expr_error(JsonWriter& out, const expr::ExprError& error);
// Of the active alarms that `who` sees.
flow::AlarmCounts alarm_counts(Core& core, const registry::Principal& who);
// An alarm without the values of tags that `who` does not see.
flow::Alarm seen_part(const registry::Principal& who, flow::Alarm alarm);
void write_alarm(JsonWriter& out, const flow::Alarm& alarm, Units units, std::string_view language, bool with_journal);

// shelf_handlers.cpp
Result<Answer> get_shelves(Core& core, const Ask& ask);
void shelve_alarm(Core& core, const AskPtr& ask, Done done);
void unshelve_alarm(Core& core, const AskPtr& ask, Done done);
void take_out_of_service(Core& core, const AskPtr& ask, Done done);
void put_in_service(Core& core, const AskPtr& ask, Done done);
// What is set aside of the rules and devices that `who` sees.
std::vector<flow::Shelf> seen_shelves(Core& core, const registry::Principal& who);

// virtual_tag_handlers.cpp
Result<Answer> get_virtual_tag_status(Core& core, const Ask& ask);
Result<Answer> preview_virtual_tag(Core& core, const Ask& ask);
Result<Answer> backfill_virtual_tag(Core& core, const Ask& ask);
Result<Answer> get_backfills(Core& core, const Ask& ask);
Result<Answer> cancel_backfill(Core& core, const Ask& ask);

// status_handlers.cpp
Result<Answer> get_status(Core& core, const Ask& ask);
Result<Answer> get_overview(Core& core, const Ask& ask);
Result<Answer> get_connection_status(Core& core, const Ask& ask);
Result<Answer> get_device_status(Core& core, const Ask& ask);
Result<Answer> get_sessions(Core& core, const Ask& ask);
Result<Answer> get_sparkplug(Core& core, const Ask& ask);
Result<Answer> get_dtu_status(Core& core, const Ask& ask);
Result<Answer> get_forwarding(Core& core, const Ask& ask);
void test_connection(Core& core, const AskPtr& ask, Done done);
// Message hooks.
Result<Answer> get_message_status(Core& core, const Ask& ask);
Result<Answer> get_modbus_status(Core& core, const Ask& ask);  // modbus_handlers.cpp
void test_message_hook(Core& core, const AskPtr& ask, Done done);
void write_device(Core& core, const AskPtr& ask, Done done);
// The connections that `who` sees.
std::vector<connect::ConnectionStatus> connections_of(Core& core, const registry::Principal& who);
void write_connections(JsonWriter& out, const std::vector<connect::ConnectionStatus>& items, Units units,
                       std::string_view language);
void sample_rates(Core& core);  // every few seconds: what overview tells as readings_per_s

// operation_handlers.cpp
Result<Answer> get_health(Core& core, const Ask& ask);
Result<Answer> get_metrics(Core& core, const Ask& ask);
Result<Answer> get_authority(Core& core, const Ask& ask);
Result<Answer> get_openapi(Core& core, const Ask& ask);
Result<Answer> post_compact(Core& core, const Ask& ask);

// backup_handlers.cpp
Result<Answer> get_doctor(Core& core, const Ask& ask);
Result<Answer> get_retention(Core& core, const Ask& ask);
Result<Answer> preview_retention(Core& core, const Ask& ask);
Result<Answer> run_retention(Core& core, const Ask& ask);
Result<Answer> get_backups(Core& core, const Ask& ask);
Result<Answer> post_backups(Core& core, const Ask& ask);
Result<Answer> check_backup(Core& core, const Ask& ask);
Result<Answer> drill_backup(Core& core, const Ask& ask);
Result<Answer> cancel_backup(Core& core, const Ask& ask);
Result<Answer> delete_backup(Core& core, const Ask& ask);

}  // namespace gongshu::api
