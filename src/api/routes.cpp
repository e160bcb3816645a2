#include <algorithm>

#include "api/handlers.h"
#include "api/interval_handlers.h"
#include "api/storage_handlers.h"

namespace gongshu::api {

namespace {

using enum wire::HttpMethod;
using registry::Role;

// clang-format off
constexpr Route kRoutes[] = {
    {post, "/api/v1/session", Access::open, Role::none, Run::pool, Size::small, now<post_session>,
     "session", "Sign in with user and password or with a one-time link", Leaves::nothing},
    {get, "/api/v1/session", Access::signed_in, Role::none, Run::loop, Size::small, now<get_session>,
     "session", "Who is signed in", Leaves::nothing},
    {delete_, "/api/v1/session", Access::signed_in, Role::none, Run::pool, Size::small, now<delete_session>,
     "session", "Sign out", Leaves::nothing},
    {post, "/api/v1/session/password", Access::signed_in, Role::none, Run::pool, Size::small, now<post_session_password>,
     "session", "Change one's own password", Leaves::nothing},

    {get, "/api/v1/kinds", Access::signed_in, Role::none, Run::pool, Size::small, now<get_kinds>,
     "resources", "All kinds of resources with their schemas", Leaves::nothing},

    {post, "/api/v1/apply", Access::role, Role::engineer, Run::pool, Size::write, now<post_apply>,
     "resources", "Make the resources be as YAML documents say, all or nothing"},
    {get, "/api/v1/export", Access::role, Role::admin, Run::pool, Size::small, now<get_export>,
     "resources", "Everything of the tenant but secrets, as YAML", Leaves::told},

    {post, "/api/v1/packages:plan", Access::role, Role::engineer, Run::pool, Size::write, now<plan_package>,
     "packages", "What installing or upgrading a package would do, with its signer and its tests; nothing is stored"},
    {post, "/api/v1/packages:install", Access::role, Role::engineer, Run::pool, Size::write, now<install_package>,
     "packages", "Install a signed package, all or nothing"},
    {post, "/api/v1/packages/{name}:upgrade", Access::role, Role::engineer, Run::pool, Size::write, now<upgrade_package>,
     "packages", "Bring a package to another version; what people changed stays or is told"},
    {post, "/api/v1/packages/{name}:rollback", Access::role, Role::engineer, Run::pool, Size::small, now<rollback_package>,
     "packages", "Take a package back to the version before"},
    {post, "/api/v1/packages/{name}:uninstall", Access::role, Role::engineer, Run::pool, Size::small, now<uninstall_package>,
     "packages", "Remove what a package made"},
    {post, "/api/v1/packages/{name}:verify", Access::role, Role::viewer, Run::pool, Size::small, now<verify_package>,
     "packages", "Compare an installed package with its file and run its tests again"},

    {get, "/api/v1/devices:export", Access::role, Role::viewer, Run::pool, Size::small, now<export_devices>,
     "resources", "Devices as a sheet (CSV)", Leaves::told},
    {post, "/api/v1/devices:import", Access::role, Role::engineer, Run::pool, Size::write, now<import_devices>,
     "resources", "Make, change, rename and delete devices as a sheet says, all or nothing"},
    {get, "/api/v1/tags:export", Access::role, Role::viewer, Run::pool, Size::small, now<export_tags>,
     "resources", "The properties of devices, as they hold for each, as a sheet (CSV)", Leaves::told},
    {post, "/api/v1/tags:import", Access::role, Role::engineer, Run::pool, Size::write, now<import_tags>,
     "resources", "Change what devices have other than their types, as a sheet says, all or nothing"},
    {post, "/api/v1/device_templates/{name}:make", Access::role, Role::engineer, Run::pool, Size::write, now<make_devices>,
     "resources", "Make a device of each row of parameters, with its connection and rules, all or nothing"},
    {post, "/api/v1/device_templates/{name}:update", Access::role, Role::engineer, Run::pool, Size::small, now<update_devices>,
     "resources", "Let the devices made from a template follow it; what was changed by hand stays"},
    {post, "/api/v1/device_templates/{name}:detach", Access::role, Role::engineer, Run::pool, Size::small, now<detach_devices>,
     "resources", "Let the devices made from a template forget it"},

    {get, "/api/v1/tags", Access::role, Role::viewer, Run::pool, Size::small, now<get_tags>,
     "data", "Tags by glob, with their last readings", Leaves::told},
    {get, "/api/v1/last", Access::role, Role::viewer, Run::brief, Size::small, now<get_last>,
     "data", "Newest reading of each tag", Leaves::told},
    {get, "/api/v1/read", Access::role, Role::viewer, Run::brief, Size::small, now<get_read>,
     "data", "Readings of a time range, raw, thinned, aggregated or by conditions on values", Leaves::told},
    {post, "/api/v1/query", Access::role, Role::viewer, Run::loop, Size::small, post_query,
     "data", "Readings, tags, intervals and resources by SQL", Leaves::told},
    {post, "/api/v1/write", Access::role, Role::engineer, Run::pool, Size::write, post_write,
     "data", "Write readings as Influx line protocol", Leaves::nothing},
    {post, "/api/v1/write/json", Access::role, Role::engineer, Run::pool, Size::write, post_write_json,
     "data", "Write readings as JSON", Leaves::nothing},
    {post, "/api/v1/write/batch", Access::role, Role::engineer, Run::pool, Size::write, post_write_batch,
     "data", "Write readings as columns (docs/format/batch.md)", Leaves::nothing},
    {post, "/api/v2/write", Access::role, Role::engineer, Run::pool, Size::write, post_write,
     "data", "The same as /api/v1/write, where clients of InfluxDB 2 look for it", Leaves::nothing},
    {post, "/write", Access::role, Role::engineer, Run::pool, Size::write, post_write,
     "data", "The same as /api/v1/write, where clients of InfluxDB 1 look for it", Leaves::nothing},
    {post, "/query", Access::role, Role::engineer, Run::pool, Size::small, now<influx_query>,
     "data", "CREATE DATABASE and SHOW DATABASES, which clients of InfluxDB 1 send before they write", Leaves::nothing},
    {get, "/query", Access::role, Role::engineer, Run::pool, Size::small, now<influx_query>,
     "data", "The same", Leaves::nothing},
    {get, "/ping", Access::open, Role::none, Run::loop, Size::small, now<get_influx_ping>,
     "data", "Is a server there, as clients of InfluxDB ask", Leaves::nothing},
    {get, "/health", Access::open, Role::none, Run::pool, Size::small, now<get_influx_health>,
     "data", "Is the server able to take data, as clients of InfluxDB 2 ask", Leaves::nothing},
    {post, "/api/v1/prom/write", Access::role, Role::engineer, Run::pool, Size::write, post_prom_write,
     "data", "Prometheus' remote write (1.0)", Leaves::nothing},
    {post, "/api/v1/prom/read", Access::role, Role::viewer, Run::pool, Size::small, now<post_prom_read>,
     "data", "Prometheus' remote read (samples)", Leaves::told},
    {get, "/api/v1/readings:export", Access::role, Role::viewer, Run::pool, Size::small, now<export_readings>,
     "data", "Readings of a time range however long, as CSV, JSON lines or line protocol", Leaves::told},
    {post, "/api/v1/imports:tags", Access::role, Role::engineer, Run::pool, Size::write, now<post_import_tags>,
     "data", "Make tags with their types and units before their readings are imported"},
    {post, "/api/v1/imports", Access::role, Role::engineer, Run::pool, Size::write, post_import,
     "imports", "Send a file to be imported; answers with a proposal for its map"},
    {get, "/api/v1/imports", Access::role, Role::engineer, Run::pool, Size::small, now<list_imports>,
     "imports", "Files that were sent, with their state"},
    {get, "/api/v1/imports/{id}", Access::role, Role::engineer, Run::pool, Size::small, now<get_import>,
     "imports", "One import: state, progress, report"},
    {delete_, "/api/v1/imports/{id}", Access::role, Role::engineer, Run::pool, Size::small, now<delete_import>,
     "imports", "Forget a file that was sent"},
    {post, "/api/v1/imports/{id}:look", Access::role, Role::engineer, Run::pool, Size::small, now<look_import>,
     "imports", "What a map means for a file: its first rows; without a map one is proposed"},
    {post, "/api/v1/imports/{id}:preview", Access::role, Role::engineer, Run::pool, Size::small, now<preview_import>,
     "imports", "Try a map: the first readings and the report, nothing is stored"},
    {post, "/api/v1/imports/{id}:start", Access::role, Role::engineer, Run::pool, Size::small, now<start_import>,
     "imports", "Import a file by a map"},
    {post, "/api/v1/imports/{id}:cancel", Access::role, Role::engineer, Run::pool, Size::small, now<cancel_import>,
     "imports", "Stop an import; what is stored stays"},
    {get, "/api/v1/dead_letters", Access::role, Role::engineer, Run::pool, Size::small, now<get_dead_letters>,
     "data", "Messages that could not be used"},
    {get, "/api/v1/dead_letters/{id}", Access::role, Role::engineer, Run::pool, Size::small, now<get_dead_letter>,
     "data", "One of them with its payload"},
    {get, "/api/v1/dead_letters:groups", Access::role, Role::engineer, Run::pool, Size::small, now<get_dead_letter_groups>,
     "data", "How many there are of each topic and reason"},
    {post, "/api/v1/dead_letters:process", Access::role, Role::engineer, Run::pool, Size::small, process_dead_letters,
     "data", "Take their readings now, as of messages that just came, with their times"},
    {post, "/api/v1/dead_letters:discard", Access::role, Role::engineer, Run::pool, Size::small, discard_dead_letters,
     "data", "Set them aside: nobody needs them"},
    {post, "/api/v1/mappings:preview", Access::role, Role::engineer, Run::pool, Size::write, now<preview_mapping>,
     "data", "What a mapping makes of a message, or of those that came last; nothing is stored"},
    {post, "/api/v1/mappings:propose", Access::role, Role::engineer, Run::pool, Size::write, now<propose_mapping>,
     "data", "A mapping that could take such a message, to begin with"},
    {get, "/api/v1/mappings:samples", Access::role, Role::engineer, Run::pool, Size::small, now<get_mapping_samples>,
     "data", "The newest message of each topic that has no door of its own"},

    {get, "/api/v1/calendars:now", Access::role, Role::viewer, Run::pool, Size::small, now<get_calendar_now>,
     "calendars", "Shift, production day, kind of day and tariff at a moment"},
    {get, "/api/v1/calendars:shifts", Access::role, Role::viewer, Run::pool, Size::small, now<get_calendar_shifts>,
     "calendars", "Shifts of a time range with their teams"},
    {get, "/api/v1/calendars:tariffs", Access::role, Role::viewer, Run::pool, Size::small, now<get_calendar_tariffs>,
     "calendars", "Tariff slices of a time range"},
    {get, "/api/v1/calendars:working", Access::role, Role::viewer, Run::pool, Size::small, now<get_calendar_working>,
     "calendars", "Working days and working hours counted on, or between two days"},
    {get, "/api/v1/calendars:year", Access::role, Role::viewer, Run::pool, Size::small, now<get_calendar_year>,
     "calendars", "Every day of a year: working, holiday, worked in exchange, exception, and how sure"},

    {get, "/api/v1/alarms", Access::role, Role::viewer, Run::pool, Size::small, now<get_alarms>,
     "alarms", "Alarms by state, time and severity"},
    {get, "/api/v1/alarms/{id}", Access::role, Role::viewer, Run::pool, Size::small, now<get_alarm>,
     "alarms", "One alarm with its journal"},
    {post, "/api/v1/alarms/{id}:acknowledge", Access::role, Role::operator_, Run::pool, Size::small, acknowledge_alarm,
     "alarms", "Acknowledge an alarm"},
    {post, "/api/v1/alarms/{id}:comment", Access::role, Role::operator_, Run::pool, Size::small, comment_alarm,
     "alarms", "Add a comment to an alarm"},
    {post, "/api/v1/alarms:shelve", Access::role, Role::operator_, Run::pool, Size::small, shelve_alarm,
     "alarms", "Set the alarms of a rule, or of one device of it, aside for a time"},
    {post, "/api/v1/alarms:unshelve", Access::role, Role::operator_, Run::pool, Size::small, unshelve_alarm,
     "alarms", "End that before its time"},
    {get, "/api/v1/shelves", Access::role, Role::viewer, Run::pool, Size::small, now<get_shelves>,
     "alarms", "What is shelved and what is out of service"},
    {post, "/api/v1/rules:out_of_service", Access::role, Role::engineer, Run::pool, Size::small, take_out_of_service,
     "alarms", "Take a rule, or one device of it, out of service until it is put back"},
    {post, "/api/v1/rules:in_service", Access::role, Role::engineer, Run::pool, Size::small, put_in_service,
     "alarms", "Put a rule back into service"},
    {post, "/api/v1/rules:check", Access::role, Role::viewer, Run::pool, Size::small, check_rule,
     "alarms", "Check a condition while it is written"},
    {post, "/api/v1/rules:rehearse", Access::role, Role::engineer, Run::pool, Size::small, now<rehearse_rule>,
     "alarms", "What a rule would have raised in the past; nothing is stored"},
    {get, "/api/v1/expressions/functions", Access::role, Role::viewer, Run::pool, Size::small, now<get_functions>,
     "alarms", "Functions, words and usual units of conditions, for completion"},

    {get, "/api/v1/intervals", Access::role, Role::viewer, Run::pool, Size::small, now<get_intervals>,
     "intervals", "What lasted: by asset, kind and time, newest first; kind=alarm gives alarms", Leaves::told},
    {post, "/api/v1/intervals", Access::role, Role::operator_, Run::pool, Size::small, post_interval,
     "intervals", "Mark one, open or closed"},
    {get, "/api/v1/intervals:states", Access::role, Role::viewer, Run::pool, Size::small, now<get_states>,
     "intervals", "How long tags were in each of their states, and when", Leaves::told},
    {get, "/api/v1/intervals:aggregates", Access::role, Role::viewer, Run::pool, Size::small, now<get_interval_aggregates>,
     "intervals", "Aggregates of tags within each interval", Leaves::told},
    {get, "/api/v1/intervals:overlaps", Access::role, Role::viewer, Run::pool, Size::small, now<get_interval_overlaps>,
     "intervals", "Two sets of intervals joined where they overlap", Leaves::told},
    {get, "/api/v1/intervals/{id}", Access::role, Role::viewer, Run::pool, Size::small, now<get_interval>,
     "intervals", "One with every revision, newest first", Leaves::told},
    {post, "/api/v1/intervals/{id}:close", Access::role, Role::operator_, Run::pool, Size::small, close_interval,
     "intervals", "End an open one"},
    {post, "/api/v1/intervals/{id}:correct", Access::role, Role::operator_, Run::pool, Size::small, correct_interval,
     "intervals", "Correct one, with a reason; what it was stays readable"},
    {post, "/api/v1/intervals/{id}:withdraw", Access::role, Role::operator_, Run::pool, Size::small, withdraw_interval,
     "intervals", "Take one back, with a reason; it stays readable"},

    {get, "/api/v1/status/virtual_tags", Access::role, Role::viewer, Run::pool, Size::small, now<get_virtual_tag_status>,
     "virtual tags", "Which virtual tags run where, and why those do not that do not"},
    {post, "/api/v1/virtual_tags:preview", Access::role, Role::engineer, Run::pool, Size::small, now<preview_virtual_tag>,
     "virtual tags", "What a virtual tag would give, or what is wrong with it; nothing is stored", Leaves::told},
    {get, "/api/v1/backfills", Access::role, Role::viewer, Run::pool, Size::small, now<get_backfills>,
     "virtual tags", "Past values that are being made, and those of before"},
    {post, "/api/v1/backfills/{id}:cancel", Access::role, Role::engineer, Run::pool, Size::small, now<cancel_backfill>,
     "virtual tags", "Stop making past values; what is made stays"},
    {get, "/api/v1/status", Access::role, Role::viewer, Run::pool, Size::small, now<get_status>,
     "status", "The server itself"},
    {get, "/api/v1/overview", Access::role, Role::viewer, Run::pool, Size::small, now<get_overview>,
     "status", "Counts of devices, connections and alarms, and what is wrong now"},
    {get, "/api/v1/status/connections", Access::role, Role::viewer, Run::pool, Size::small, now<get_connection_status>,
     "status", "State and counters of each connection"},
    {get, "/api/v1/status/devices", Access::role, Role::viewer, Run::pool, Size::small, now<get_device_status>,
     "status", "State of each device"},
    {get, "/api/v1/status/sessions", Access::role, Role::viewer, Run::pool, Size::small, now<get_sessions>,
     "status", "MQTT sessions"},
    {get, "/api/v1/status/sparkplug", Access::role, Role::viewer, Run::pool, Size::small, now<get_sparkplug>,
     "status", "Edge nodes of Sparkplug and their devices"},
    {get, "/api/v1/status/dtu", Access::role, Role::admin, Run::pool, Size::small, now<get_dtu_status>,
     "status", "Ports where DTUs dial in, and registration packets that no connection has"},
    {get, "/api/v1/status/modbus_servers", Access::role, Role::engineer, Run::pool, Size::small, now<get_modbus_status>,
     "status", "How the servers get on that show tags to Modbus masters, and who asks them"},
    {get, "/api/v1/status/forwarding", Access::role, Role::admin, Run::pool, Size::small, now<get_forwarding>,
     "status", "What was sent on to another platform, what waits, and why"},
    {get, "/api/v1/status/messages", Access::role, Role::admin, Run::pool, Size::small, now<get_message_status>,
     "cases", "What each message hook has sent, what waits, and why it fails"},
    {get, "/api/v1/audit", Access::role, Role::admin, Run::pool, Size::small, now<get_audit>,
     "status", "Who changed what"},
    {get, "/api/v1/ledger", Access::role, Role::admin, Run::pool, Size::small, now<get_ledger>,
     "ledger", "The signed head of the tenant's ledger: keep it, and ask for consistency with it later"},
    {get, "/api/v1/ledger/entries", Access::role, Role::admin, Run::pool, Size::small, now<get_ledger_entries>,
     "ledger", "Entries of the ledger, the newest unless told from where"},
    {get, "/api/v1/ledger/entries/{number}/proof", Access::role, Role::admin, Run::pool, Size::small,
     now<get_ledger_proof>, "ledger", "What proves to others that an entry is in the ledger"},
    {get, "/api/v1/ledger/consistency", Access::role, Role::admin, Run::pool, Size::small, now<get_ledger_consistency>,
     "ledger", "What proves that nothing was changed since a head that was kept"},
    {post, "/api/v1/ledger/entries/{number}:redact", Access::role, Role::admin, Run::pool, Size::small,
     now<redact_ledger_entry>, "ledger", "Delete the text of an audit record for good; its place in the tree stays"},
    {post, "/api/v1/ledger:anchor", Access::role, Role::admin, Run::pool, Size::small, now<anchor_ledgers>,
     "ledger", "Write one root over the heads of all tenants' ledgers into each of them now"},
    {get, "/api/v1/egress", Access::role, Role::admin, Run::pool, Size::small, now<get_egress>,
     "ledger", "What left by which door since the start, and who took it"},
    {get, "/api/v1/case_kinds", Access::role, Role::viewer, Run::pool, Size::small, now<get_case_kinds>,
     "cases", "Kinds of cases: their states, actions, fields and deadlines"},
    {get, "/api/v1/cases", Access::role, Role::viewer, Run::pool, Size::small, now<get_cases>,
     "cases", "Cases, the last changed first"},
    {get, "/api/v1/cases:counts", Access::role, Role::viewer, Run::pool, Size::small, now<get_case_counts>,
     "cases", "How many are open, by kind and state, and how many wait for the caller"},
    {post, "/api/v1/cases", Access::role, Role::operator_, Run::pool, Size::small, now<open_case>,
     "cases", "Open a case"},
    {get, "/api/v1/cases/{id}", Access::role, Role::viewer, Run::pool, Size::small, now<get_case>,
     "cases", "One case with its steps and what the caller may do"},
    {post, "/api/v1/cases/{id}:{action}", Access::role, Role::operator_, Run::pool, Size::small, now<act_on_case>,
     "cases", "Do what its kind allows from its state"},
    {get, "/api/v1/blobs", Access::role, Role::viewer, Run::pool, Size::small, now<get_blobs>,
     "files", "Files that lie with a resource or a case"},
    {post, "/api/v1/blobs", Access::role, Role::operator_, Run::pool, Size::write, now<post_blob>,
     "files", "Put a file beside a resource or a case: the body is the file"},
    {get, "/api/v1/blobs/{id}:about", Access::role, Role::viewer, Run::pool, Size::small, now<get_blob_about>,
     "files", "What is known of a file"},
    {get, "/api/v1/blobs/{id}:thumbnail", Access::role, Role::viewer, Run::pool, Size::small, now<get_blob_thumbnail>,
     "files", "A small JPEG of a picture, without what the picture tells of its place", Leaves::told},
    {get, "/api/v1/blobs/{id}", Access::role, Role::viewer, Run::pool, Size::small, now<get_blob>,
     "files", "The bytes of a file", Leaves::told},
    {delete_, "/api/v1/blobs/{id}", Access::role, Role::operator_, Run::pool, Size::small, now<delete_blob>,
     "files", "Remove a file, unless a case refers to it"},
    {get, "/api/v1/live", Access::role, Role::viewer, Run::live, Size::small, nullptr,
     "live", "WebSocket: newest values, alarms, connections", Leaves::told},
    {post, "/api/v1/admin/compact", Access::role, Role::admin, Run::pool, Size::small, now<post_compact>,
     "operation", "Seal and merge what the history holds"},
    {get, "/api/v1/storage", Access::role, Role::admin, Run::pool, Size::small, now<get_storage>,
     "operation", "What storage takes: totals, days, rates, and what the server does with its files"},
    {get, "/api/v1/storage/tags", Access::role, Role::admin, Run::pool, Size::small, now<get_storage_tags>,
     "operation", "Which tags take most of it"},
    {get, "/api/v1/storage/tags:days", Access::role, Role::admin, Run::pool, Size::small, now<get_storage_tag_days>,
     "operation", "What one tag takes, by day"},
    {post, "/api/v1/storage:check", Access::role, Role::admin, Run::pool, Size::small, now<check_storage>,
     "operation", "Begin to read every byte of the history and check it"},
    {post, "/api/v1/storage:cancel", Access::role, Role::admin, Run::pool, Size::small, now<cancel_storage_check>,
     "operation", "Stop that check"},
    {get, "/api/v1/admin/backups", Access::role, Role::admin, Run::pool, Size::small, now<get_backups>,
     "operation", "Backups, and the one that is being made"},
    {post, "/api/v1/admin/backups", Access::role, Role::admin, Run::pool, Size::small, now<post_backups>,
     "operation", "Begin a backup"},
    {post, "/api/v1/admin/backups:cancel", Access::role, Role::admin, Run::pool, Size::small, now<cancel_backup>,
     "operation", "Stop the backup that is being made, checked or proved"},
    {post, "/api/v1/admin/backups/{name}:check", Access::role, Role::admin, Run::pool, Size::small, now<check_backup>,
     "operation", "Begin to compare every byte of a backup with its list"},
    {post, "/api/v1/admin/backups/{name}:drill", Access::role, Role::admin, Run::pool, Size::small, now<drill_backup>,
     "operation", "Begin to prove a backup: restore it beside the others and read everything"},
    {delete_, "/api/v1/admin/backups/{name}", Access::role, Role::admin, Run::pool, Size::small, now<delete_backup>,
     "operation", "Remove a backup"},
    {get, "/api/v1/doctor", Access::role, Role::admin, Run::pool, Size::small, now<get_doctor>,
     "operation", "Checks of the machine, the data folder and the links, each with what to do"},
    {get, "/api/v1/setup", Access::role, Role::admin, Run::pool, Size::small, now<get_setup>,
     "operation", "Where data, keys and backups lie and who reaches the server, for the first steps"},
    {post, "/api/v1/setup", Access::role, Role::admin, Run::pool, Size::small, now<post_setup>,
     "operation", "Make the first site, with the sample or without, all or nothing"},
    {get, "/api/v1/admin/retention", Access::role, Role::admin, Run::pool, Size::small, now<get_retention>,
     "operation", "What is kept of readings, and what would go"},
    {post, "/api/v1/admin/retention:preview", Access::role, Role::admin, Run::pool, Size::small, now<preview_retention>,
     "operation", "What would go now, also under other limits"},
    {post, "/api/v1/admin/retention:run", Access::role, Role::admin, Run::pool, Size::small, now<run_retention>,
     "operation", "Remove what has to go now"},

    {get, "/healthz", Access::open, Role::none, Run::pool, Size::small, now<get_health>,
     "operation", "Is the server able to take data", Leaves::nothing},
    {get, "/metrics", Access::open, Role::none, Run::pool, Size::small, now<get_metrics>,
     "operation", "Prometheus metrics; off loopback a token is needed", Leaves::nothing},
    {get, "/ca.crt", Access::open, Role::none, Run::loop, Size::small, now<get_authority>,
     "operation", "The certificate that browsers and phones of the plant's network shall trust", Leaves::nothing},
    {get, "/openapi.json", Access::open, Role::none, Run::pool, Size::small, now<get_openapi>,
     "operation", "This interface as OpenAPI 3.1", Leaves::nothing},

    {post, "/api/v1/tokens/{name}:issue", Access::role, Role::admin, Run::pool, Size::small, now<issue_token>,
     "secrets", "Issue the secret of an API token, told once"},
    {post, "/api/v1/devices/{name}:credential", Access::role, Role::engineer, Run::pool, Size::small, now<issue_credential>,
     "secrets", "Issue the MQTT credential of a device, told once"},
    {post, "/api/v1/users/{name}:password", Access::role, Role::admin, Run::pool, Size::small, now<set_password>,
     "secrets", "Set the password of a user"},
    {post, "/api/v1/connections/{name}:test", Access::role, Role::engineer, Run::pool, Size::small, test_connection,
     "status", "Try a connection and read each of its properties once"},
    {post, "/api/v1/message_hooks/{name}:test", Access::role, Role::admin, Run::pool, Size::small, test_message_hook,
     "cases", "Send a test message by a message hook at once and tell what the receiver answered"},
    {post, "/api/v1/virtual_tags/{name}:backfill", Access::role, Role::engineer, Run::pool, Size::small, now<backfill_virtual_tag>,
     "virtual tags", "Make the past values of a virtual tag anew from what is stored"},
    {post, "/api/v1/devices/{name}:write", Access::role, Role::operator_, Run::pool, Size::small, write_device,
     "status", "Write a property of a machine"},

    {get, "/api/v1/{plural}", Access::read_kind, Role::none, Run::watch, Size::small, now<list_resources>,
     "resources", "All resources of a kind; with watch=1 a stream of changes"},
    {get, "/api/v1/{plural}/{name}", Access::read_kind, Role::none, Run::pool, Size::small, now<get_resource>,
     "resources", "One resource"},
    {put, "/api/v1/{plural}/{name}", Access::write_kind, Role::none, Run::pool, Size::small, now<put_resource>,
     "resources", "Make or replace a resource"},
    {patch, "/api/v1/{plural}/{name}", Access::write_kind, Role::none, Run::pool, Size::small, now<patch_resource>,
     "resources", "Change members of a spec (RFC 7396)"},
    {delete_, "/api/v1/{plural}/{name}", Access::write_kind, Role::none, Run::pool, Size::small, now<delete_resource>,
     "resources", "Delete a resource"},
    {get, "/api/v1/{plural}/{name}/revisions", Access::read_kind, Role::none, Run::pool, Size::small, now<get_revisions>,
     "resources", "All revisions of a resource"},
    {post, "/api/v1/{plural}/{name}:rollback", Access::write_kind, Role::none, Run::pool, Size::small, now<rollback_resource>,
     "resources", "Make an old revision the newest"},
    {post, "/api/v1/{plural}/{name}:rename", Access::write_kind, Role::none, Run::pool, Size::small, now<rename_resource>,
     "resources", "Give a resource another name"},
};
// clang-format on

// Takes one level off `path`; both begin with '/'.
std::string_view take_level(std::string_view& path) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view level = path.substr(0, end);
    path.remove_prefix(end);
    return level;
}

// "{id}:{action}" matches "CA-1:approve" and gives both.
bool match_action(std::string_view level, std::vector<std::string_view>& names) {
    const std::size_t colon = level.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == level.size()) return false;
    names.push_back(level.substr(0, colon));
    names.push_back(level.substr(colon + 1));
    return true;
}

