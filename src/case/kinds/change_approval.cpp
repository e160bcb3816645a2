#include "base/options.h"
#include "case/kinds/kinds.h"
#include "registry/json.h"
#include "registry/kinds/approval_policy.h"

namespace gongshu::cases {
namespace {

constexpr std::size_t kSpecBytesMax = 256 << 10;

std::string text_of(const Fields& fields, std::string_view name) {
    const Json* value = fields.if_contains(name);
    return value == nullptr || !value->is_string() ? std::string{} : std::string(std::string_view(value->as_string()));
}

std::uint64_t base_of(const Fields& fields) {
    const Json* value = fields.if_contains("base");
    return value == nullptr || !value->is_int64() ? 0 : static_cast<std::uint64_t>(value->as_int64());
}

// Secrets would lie open in the case.
Result<void> refuse_secrets(const registry::Kind& kind, const Json& spec) {
    const JsonObject* object = spec.if_object();
    if (object == nullptr) return Error{Code::invalid, "spec: expected an object, found {}", registry::describe(spec)};
    for (const std::string& field : kind.secret_fields)
        if (const Json* value = object->if_contains(field); value != nullptr && value->is_string())
            return Error{Code::invalid,
                         "spec.{}: a secret cannot wait in a change that others read; leave the stored one as it is "
                         "({{\"secret\":true}})",
                         field};
    return {};
}

class Changes {
public:
    explicit Changes(registry::Registry& registry) : registry_(registry) {}

    Result<void> prepare(const Doer& doer, Opening& opening) const {
        Fields& fields = opening.turn.fields;
        const registry::Kind* kind = registry_.kind(text_of(fields, "kind"));
        if (kind == nullptr || kind->of_system)
            return Error{Code::invalid, "kind: there is no kind \"{}\"", text_of(fields, "kind").substr(0, 60)};
        fields["kind"] = kind->plural;
        const std::string name = text_of(fields, "name");
        const auto now = registry_.find(doer.actor.tenant, kind->name, name);
        if (!fields.contains("base")) fields["base"] = static_cast<std::int64_t>(now ? now->revision : 0);
        if (!fields.contains("what")) fields["what"] = "put";
        if (doer.actor.role < kind->write_role)
            return Error{Code::denied, "{}: changing it takes the role {}", kind->name, to_string(kind->write_role)};
        TRY(check(doer.actor, *kind, name, fields));
        opening.subject = fields_subject(*kind, name);
        if (kind->path_names) opening.place = name;
        return {};
    }

    Result<void> effect(const Doer& doer, const Case& before, Case& next, const Step& step) const {
        const registry::Kind* kind = registry_.kind(text_of(next.fields, "kind"));
        if (kind == nullptr) return Error{Code::conflict, "there is no kind {} any more", text_of(next.fields, "kind")};
        const std::string name = text_of(next.fields, "name");
        if (step.action == "amend")
            return check({before.tenant, "", before.opener, kind->write_role, ""}, *kind, name, next.fields);
        if (step.action != "approve") return {};
        TRY(check_approver(doer, *kind, name));
        // It is the change of who asked for it; the case says who let it through.
        const registry::Actor actor{before.tenant,    doer.actor.tenant_name, before.opener,
                                    kind->write_role, doer.actor.from,        before.id};
        TRY(make(actor, *kind, name, next));
        return {};
    }

private:
    static std::string fields_subject(const registry::Kind& kind, const std::string& name) {
        std::string subject = kind.plural + "/" + name;
        if (subject.size() > 200) subject.resize(200);
        return subject;
    }

    // As if it were made now.
    Result<void> check(registry::Actor actor, const registry::Kind& kind, const std::string& name,
                       const Fields& fields) const {
        actor.approval = "checked";
        const registry::PutOptions options{.if_match = base_of(fields), .dry_run = true};
        if (text_of(fields, "what") == "delete") {
            TRY(registry_.remove(actor, kind.name, name, options));
            return {};
        }
        const Json* spec = fields.if_contains("spec");
        if (spec == nullptr) return Error{Code::invalid, "spec: expected what the resource should be"};
        TRY(refuse_secrets(kind, *spec));
        const auto change = TRY(registry_.put(actor, kind.name, name, *spec, options));
        if (change.what == registry::Change::What::unchanged)
            return Error{Code::invalid, "spec: is what {} \"{}\" is already", kind.name, name};
        return {};
    }

    Result<void> check_approver(const Doer& doer, const registry::Kind& kind, const std::string& name) const {
        const auto policy = registry::approval_policy_of(registry_, doer.actor.tenant, kind.plural, name);
        if (!policy) return {};  // nobody asks for approval any more; then any approver will do
        const auto spec = TRY(registry::spec_of<registry::ApprovalPolicySpec>(*policy));
        const Role least = spec.approver == registry::Approver::admin ? Role::admin : Role::engineer;
        if (doer.actor.role >= least) return {};
        return Error{Code::denied, "approve: the policy \"{}\" asks for the role {}", policy->name, to_string(least)};
    }

    // Once: what is as wanted already was made before the power went.
    Result<void> make(const registry::Actor& actor, const registry::Kind& kind, const std::string& name,
                      Case& next) const {
        const std::uint64_t base = base_of(next.fields);
        if (text_of(next.fields, "what") == "delete") {
            if (registry_.find(actor.tenant, kind.name, name) == nullptr) return {};
            TRY(registry_.remove(actor, kind.name, name, {.if_match = base}));
            return {};
        }
        const Json& spec = next.fields.at("spec");
        auto change = registry_.put(actor, kind.name, name, spec, {.dry_run = true});
        if (!change) return change.error();
        if (change->what != registry::Change::What::unchanged)
            change = TRY(registry_.put(actor, kind.name, name, spec, {.if_match = base}));
        next.fields["published"] = static_cast<std::int64_t>(change->resource.revision);
        return {};
    }

