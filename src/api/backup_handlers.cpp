// Backups of the whole server: only for administrators of the tenant default, because all tenants are in them.
#include "api/handlers.h"
#include "backup/backups.h"

namespace gongshu::api {
namespace {

Result<backup::Backups*> backups_for(Core& core, const Ask& ask) {
    if (ask.who.actor.tenant_name != "default" || !ask.who.paths.empty()) {
        return Error{Code::denied,
                     "a backup holds all tenants: only an administrator of the tenant default without limits of place "
                     "may see or make one"};
    }
    if (core.deps.backups == nullptr) return Error{Code::unsupported, "this server makes no backups"};
    return core.deps.backups;
}

std::string_view to_text(backup::Backups::Work work) {
    switch (work) {
        case backup::Backups::Work::making:
            return "make";
        case backup::Backups::Work::checking:
            return "check";
        case backup::Backups::Work::proving:
            return "drill";
        case backup::Backups::Work::removing:
            return "remove";
        case backup::Backups::Work::none:
            break;
    }
    return "";
}

void write_state(JsonWriter& out, const Ask& ask, const backup::Backups::State& state) {
    out.key("running");
    if (state.work == backup::Backups::Work::none) {
        out.null();
    } else {
        out.begin_object().key("work").text(to_text(state.work)).key("name").text(state.name);
        out.key("since").integer(state.since / kMillisecond);
        for (const auto& [name, value] : {std::pair{"files_done", state.files_done}, std::pair{"files", state.files},
                                          std::pair{"bytes_done", state.bytes_done}, std::pair{"bytes", state.bytes}})
            out.key(name).safe_integer(static_cast<std::int64_t>(value));
        out.end_object();
    }
    out.key("last");
    if (state.last_work == backup::Backups::Work::none) {
        out.null();
    } else {
        out.begin_object().key("work").text(to_text(state.last_work)).key("name").text(state.last_name);
        out.key("ended")
            .integer(state.last_end / kMillisecond)
            .key("error")
            .text(told(ask, state.last_error))
            .end_object();
    }
}

void write_proof(JsonWriter& out, const Ask& ask, std::string_view key, const std::optional<backup::Proof>& proof) {
    out.key(key);
    if (!proof) {
        out.null();
        return;
    }
    out.begin_object().key("backup").text(proof->backup).key("at").integer(proof->at / kMillisecond);
    out.key("took_ms").integer(proof->took / kMillisecond).key("program").text(proof->program);
    for (const auto& [name, number] :
         {std::pair{"files", proof->files}, std::pair{"bytes", proof->bytes}, std::pair{"rows", proof->rows},
          std::pair{"intervals", proof->intervals}, std::pair{"events", proof->events},
          std::pair{"resources", proof->resources}, std::pair{"revisions", proof->revisions},
          std::pair{"secrets", proof->secrets}, std::pair{"ledgers", proof->ledgers},
          std::pair{"audit_records", proof->audit_records}, std::pair{"problem_count", proof->problem_count}})
        out.key(name).safe_integer(static_cast<std::int64_t>(number));
    out.key("newest");
    if (proof->newest == 0)
        out.null();
    else
        out.integer(proof->newest / kMillisecond);
    out.key("problems").begin_array();
    for (const std::string& problem : proof->problems) out.text(told(ask, problem));
    out.end_array().end_object();
}

void write_target(JsonWriter& out, const Ask& ask, const backup::Backups& backups) {
    out.key("target");
    const auto target = backups.target();
    if (!target) {
        out.null();
        return;
    }
    const auto time = [&](const char* name, TimeNs at) {
        out.key(name);
        if (at == 0)
            out.null();
        else
            out.integer(at / kMillisecond);
    };
    const backup::TargetOptions& options = backups.options().target;
    out.begin_object().key("folder").text(options.name()).key("mount").boolean(options.mount);
    out.key("running").boolean(target->running).key("name").text(target->name).key("sent").text(target->sent);
    out.key("bytes_done").safe_integer(static_cast<std::int64_t>(target->bytes_done));
    out.key("bytes").safe_integer(static_cast<std::int64_t>(target->bytes));
    time("sent_at", target->sent_at);
    time("tried_at", target->tried_at);
    time("next_try", target->next_try);
    out.key("problem").text(told(ask, target->problem)).end_object();
}

Result<Answer> render(const Ask& ask, backup::Backups& backups, int status) {
    const auto all = TRY(backups.list());
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("folder").text(backups.options().folder);
    out.key("every_s").integer(backups.options().every / kSecond).key("keep").integer(backups.options().keep);
    const auto& at = backups.options().at;
    out.key("at").text(at ? backup::to_string(*at) : "");
    out.key("drill_every_s").integer(backups.options().drill_every / kSecond);
    write_state(out, ask, backups.state());
    write_target(out, ask, backups);
    // One that cannot be read is as good as none: the next drill writes it anew.
    const auto last = backups.last_proof();
    write_proof(out, ask, "proved", last ? *last : std::nullopt);
    out.key("backups").begin_array();
    for (const backup::BackupInfo& info : all) {
        out.begin_object().key("name").text(info.name).key("made").integer(info.made / kMillisecond);
        out.key("program").text(info.program).key("files").safe_integer(static_cast<std::int64_t>(info.files));
        out.key("bytes")
            .safe_integer(static_cast<std::int64_t>(info.bytes))
            .key("problem")
            .text(told(ask, info.problem));
        out.key("note").text(told(ask, info.note));
        write_proof(out, ask, "proof", info.proof);
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body), status);
}

void note(Core& core, const Ask& ask, std::string_view action, std::string_view name) {
    core.deps.registry.audit(ask.who.actor, action, "backup", name, "", true);
}

}  // namespace

Result<Answer> get_backups(Core& core, const Ask& ask) { return render(ask, *TRY(backups_for(core, ask)), 200); }

Result<Answer> post_backups(Core& core, const Ask& ask) {
    backup::Backups& backups = *TRY(backups_for(core, ask));
    TRY(backups.start());
    note(core, ask, "create", "");
    return render(ask, backups, 202);
}

Result<Answer> check_backup(Core& core, const Ask& ask) {
    backup::Backups& backups = *TRY(backups_for(core, ask));
    TRY(backups.start_check(ask.names[0]));
    return render(ask, backups, 202);
}

Result<Answer> drill_backup(Core& core, const Ask& ask) {
    backup::Backups& backups = *TRY(backups_for(core, ask));
    TRY(backups.start_drill(ask.names[0]));
    note(core, ask, "drill", ask.names[0]);
    return render(ask, backups, 202);
}

Result<Answer> cancel_backup(Core& core, const Ask& ask) {
    backup::Backups& backups = *TRY(backups_for(core, ask));
    backups.cancel();
    note(core, ask, "cancel", "");
    return render(ask, backups, 202);
}

Result<Answer> delete_backup(Core& core, const Ask& ask) {
    backup::Backups& backups = *TRY(backups_for(core, ask));
    TRY(backups.remove(ask.names[0]));
    note(core, ask, "delete", ask.names[0]);
    return render(ask, backups, 200);
}

}  // namespace gongshu::api