// "{name}:issue" matches "a%2Fb:issue" and gives "a%2Fb"; nullopt if not, "" for a fixed level.
std::optional<std::string_view> match_level(std::string_view pattern, std::string_view level) {
    if (!pattern.starts_with('{')) return pattern == level ? std::optional<std::string_view>{""} : std::nullopt;
    const std::string_view action = pattern.substr(pattern.find('}') + 1);
    if (!level.ends_with(action)) return std::nullopt;
    const std::string_view name = level.substr(0, level.size() - action.size());
    if (name.empty() || (action.empty() && name.find(':') != std::string_view::npos)) return std::nullopt;
    return name;
}

bool match_path(std::string_view pattern, std::string_view path, std::vector<std::string_view>& names) {
    names.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view wanted = take_level(pattern);
        if (wanted.ends_with("}:{action}")) {
            if (!match_action(take_level(path), names)) return false;
            continue;
        }
        const auto name = match_level(wanted, take_level(path));
        if (!name) return false;
        if (wanted.starts_with('{')) names.push_back(*name);
    }
    return pattern.empty() && path.empty();
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Result<Match> match_route(wire::HttpMethod method, std::string_view path) {
    Match match;
    if (!path.starts_with('/')) return match;
    if (method == wire::HttpMethod::head) method = wire::HttpMethod::get;
    std::vector<std::string_view> names;
    for (const Route& route : kRoutes) {
        if (!match_path(route.path, path, names)) continue;
        if (route.method != method) {
            if (match.allow.find(to_string(route.method)) == std::string::npos) {
                match.allow.append(match.allow.empty() ? "" : ", ").append(to_string(route.method));
            }
            continue;
        }
        for (const std::string_view name : names) match.names.push_back(TRY(wire::percent_decode(name)));
        match.route = &route;
        return match;
    }
    return match;
}

}  // namespace gongshu::api
