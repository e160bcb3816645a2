#include "registry/migrations.h"

namespace gongshu::registry {

// Times are nanoseconds since 1970 UTC. Numbers are bigint and texts text, because the reader goes by these words.
const std::vector<std::vector<std::string_view>>& migrations() {
    static const std::vector<std::vector<std::string_view>> steps = {
        {
            "create table meta (name text primary key, value text not null)",

            // Numbers of tenants; rows stay when the tenant is gone, so that a number is never given twice.
            "create table tenants (id bigint primary key, uid text not null unique)",

            "create table resources (uid text primary key, tenant bigint not null, kind text not null, name text not "
            "null,"
            " revision bigint not null, schema_version bigint not null, created bigint not null, updated bigint not "
            "null,"
            " who text not null, spec text not null, unique (tenant, kind, name))",

            // Every revision of every resource, of deleted ones too. spec is '' for what = deleted.
            "create table revisions (uid text not null, revision bigint not null, tenant bigint not null, kind text "
            "not null,"
            " name text not null, time bigint not null, who text not null, what text not null, schema_version bigint "
            "not null,"
            " created bigint not null, spec text not null, primary key (uid, revision))",
            "create index revisions_by_name on revisions (tenant, kind, name, time)",

            // Sealed with AES-256-GCM, base64.
            "create table secrets (uid text not null, field text not null, sealed text not null, primary key (uid, "
            "field))",

            "create table audit (id bigint primary key, time bigint not null, tenant bigint not null, who text not "
            "null,"
            " source text not null, action text not null, kind text not null, name text not null, detail text not null,"
            " allowed bigint not null)",
            "create index audit_by_time on audit (tenant, time)",

            // must_change is a MustChange: 1 the program's first password, 2 given by an administrator.
            "create table auth_passwords (uid text primary key, tenant bigint not null, hash text not null,"
            " must_change bigint not null)",
            // hmac is of the secret, hexadecimal.
            "create table auth_sessions (hmac text primary key, tenant bigint not null, uid text not null, csrf text "
            "not null,"
            " created bigint not null, used bigint not null)",
            "create table auth_tokens (uid text primary key, tenant bigint not null, hmac text not null unique)",
            "create table auth_devices (uid text primary key, tenant bigint not null, hmac text not null unique)",
            "create table auth_one_time (hmac text primary key, tenant bigint not null, uid text not null, expires "
            "bigint not null)",
        },
        {
            // The entry of its tenant's ledger that holds it; null while it is on its way there.
            "alter table audit add column ledger bigint",
            "create index audit_on_its_way on audit (tenant, id) where ledger is null",
        },
        {
            // Cases as they are now. due: when one moves by itself, the largest bigint = never; body and detail are JSON objects.
            "create table cases (tenant bigint not null, kind text not null, id text not null, number bigint not null,"
            " revision bigint not null, state text not null, closed bigint not null, opened bigint not null,"
            " since bigint not null, changed bigint not null, due bigint not null, opener text not null, place text not null,"
            " subject text not null, body text not null, primary key (tenant, id))",
            "create unique index cases_by_number on cases (tenant, kind, number)",
            "create index cases_by_change on cases (tenant, changed, id)",
            "create index cases_due on cases (due) where closed = 0",
            "create index cases_about on cases (tenant, kind, subject) where closed = 0",
            // What happened to them; never changed.
            "create table case_steps (tenant bigint not null, id text not null, number bigint not null, time bigint "
            "not null,"
            " who text not null, action text not null, origin text not null, goal text not null, detail text not null,"
            " primary key (tenant, id, number))",
        },
        {
            // Files beside resources and cases; their bytes lie in blobs/ of the data folder. used: when somebody last referred
            // to it; loose: since when nobody does, 0 = somebody does.
            "create table blobs (tenant bigint not null, id text not null, sha256 text not null, bytes bigint not null,"
            " type text not null, name text not null, who text not null, time bigint not null, owner_kind text not null,"
            " owner_uid text not null, owner_name text not null, state text not null, note text not null,"
            " width bigint not null, height bigint not null, used bigint not null, loose bigint not null,"
            " primary key (tenant, id))",
            "create index blobs_by_owner on blobs (tenant, owner_kind, owner_uid, id)",
            "create index blobs_by_hash on blobs (tenant, sha256)",
        },
        {
            // The place of a step among all steps of its tenant, from 1, as they became durable; 0: older than this column.
            "alter table case_steps add column sequence bigint not null default 0",
            "create index case_steps_in_order on case_steps (tenant, sequence)",
            // How far each message hook has come. done: the sequence up to which nothing is left to be told; trouble: when the
            // step after it failed first, 0 = it did not.
            "create table message_cursors (tenant bigint not null, uid text not null, done bigint not null,"
            " trouble bigint not null, sent bigint not null, sent_at bigint not null, sent_what text not null,"
            " given_up bigint not null, primary key (tenant, uid))",
        },
        {
            // What proves an API token by SCRAM-SHA-256 (RFC 5802): StoredKey and ServerKey, sealed with AES-256-GCM, base64.
            // Tokens that were issued before have none: they have to be sent whole, inside TLS.
            "create table auth_scram (uid text primary key, tenant bigint not null, sealed text not null)",
        },
    };
    return steps;
}

std::string_view about_migration(std::size_t step) {
    static constexpr std::string_view about[] = {
        "tenants, resources with their revisions, secrets, people",
        "the ledger under the audit",
        "cases",
        "files beside resources and cases",
        "the order of the steps of cases, and how far message hooks have come",
        "what proves API tokens at the PostgreSQL door",
    };
    return step < std::size(about) ? about[step] : "";
}

}  // namespace gongshu::registry
