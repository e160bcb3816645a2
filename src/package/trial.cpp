#include "package/trial.h"

#include "registry/bulk.h"

namespace gongshu::package {
namespace {

Json sample_of(const registry::TemplateParameter& parameter) {
    switch (parameter.type) {
        case registry::ParameterType::text:
            return Json("x1");
        case registry::ParameterType::number:
        case registry::ParameterType::integer:
            return Json(static_cast<std::int64_t>(parameter.min.value_or(1)));
        case registry::ParameterType::boolean:
            return Json(false);
        case registry::ParameterType::choice:
            break;
    }
    return parameter.choices.empty() ? Json("x1") : Json(parameter.choices.front());
}

registry::Parameters with_samples(const Manifest& manifest, registry::Parameters given) {
    for (const registry::TemplateParameter& parameter : manifest.parameters)
        if (parameter.required && !parameter.preset && !given.contains(parameter.name))
            given[parameter.name] = sample_of(parameter);
    return given;
}

}  // namespace

Result<std::unique_ptr<Trial>> Trial::create(std::vector<registry::Kind> kinds) {
    std::unique_ptr<Trial> trial(new Trial);
    trial->registry_ =
        TRY(registry::Registry::create(trial->files_, trial->clock_, {.folder = "/trial", .key_folder = "/keys"}));
    for (registry::Kind& kind : kinds) trial->registry_->add_kind(std::move(kind));
    TRY(trial->registry_->load());
    return trial;
}

Result<void> Trial::install(const Package& package, const registry::Parameters& given) {
    const auto bound = TRY(bind_parameters(package.manifest, with_samples(package.manifest, given)));
    const auto made = TRY(make_resources(*registry_, package, bound));
    const TenantId tenant = registry_->tenant_id("default").value_or(TenantId{1});
    const registry::Actor actor{tenant, "default", "system", registry::Role::admin, ""};
    std::vector<registry::BulkWish> wishes;
    for (const MadeResource& one : made)
        wishes.push_back({registry::BulkWish::What::put, one.kind, one.name, one.spec});
    const auto applied = registry::change_all(*registry_, actor, wishes, false);
    for (std::size_t i = 0; i < applied.size(); ++i)
        if (!applied[i].change)
            return Error(applied[i].change.error()).context("{}, {} \"{}\"", made[i].place, made[i].kind, made[i].name);
    return {};
}

Result<std::vector<VectorOutcome>> Trial::test(const Package& package, const registry::Parameters& given) {
    return run_vectors(package, with_samples(package.manifest, given), *registry_,
                       registry_->tenant_id("default").value_or(TenantId{1}));
}

}  // namespace gongshu::package