    registry::Registry& registry_;
};

}  // namespace

CaseKind change_approval_kind() {
    return {
        .name = "change_approval",
        .plural = "change_approvals",
        .prefix = "CA",
        .title_zh = "变更审批",
        .title_en = "Change approval",
        .about_zh = "一项配置改动，经第二人批准后才生效",
        .about_en = "A change of the configuration that takes effect when a second person approves it",
        .start = "asked",
        .fields = {{.name = "kind", .title_zh = "资源种类", .title_en = "Kind", .bytes_max = 100},
                   {.name = "name", .title_zh = "名称", .title_en = "Name", .bytes_max = 200},
                   {.name = "what",
                    .title_zh = "改动",
                    .title_en = "Change",
                    .type = FieldType::choice,
                    .choices = {{"put", "新建或修改", "Make or change"}, {"delete", "删除", "Delete"}}},
                   {.name = "base",
                    .title_zh = "基于版本",
                    .title_en = "From revision",
                    .type = FieldType::integer,
                    .min = 0},
                   {.name = "spec",
                    .title_zh = "内容",
                    .title_en = "Content",
                    .type = FieldType::json,
                    .bytes_max = kSpecBytesMax},
                   {.name = "files", .title_zh = "附件", .title_en = "Files", .type = FieldType::files, .max = 10},
                   {.name = "published",
                    .title_zh = "生效版本",
                    .title_en = "Published revision",
                    .type = FieldType::integer}},
        .states =
            {{.name = "asked", .title_zh = "待批准", .title_en = "Waiting for approval", .tone = Tone::waiting},
             {.name = "approved",
              .title_zh = "已批准并生效",
              .title_en = "Approved and in effect",
              .final = true,
              .tone = Tone::good},
             {.name = "refused", .title_zh = "已驳回", .title_en = "Refused", .final = true, .tone = Tone::bad},
             {.name = "withdrawn", .title_zh = "已撤回", .title_en = "Withdrawn", .final = true, .tone = Tone::calm},
             {.name = "expired", .title_zh = "已过期", .title_en = "Expired", .final = true, .tone = Tone::calm}},
        .parties = {{.is = Party::Is::opener,
                     .name = "requester",
                     .title_zh = "申请人",
                     .title_en = "who asked",
                     .role = Role::operator_},
                    {.is = Party::Is::anyone,
                     .name = "engineer",
                     .title_zh = "工程师",
                     .title_en = "engineers",
                     .role = Role::engineer},
                    {.is = Party::Is::assigned,
                     .name = "approver",
                     .title_zh = "批准人",
                     .title_en = "approvers",
                     .role = Role::engineer}},
        .actions = {{.name = "open",
                     .title_zh = "申请",
                     .title_en = "Ask for approval",
                     .to = "asked",
                     .by = {"engineer"},
                     .takes = {"kind", "name", "what", "base", "spec"},
                     .needs = {"kind", "name", "what"},
                     .needs_note = true,
                     .assigns = true},
                    {.name = "approve",
                     .title_zh = "批准",
                     .title_en = "Approve",
                     .from = {"asked"},
                     .to = "approved",
                     .by = {"approver"},
                     .unlike = {"open", "amend"}},
                    {.name = "refuse",
                     .title_zh = "驳回",
                     .title_en = "Refuse",
                     .from = {"asked"},
                     .to = "refused",
                     .by = {"approver"},
                     .needs_note = true,
                     .unlike = {"open", "amend"}},
                    {.name = "amend",
                     .title_zh = "修改申请",
                     .title_en = "Amend",
                     .from = {"asked"},
                     .to = "",
                     .by = {"requester"},
                     .takes = {"base", "spec"}},
                    {.name = "attach",
                     .title_zh = "附上文件",
                     .title_en = "Attach files",
                     .from = {"asked"},
                     .to = "",
                     .by = {"requester", "engineer"},
                     .takes = {"files"},
                     .needs = {"files"}},
                    {.name = "withdraw",
                     .title_zh = "撤回",
                     .title_en = "Withdraw",
                     .from = {"asked"},
                     .to = "withdrawn",
                     .by = {"requester"}},
                    {.name = "comment",
                     .title_zh = "留言",
                     .title_en = "Comment",
                     .from = {"asked"},
                     .to = "",
                     .by = {"requester", "engineer"},
                     .needs_note = true},
                    {.name = "remind", .title_zh = "提醒", .title_en = "Remind", .from = {"asked"}, .to = ""},
                    {.name = "expire", .title_zh = "过期", .title_en = "Expire", .from = {"asked"}, .to = "expired"}},
        .deadlines = {{.state = "asked", .after = 8 * kHour, .working_time = true, .action = "remind"},
                      {.state = "asked", .after = 30 * kDay, .action = "expire"}},
    };
}

Hooks change_approval_hooks(registry::Registry& registry) {
    const auto changes = std::make_shared<Changes>(registry);
    return {.prepare = [changes](const Doer& doer, Opening& opening) { return changes->prepare(doer, opening); },
            .effect = [changes](const Doer& doer, const Case& before, Case& next,
                                const Step& step) { return changes->effect(doer, before, next, step); }};
}

}  // namespace gongshu::cases
