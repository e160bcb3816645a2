#include "registry/kinds/approval_policy.h"

#include <algorithm>

#include "registry/kind_of.h"
#include "registry/paths.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(Approver, engineer, admin)
BOOST_DESCRIBE_STRUCT(ApprovalPolicySpec, (), (kinds, names, approver, note))

namespace {

constexpr std::size_t kListMax = 100;
constexpr std::size_t kGlobBytesMax = 1000;

Result<void> check_alone(const ApprovalPolicySpec& spec) {
    if (spec.kinds.empty()) return Error{Code::invalid, "kinds: expected at least one kind, such as rules"};
    for (std::size_t i = 0; i < spec.names.size(); ++i)
        if (spec.names[i].empty() || spec.names[i].size() > kGlobBytesMax)
            return Error{Code::invalid, "names[{}]: expected 1 to {} bytes, found {}", i, kGlobBytesMax,
                         spec.names[i].size()};
    return {};
}

Result<void> check_among(const ResourceReader& reader, TenantId, std::string_view, const ApprovalPolicySpec& spec) {
    for (std::size_t i = 0; i < spec.kinds.size(); ++i) {
        const Kind* kind = reader.kind(spec.kinds[i]);
        if (kind != nullptr && kind->plural == spec.kinds[i] && !kind->of_system) continue;
        std::string names;
        for (const Kind* one : reader.kinds())
            if (!one->of_system) names += (names.empty() ? "" : ", ") + one->plural;
        return Error{Code::invalid, "kinds[{}]: there is no kind \"{}\"; there are {}", i, spec.kinds[i], names};
    }
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const ApprovalPolicySpec*) {
    return {
        {.field = "kinds",
         .title_zh = "资源种类",
         .title_en = "Kinds",
         .help_zh = "这些种类的资源，改动须经第二人批准，例如 rules、mappings;写上 approval_policies "
                    "可防止审批策略本身被一人改掉",
         .help_en = "A second person has to approve changes of these kinds of resources, as in rules, mappings; with "
                    "approval_policies nobody changes the policy itself alone",
         .required = true,
         .length_max = kListMax},
        {.field = "names",
         .title_zh = "名称",
         .title_en = "Names",
         .help_zh = "名称通配:* 为一级，** 为任意",
         .help_en = "Globs of names: * within a level, ** over levels",
         .length_max = kListMax},
        {.field = "approver",
         .title_zh = "批准人",
         .title_en = "Approver",
         .help_zh = "批准人至少须有的角色；提出改动的人不能批准自己的改动",
         .help_en = "The least role of who approves; who asked for a change cannot approve it"},
        {.field = "note", .title_zh = "说明", .title_en = "Note", .widget = "multiline"}};
}

Kind approval_policy_kind() {
    return make_kind<ApprovalPolicySpec>({.name = "approval_policy",
                                          .plural = "approval_policies",
                                          .title_zh = "审批策略",
                                          .title_en = "Approval policy",
                                          .about_zh = "哪些配置改动须经第二人批准后才生效",
                                          .about_en = "Which changes take effect only when a second person approves",
                                          .write_role = Role::admin},
                                         {.alone = check_alone, .among = check_among});
}

std::shared_ptr<const Resource> approval_policy_of(const ResourceReader& reader, TenantId tenant,
                                                   std::string_view kind_plural, std::string_view name) {
    std::shared_ptr<const Resource> found;
    Approver least = Approver::engineer;
    for (const auto& policy : reader.list_shared(tenant, "approval_policy")) {
        const auto spec = spec_of<ApprovalPolicySpec>(*policy);
        if (!spec || std::ranges::count(spec->kinds, kind_plural) == 0) continue;
        if (!std::ranges::any_of(spec->names, [&](const auto& glob) { return glob_matches(glob, name); })) continue;
        if (found && spec->approver <= least) continue;
        found = policy;
        least = spec->approver;
    }
    return found;
}

template Result<ApprovalPolicySpec> spec_of<ApprovalPolicySpec>(const Resource&);

}  // namespace gongshu::registry
