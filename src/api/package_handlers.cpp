// Packages: looked at, installed, upgraded, taken back. The body of plan, install and upgrade is the file itself.
#include "api/handlers.h"
#include "package/packages.h"

namespace gongshu::api {
namespace {

Result<package::Packages*> packages_for(Core& core, const Ask& ask) {
    if (core.deps.packages == nullptr) return Error{Code::unsupported, "this server installs no packages"};
    if (!ask.who.paths.empty())
        return Error{Code::denied, "a package is of the whole tenant; {} sees only some places", ask.who.actor.who};
    return core.deps.packages;
}

// ?set=limit%3D4.5&conflicts=keep&dry_run=1
Result<package::Request> request_of(const Ask& ask) {
    package::Request request;
    for (const std::string& one : ask.all("set")) {
        const std::size_t equals = one.find('=');
        if (equals == one.npos || equals == 0)
            return Error{Code::invalid, "set: expected name=value, found \"{}\"", one};
        request.parameters[one.substr(0, equals)] = Json(one.substr(equals + 1));
    }
    const std::string_view conflicts = ask.value("conflicts");
    if (conflicts == "keep")
        request.on_conflict = package::OnConflict::keep;
    else if (conflicts == "take")
        request.on_conflict = package::OnConflict::take;
    else if (!conflicts.empty() && conflicts != "refuse")
        return Error{Code::invalid, "conflicts: expected refuse, keep or take, found \"{}\"", conflicts};
    request.dry_run = parse_flag(ask, "dry_run");
    return request;
}

void write_differences(JsonWriter& out, std::string_view key, const std::vector<registry::Difference>& differences) {
    out.key(key).begin_array();
    for (const registry::Difference& one : differences) {
        out.begin_object().key("path").text(one.path).key("before").raw(registry::to_text(one.before));
        out.key("after").raw(registry::to_text(one.after)).end_object();
    }
    out.end_array();
}

void write_steps(JsonWriter& out, const Ask& ask, const std::vector<package::Step>& steps) {
    out.key("steps").begin_array();
    for (const package::Step& step : steps) {
        out.begin_object().key("kind").text(step.kind).key("name").text(step.name);
        out.key("what").text(to_string(step.what)).key("why").text(told(ask, step.why));
        write_differences(out, "differences", step.differences);
        write_differences(out, "kept", step.kept);
        out.end_object();
    }
    out.end_array();
}

void write_tests(JsonWriter& out, const Ask& ask, const std::vector<package::VectorOutcome>& tests) {
    out.key("tests").begin_array();
    for (const package::VectorOutcome& test : tests) {
        out.begin_object().key("name").text(test.name).key("place").text(test.place);
        out.key("passed").boolean(test.failure.empty()).key("failure").text(told(ask, test.failure)).end_object();
    }
    out.end_array();
}

Answer render(const Ask& ask, const package::Plan& plan) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("action").text(plan.action).key("name").text(plan.name);
    out.key("from").text(plan.from).key("to").text(plan.to).key("sha256").text(plan.sha256);
    out.key("signer_key_id").text(plan.signer_key_id).key("trusted_as").text(plan.trusted_as).key("manifest");
    plan.manifest ? out.raw(registry::to_text(package::manifest_json(*plan.manifest))) : out.null();
    write_steps(out, ask, plan.steps);
    out.key("problems").begin_array();
    for (const std::string& problem : plan.problems) out.text(told(ask, problem));
    out.end_array();
    write_tests(out, ask, plan.tests);
    out.key("conflicts")
        .integer(static_cast<std::int64_t>(plan.conflicts()))
        .key("stored")
        .boolean(plan.stored)
        .end_object();
    return json_answer(std::move(body));
}

}  // namespace

Result<Answer> plan_package(Core& core, const Ask& ask) {
    package::Packages& packages = *TRY(packages_for(core, ask));
    return render(ask, TRY(packages.plan(ask.who.actor, as_bytes(ask.http.body), TRY(request_of(ask)))));
}

Result<Answer> install_package(Core& core, const Ask& ask) {
    package::Packages& packages = *TRY(packages_for(core, ask));
    return render(ask, TRY(packages.install(ask.who.actor, as_bytes(ask.http.body), TRY(request_of(ask)))));
}

Result<Answer> upgrade_package(Core& core, const Ask& ask) {
    package::Packages& packages = *TRY(packages_for(core, ask));
    return render(ask,
                  TRY(packages.upgrade(ask.who.actor, ask.names.at(0), as_bytes(ask.http.body), TRY(request_of(ask)))));
}

Result<Answer> rollback_package(Core& core, const Ask& ask) {
    package::Packages& packages = *TRY(packages_for(core, ask));
    return render(ask, TRY(packages.rollback(ask.who.actor, ask.names.at(0), TRY(request_of(ask)))));
}

Result<Answer> uninstall_package(Core& core, const Ask& ask) {
    package::Packages& packages = *TRY(packages_for(core, ask));
    return render(ask, TRY(packages.uninstall(ask.who.actor, ask.names.at(0), TRY(request_of(ask)))));
}

Result<Answer> verify_package(Core& core, const Ask& ask) {
    package::Packages& packages = *TRY(packages_for(core, ask));
    const package::Examination found = TRY(packages.verify(ask.tenant(), ask.names.at(0)));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("name").text(found.name).key("version").text(found.version);
    out.key("problem").text(told(ask, found.problem));
    write_steps(out, ask, found.steps);
    write_tests(out, ask, found.tests);
    out.end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
