#include "sheets/make.h"

#include <algorithm>
#include <memory>
#include <set>

#include "registry/difference.h"
#include "registry/kinds/device.h"
#include "registry/template_parts.h"
#include "registry/three_way.h"

namespace gongshu::sheets {

namespace {

using registry::DeviceTemplateSpec;
using registry::MadePart;
using registry::Parameters;
using ResourcePtr = std::shared_ptr<const registry::Resource>;

Fault fault_of(std::string column, registry::Mismatch wrong) {
    return {std::move(column), std::move(wrong.found), std::move(wrong.expected_zh), std::move(wrong.expected_en), ""};
}

std::string_view text_at(const Json& object, std::string_view name) {
    const Json* const found =
        object.is_object() ? object.get_object().if_contains({name.data(), name.size()}) : nullptr;
    if (!found || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

// What makes a connection reach another machine.
bool reaches_elsewhere(const Json& current, const Json& next) {
    for (const std::string_view field : {"protocol", "host", "port", "serial_port", "registration", "listen_port",
                                         "rack", "slot", "remote_tsap", "network", "station_no", "pc"}) {
        const Json* const a = current.get_object().if_contains({field.data(), field.size()});
        const Json* const b = next.get_object().if_contains({field.data(), field.size()});
        if ((a ? *a : Json()) != (b ? *b : Json())) return true;
    }
    return false;
}

// Maker turns rows of parameters into wishes.
// Lives: for one plan.  Threads: one.  Bounds: kRowsMax rows.  Disk: reads the template's revisions.
class Maker {
public:
    Maker(const registry::Registry& registry, const registry::Actor& actor, const registry::Resource& of,
          DeviceTemplateSpec spec, const Sees& sees)
        : registry_(registry), actor_(actor), of_(of), spec_(std::move(spec)), sees_(sees) {}

    // One machine; `device_name` of one that is there and keeps its name.
    void add(std::uint64_t line, const std::map<std::string, Json>& values,
             const std::optional<std::string>& device_name = {});
    Result<Plan> finish();

private:
    struct Owner {
        std::size_t line;
        Json spec;
    };

    bool take_values(PlanLine& line, const std::map<std::string, Json>& values, Parameters& into) const;
    // The parts of the same machine as the template was when it followed it last; empty if that is not known.
    std::vector<MadePart> parts_before(const Json& origin, const std::string& device_name);
    const DeviceTemplateSpec* spec_at(std::uint64_t revision);
    void add_device(std::size_t index, MadePart part, const Parameters& parameters, const std::vector<MadePart>& before,
                    const ResourcePtr& current);
    void add_other(std::size_t index, MadePart part, const std::vector<MadePart>& before);
    void wish(std::size_t index, const MadePart& part, Json spec, const ResourcePtr& current,
              std::vector<registry::Difference> kept);
    void refuse(std::size_t index, const std::string& place, std::string text);
    // What is stored under that name, or null.
    ResourcePtr find(const std::string& kind, const std::string& name);

    const registry::Registry& registry_;
    const registry::Actor& actor_;
    const registry::Resource& of_;
    const DeviceTemplateSpec spec_;
    const Sees& sees_;
    std::optional<Error> hidden_;
    std::optional<std::map<std::uint64_t, std::optional<DeviceTemplateSpec>>> past_;
    Plan plan_;
    std::vector<std::string> places_;  // of each wish, in the template
    std::map<std::pair<std::string, std::string>, Owner> made_;
};

bool Maker::take_values(PlanLine& line, const std::map<std::string, Json>& values, Parameters& into) const {
    for (const registry::TemplateParameter& parameter : spec_.parameters) {
        const auto given = values.find(parameter.name);
        Json value;
        auto wrong = registry::take_value(parameter, given == values.end() ? Json() : given->second, value);
        if (wrong) {
            line.faults.push_back(fault_of(parameter.name, std::move(*wrong)));
        } else if (!value.is_null()) {
            into[parameter.name] = std::move(value);
        }
    }
    for (const auto& [name, value] : values) {
        if (std::ranges::find(spec_.parameters, name, &registry::TemplateParameter::name) != spec_.parameters.end())
            continue;
        line.faults.push_back(
            {name, registry::describe(value), "模板没有此参数", "no such parameter in the template", ""});
    }
    return line.faults.empty();
}

const DeviceTemplateSpec* Maker::spec_at(std::uint64_t revision) {
    if (!past_) {
        past_.emplace();
        if (auto revisions = registry_.revisions(actor_, "device_template", of_.name)) {
            for (registry::Revision& one : *revisions) {
                registry::Resource resource = of_;
                resource.spec = std::move(one.spec);
                auto spec = registry::spec_of<DeviceTemplateSpec>(resource);
                (*past_)[one.revision] = spec ? std::optional(std::move(*spec)) : std::nullopt;
            }
        }
    }
    const auto found = past_->find(revision);
    return found == past_->end() || !found->second ? nullptr : &*found->second;
}

std::vector<MadePart> Maker::parts_before(const Json& origin, const std::string& device_name) {
    const Json* const revision = origin.get_object().if_contains("revision");
    const Json* const values = origin.get_object().if_contains("parameters");
    if (!revision || !values || !values->is_object()) return {};
    const DeviceTemplateSpec* const spec = spec_at(revision->to_number<std::uint64_t>());
    if (!spec) return {};
    Parameters parameters;
    for (const auto& item : values->get_object())
        parameters[std::string(item.key().data(), item.key().size())] = item.value();
    auto parts = registry::make_parts(registry_, *spec, parameters, device_name);
    return parts ? std::move(*parts) : std::vector<MadePart>{};
}

ResourcePtr Maker::find(const std::string& kind, const std::string& name) {
    auto found = registry_.find(actor_.tenant, kind, name);
    if (found && !sees_(*found) && !hidden_)
        hidden_ = Error{Code::not_found, "there is no {} \"{}\"", kind, name.substr(0, 200)};
    return found;
}

void Maker::refuse(std::size_t index, const std::string& place, std::string text) {
    plan_.lines[index].faults.push_back({registry::parameter_at(of_.spec, place), "", "", "", std::move(text)});
}

void Maker::wish(std::size_t index, const MadePart& part, Json spec, const ResourcePtr& current,
                 std::vector<registry::Difference> kept) {
    const auto [owner, is_new] = made_.try_emplace({part.kind, part.name}, Owner{index, spec});
    if (!is_new) {
        if (part.kind == "device" || owner->second.spec != spec) {
            const auto differences = registry::differences(owner->second.spec, spec);
            refuse(index, part.place + ".name",
                   fmt::format("{} \"{}\" would be made otherwise by line {} already{}", part.kind, part.name,
                               plan_.lines[owner->second.line].line,
                               differences.empty() ? "" : ": " + differences.front().path));
        }
        return;
    }
    const std::size_t at = plan_.add(
        index,
        {.kind = part.kind, .name = part.name, .spec = std::move(spec), .if_match = current ? current->revision : 0});
    plan_.lines[index].parts.back().kept = std::move(kept);
    places_.resize(at + 1);
    places_[at] = part.place + ".spec";
}

void Maker::add_device(std::size_t index, MadePart part, const Parameters& parameters,
                       const std::vector<MadePart>& before, const ResourcePtr& current) {
    Json spec = part.spec;
    std::vector<registry::Difference> kept;
    if (current) {
        Json theirs = current->spec;
        theirs.get_object().erase("from_template");
        const auto base = std::ranges::find(before, "device", &MadePart::kind);
        auto merged = registry::merge_three(base == before.end() ? Json() : base->spec, theirs, part.spec);
        spec = std::move(merged.spec);
        kept = std::move(merged.kept);
    }
    JsonObject values;
    for (const auto& [name, value] : parameters) values[name] = value;
    spec.get_object()["from_template"] = {
        {"name", of_.name}, {"revision", of_.revision}, {"parameters", std::move(values)}};
    wish(index, part, std::move(spec), current, std::move(kept));
}

void Maker::add_other(std::size_t index, MadePart part, const std::vector<MadePart>& before) {
    const ResourcePtr current = find(part.kind, part.name);
    const auto base = std::ranges::find_if(
        before, [&](const MadePart& one) { return one.kind == part.kind && one.name == part.name; });
    const bool ours = base != before.end();
    // A rule that somebody deleted since stays deleted.
    if (!current && ours && part.kind == "rule") return;
    if (!current) return wish(index, part, part.spec, nullptr, {});
    if (!ours && part.kind == "rule" && current->spec != part.spec)
        return refuse(index, part.place + ".name", fmt::format("there is a rule \"{}\" already", part.name));
    if (!ours && part.kind == "connection" && reaches_elsewhere(current->spec, part.spec)) {
        return refuse(index, part.place + ".name",
                      fmt::format("there is a connection \"{}\" already, to {} and not to {}", part.name,
                                  text_at(current->spec, "host"), text_at(part.spec, "host")));
    }
    auto merged = registry::merge_three(ours ? base->spec : Json(), current->spec, part.spec);
    // A gateway that is there stays as it is; its new machine only joins it.
    if (!ours) merged.spec = current->spec;
    wish(index, part, std::move(merged.spec), current, std::move(merged.kept));
}

void Maker::add(std::uint64_t number, const std::map<std::string, Json>& values,
                const std::optional<std::string>& device_name) {
    const std::size_t index = plan_.lines.size();
    plan_.lines.push_back({.line = number, .name = device_name.value_or("")});
    Parameters parameters;
    if (!take_values(plan_.lines[index], values, parameters)) return;
    auto parts = registry::make_parts(registry_, spec_, parameters, device_name);
    if (!parts) return refuse(index, std::string(place_of(parts.error())), parts.error().text());
    const auto device = std::ranges::find(*parts, "device", &MadePart::kind);
    const std::string name = plan_.lines[index].name = device->name;

    const ResourcePtr current = find("device", name);
    std::vector<MadePart> before;
    if (current) {
        const Json* const origin = current->spec.get_object().if_contains("from_template");
        if (!origin || text_at(*origin, "name") != of_.name) {
            return refuse(index, "device.name",
                          fmt::format("there is a device \"{}\" already that was not made from this template", name));
        }
        before = parts_before(*origin, name);
    }
    for (MadePart& part : *parts) {
        if (part.kind == "device") {
            add_device(index, std::move(part), parameters, before, current);
        } else {
            add_other(index, std::move(part), before);
        }
    }
}

Result<Plan> Maker::finish() {
    if (hidden_) return *hidden_;
    plan_.locate = [places = std::move(places_), lines = plan_.line_of, spec = of_.spec](std::size_t wish,
                                                                                         std::string_view place) {
        return Place{lines[wish],
                     place.empty() ? "" : registry::parameter_at(spec, fmt::format("{}.{}", places[wish], place))};
    };
    return std::move(plan_);
}

std::vector<ResourcePtr> devices_from(const registry::Registry& registry, TenantId tenant, std::string_view name,
                                      const Sees& sees) {
    std::vector<ResourcePtr> found;
    for (const auto& device : registry.list_shared(tenant, "device")) {
        const Json* const origin = device->spec.get_object().if_contains("from_template");
        if (origin && text_at(*origin, "name") == name && sees(*device)) found.push_back(device);
    }
    return found;
}

bool names_column(const registry::TemplateParameter& parameter, std::string_view column) {
    return column == parameter.name ||
           (!column.empty() && (column == parameter.title_zh || column == parameter.title_en));
}

}  // namespace

Result<std::vector<ParameterRow>> rows_of_json(const Json& rows) {
    if (!rows.is_array()) return Error{Code::invalid, "rows: expected a list, found {}", registry::describe(rows)};
    if (rows.get_array().size() > kRowsMax)
        return Error{Code::limit, "rows: at most {} machines are made at once, found {}", kRowsMax,
                     rows.get_array().size()};
    std::vector<ParameterRow> out;
    for (const Json& row : rows.get_array()) {
        ParameterRow& one = out.emplace_back();
        one.line = out.size();
        if (!row.is_object())
            return Error{Code::invalid, "rows[{}]: expected an object, found {}", out.size() - 1,
                         registry::describe(row)};
        for (const auto& item : row.get_object())
            one.values[std::string(item.key().data(), item.key().size())] = item.value();
    }
    return out;
}

Result<std::vector<ParameterRow>> rows_of_sheet(const DeviceTemplateSpec& of, const SheetFile& file) {
    std::vector<std::string> keys;
    for (const std::string& column : file.names) {
        const auto found = std::ranges::find_if(
            of.parameters, [&](const registry::TemplateParameter& one) { return names_column(one, column); });
        if (found == of.parameters.end()) {
            std::vector<std::string> names;
            for (const auto& parameter : of.parameters) names.push_back(parameter.name);
            return Error{Code::invalid, "line 1: the column \"{}\" is no parameter of the template; expected {}",
                         column, fmt::join(names, ", ")};
        }
        if (std::ranges::find(keys, found->name) != keys.end())
            return Error{Code::invalid, "line 1: two columns are the parameter \"{}\"", found->name};
        keys.push_back(found->name);
    }
    std::vector<ParameterRow> out;
    for (const SheetRow& row : file.rows) {
        ParameterRow& one = out.emplace_back();
        one.line = row.line;
        for (std::size_t i = 0; i < keys.size(); ++i)
            if (!row.cells[i].empty()) one.values[keys[i]] = Json(row.cells[i]);
    }
    return out;
}

Result<Plan> plan_make(const registry::Registry& registry, const registry::Actor& actor,
                       const registry::Resource& device_template, const std::vector<ParameterRow>& rows,
                       const Sees& sees) {
    Maker maker(registry, actor, device_template, TRY(registry::spec_of<DeviceTemplateSpec>(device_template)), sees);
    for (const ParameterRow& row : rows) maker.add(row.line, row.values);
    return maker.finish();
}

Result<Plan> plan_update(const registry::Registry& registry, const registry::Actor& actor,
                         const registry::Resource& device_template, const Sees& sees) {
    const auto spec = TRY(registry::spec_of<DeviceTemplateSpec>(device_template));
    Maker maker(registry, actor, device_template, spec, sees);
    std::uint64_t line = 0;
    for (const auto& device : devices_from(registry, actor.tenant, device_template.name, sees)) {
        std::map<std::string, Json> values;
        const Json* const parameters =
            device->spec.get_object().at("from_template").get_object().if_contains("parameters");
        if (parameters && parameters->is_object()) {
            for (const auto& item : parameters->get_object()) {
                const std::string name(item.key().data(), item.key().size());
                // A parameter that the template has no more is forgotten.
                if (std::ranges::find(spec.parameters, name, &registry::TemplateParameter::name) !=
                    spec.parameters.end())
                    values[name] = item.value();
            }
        }
        maker.add(++line, values, device->name);
    }
    return maker.finish();
}

Result<Plan> plan_detach(const registry::Registry& registry, const registry::Actor& actor,
                         const registry::Resource& device_template, const Sees& sees) {
    Plan plan;
    for (const auto& device : devices_from(registry, actor.tenant, device_template.name, sees)) {
        plan.lines.push_back({.line = plan.lines.size() + 1, .name = device->name});
        Json spec = device->spec;
        spec.get_object().erase("from_template");
        plan.add(plan.lines.size() - 1,
                 {.kind = "device", .name = device->name, .spec = std::move(spec), .if_match = device->revision});
    }
    return plan;
}

}  // namespace gongshu::sheets
