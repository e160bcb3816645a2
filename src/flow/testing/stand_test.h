#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "base/rng.h"
#include "data/columns.h"
#include "data/stage.h"
#include "expr/calendar.h"
#include "expr/columns.h"
#include "flow/flow.h"
#include "flow/rule.h"
#include "flow/scope.h"
#include "flow/virtual_tags.h"
#include "history/history.h"
#include "io/sim.h"
#include "registry/declared_tags.h"
#include "registry/kinds/tag_alias.h"
#include "registry/registry.h"

namespace gongshu::flow::test {

using gongshu::to_string;

// A plant that can be switched off and on over the same files, and that is told in commands:
//
//   > lanes 2                                  first line only; how many loops
//   > type cnc temperature:number:degC running:boolean
//   > site site1 Asia/Kathmandu                its time zone
//   > device site1/cnc1 cnc
//   > tag plain/a.b number bar                 a tag without a device
//   > rule hot {"condition":"temperature > 80"} puts; > edit hot {…} patches; > delete rule hot
//   > feed site1/cnc1.temperature 85; running true; temperature 3 @-5s bad:timeout
//   > +30s   > restart   > crash   > down 10m   > clock +1h   > fail (the next write)   > deaf (rules see no rows)   >
//   tenant plant2 > alarms [state]   > ack hot li comment…   > comment hot li text…   > journal hot   > counts   >
//   check DEVICE condition > why hot                                  why values against what the store reads back
//   > messages                                of active alarms, in both languages
//   > leads hot                               device and tags that its alarm names
//   > title k/a 一号炉 Furnace 1               of a device, in both languages
//   > tags k/**                                what there is; "moved" what had another path when this was asked before
//   > shelve hot@site1/cnc1 2h li why         > unshelve hot li why   > out hot li why   > back hot li why   > shelves
//   > groups [name]                           counts by group, and the active ones of one ("-" = of none)
//   > virtual site1/p.power {"expr":"…"}      puts a virtual tag; > editv NAME {…} patches
//   > values glob [10s]                       what is stored, [of the last ten seconds]; "+late" is left out
//   > states                                  virtual tags that do not run
//   > intervals                               all that are stored, oldest first, with how often they were revised
//   > preview 1m [DEVICE] {…}                 what a virtual tag would give
//   > backfill NAME 1m                        past values are made
//   > stopped                                 rules that cannot run
//   > rehearse 10m {…}                        what this rule would have raised in the last ten minutes
class Stand {
public:
    explicit Stand(std::size_t lanes) : lane_count_(lanes), start_(world_.clock().now()) {
        up();
        tenant_ = *registry_->tenant_id("default");
    }
    ~Stand() { down(); }

    // From now on readings come as batches of columns, where they can.
    void send_columns() { sends_columns_ = true; }

    std::string run(const std::string& line) {
        std::istringstream in(line);
        std::string word;
        in >> word;
        std::string rest;
        std::getline(in >> std::ws, rest);
        const std::string problem = command(word, rest);
        std::string said = std::exchange(said_, {});
        if (!problem.empty()) said += problem + "\n";
        return said;
    }

    // What run() over the stored readings gives for a virtual tag, against what is stored of it: "" if it is the same.
    std::string against_columns(const std::string& path) {
        const VirtualIndex index{*registry_, tenant_};
        const auto found = index.at(path);
        if (!found) return "no virtual tag at " + path;
        const auto info = history_->find(tenant_, path);
        if (!info) return "no tag " + path;
        const auto made = compile_virtual(
            *found->spec, LiveScope{*registry_, *history_, tenant_, found->place.device, "", Unfound::wait});
        if (!made) return made.error().text();
        const TimeNs end = world_.clock().now() - 5 * kSecond;
        std::deque<Columns> columns;
        std::vector<expr::Input> inputs;
        for (const expr::ProgramTag& tag : made->program->tags()) {
            columns.emplace_back();
            if (const auto of = history_->find(tenant_, tag.path)) columns.back().fill(stored(of->id), of->type);
            inputs.push_back(columns.back().input());
        }
        const expr::Column column = expr::run(*made->program, inputs, {.until = end});
        std::vector<std::string> want, have;
        for (std::size_t i = 0; i < column.size(); ++i) want.push_back(row(column, i, made->minor));
        const Rows rows = stored(info->id);
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (rows.time(i) <= end) have.push_back(row(rows, i));
        for (std::size_t i = 0; i < std::max(want.size(), have.size()); ++i) {
            const std::string one = i < want.size() ? want[i] : "nothing",
                              other = i < have.size() ? have[i] : "nothing";
            if (one != other) return fmt::format("row {} of {}: columns give{}, stored is{}", i, path, one, other);
        }
        compared_ += want.size();
        return "";
    }
    std::size_t compared() const { return compared_; }

private:
    // Readings of one tag as columns.
    struct Columns {
        ValueType type = ValueType::number;
        std::vector<TimeNs> times;
        std::vector<double> numbers;
        std::vector<std::int64_t> integers;
        std::vector<std::string> texts;
        std::vector<Quality> qualities;

        void fill(const Rows& rows, ValueType of) {
            type = of;
            for (std::size_t i = 0; i < rows.size(); ++i) {
                times.push_back(rows.time(i));
                qualities.push_back(rows.quality(i));
                const Value value = rows.value(i);
                if (type == ValueType::text)
                    texts.push_back(std::get<std::string>(value));
                else if (type == ValueType::integer)
                    integers.push_back(std::get<std::int64_t>(value));
                else
                    numbers.push_back(as_number(value).value_or(0));
            }
        }
        expr::Input input() const { return {type, times, numbers, integers, texts, qualities}; }
    };

    Rows stored(TagId tag) const {
        const auto series = history_->read({.tags = {tag}, .window = {INT64_MIN, INT64_MAX}});
        return !series || series->empty() ? Rows{} : series->front().rows;
    }

    std::string row(const expr::Column& column, std::size_t i, double minor) const {
        const expr::Kind kind = column.kind == expr::Kind::any ? column.kinds[i] : column.kind;
        std::string value = "null";
        Quality quality = column.qualities[i];
        if (column.states[i] == expr::row_known) {
            if (kind == expr::Kind::text || kind == expr::Kind::quality)
                value = column.texts[i];
            else if (kind == expr::Kind::date)
                value = expr::date_text(column.integers[i]);
            else if (expr::is_money(kind) && std::abs(column.integers[i]) >= 1'000'000'000'000'000)
                quality = bad(Reason::range);
            else if (expr::is_money(kind))
                value = to_string(Value{static_cast<double>(column.integers[i]) / minor});
            else if (kind == expr::Kind::integer)
                value = to_string(Value{column.integers[i]});
            else if (kind == expr::Kind::truth)
                value = column.numbers[i] != 0 ? "true" : "false";
            else
                value = to_string(Value{column.numbers[i]});
        } else if (quality.usable()) {
            quality = bad(Reason::computed);
        }
        quality.late = false;
        return fmt::format(" {}={}{}", at(column.times[i]), value, quality.good() ? "" : " " + to_string(quality));
    }

    // ---- the world

    void up() {
        metrics_ = std::make_unique<Metrics>();
        pool_ = world_.make_pool();
        std::vector<io::Loop*> lanes;
        for (std::size_t i = 0; i < lane_count_; ++i) {
            loops_.push_back(world_.make_loop());
            lanes.push_back(loops_.back().get());
        }
        auto registry =
            registry::Registry::create(files_, world_.clock(), {.folder = "/data/registry", .key_folder = "/keys"});
        ASSERT_TRUE(registry) << registry.error().text();
        registry_ = std::move(*registry);
        registry_->add_kind(rule_kind());
        registry_->add_kind(virtual_tag_kind());
        const auto loaded = registry_->load();
        ASSERT_TRUE(loaded) << loaded.error().text();
        auto history =
            history::History::create(files_, world_.clock(), *metrics_, lanes, *pool_, {.folder = "/data/history"});
        ASSERT_TRUE(history) << history.error().text();
        history_ = std::move(*history);
        // As the program does it: tags follow their devices, which have their places to themselves.
        registry_->subscribe([this](const registry::Change& change) {
            if (change.resource.kind == "device" && change.what != registry::Change::What::deleted)
                move(change.resource);
            EXPECT_TRUE(registry::follow_units(*registry_, *history_, change));
        });
        registry_->set_last_check(
            [this](const registry::ResourceReader& before, const registry::Resource& next) -> Result<void> {
                TRY(registry::check_tag_alias(before, *history_, next));
                TRY(registry::check_value_types(before, *history_, next));
                return check_virtual_tags(before, *history_, next);
            });
        for (const auto& [tenant, name] : registry_->tenants())
            for (const auto& device : registry_->list_shared(tenant, "device")) {
                move(*device);
                EXPECT_TRUE(registry::follow_units(*registry_, *history_, *device));
            }
        auto flow = Flow::create({*registry_, *history_, *history_, *history_, world_.clock(), lanes, *pool_, *metrics_,
                                  [this](const Rows& rows) { return history_->import(rows); },
                                  [this](const history::Cut& cut) { return history_->cut(cut); }, history_.get()});
        ASSERT_TRUE(flow);
        flow_ = std::move(*flow);
        history_->set_stage(flow_.get());
        flow_->alarms().subscribe([this](const Alarm& alarm, std::string_view what) { tell(alarm, what); });
        const auto started = flow_->start();
        ASSERT_TRUE(started) << started.error().text();
        settle();
    }

    void move(const registry::Resource& device) {
        const auto moved = history_->move_source(device.tenant, "d:" + device.uid, device.name);
        EXPECT_TRUE(moved) << moved.error().text();
    }

    void down() {
        if (history_) history_->set_stage(nullptr);
        flow_.reset();
        history_.reset();
        registry_.reset();
        loops_.clear();
        pool_.reset();
    }

    // Everything that follows from what was done, without time going by.
    void settle() {
        world_.run_until([this] { return flow_->ready(); }, kSecond);
        world_.run_for(0);
    }

    std::string at(TimeNs time) const {
        const double seconds = static_cast<double>(time - base_ - start_) / 1e9;
        return fmt::format("{:.6g}s", seconds);
    }

    void tell(const Alarm& alarm, std::string_view what) {
        const std::string of = alarm.device.empty() ? alarm.rule : alarm.rule + "@" + alarm.device;
        const std::string tenant =
            alarm.tenant == *registry_->tenant_id("default") ? "" : registry_->tenant_name(alarm.tenant) + ": ";
        if (what == "raised") {
            said_ += fmt::format("{}{} raised at {} {}: {} [", tenant, of, at(alarm.raised), to_string(alarm.severity),
                                 alarm.message_en);
            for (std::size_t i = 0; i < alarm.why.values.size(); ++i) {
                const WhyValue& value = alarm.why.values[i];
                said_ +=
                    fmt::format("{}{} = {}{}{} @{}{}", i ? ", " : "", value.expression,
                                value.value ? to_string(*value.value) : "null", value.unit.empty() ? "" : " ",
                                value.unit, at(value.ts), value.quality.good() ? "" : " " + to_string(value.quality));
            }
            said_ += "]\n";
        } else if (what == "cleared") {
            said_ += fmt::format("{}{} cleared at {}{}\n", tenant, of, at(*alarm.cleared),
                                 alarm.cleared_reason.empty() ? "" : ": " + alarm.cleared_reason);
        } else if (what == "acknowledged") {
            said_ += fmt::format("{}{} acknowledged by {}\n", tenant, of, alarm.acknowledged_by);
        } else if (what != "comment") {
            said_ += fmt::format("{}{} {}: {}\n", tenant, of, what, to_string(alarm.state()));
        } else {
            said_ += fmt::format("{}{} {}\n", tenant, of, what);
        }
    }

    registry::Actor actor() const {
        return {.tenant = tenant_,
                .tenant_name = registry_->tenant_name(tenant_),
                .who = "test",
                .role = registry::Role::admin,
                .from = ""};
    }

    // ---- commands: each gives what went wrong, or nothing

    std::string command(const std::string& word, const std::string& rest) {
        if (word.starts_with("+")) return pass(word.substr(1));
        using Member = std::string (Stand::*)(const std::string&);
        static const std::map<std::string, Member> commands{
            {"type", &Stand::type},
            {"device", &Stand::device},
            {"tag", &Stand::tag},
            {"rule", &Stand::rule},
            {"edit", &Stand::edit},
            {"rename", &Stand::rename},
            {"delete", &Stand::remove},
            {"feed", &Stand::feed},
            {"restart", &Stand::restart},
            {"crash", &Stand::crash},
            {"down", &Stand::stay_down},
            {"clock", &Stand::clock},
            {"fail", &Stand::fail},
            {"deaf", &Stand::deaf},
            {"tenant", &Stand::tenant},
            {"alarms", &Stand::alarms},
            {"ack", &Stand::acknowledge},
            {"comment", &Stand::comment},
            {"journal", &Stand::journal},
            {"counts", &Stand::counts},
            {"check", &Stand::check},
            {"why", &Stand::why},
            {"lanes", &Stand::nothing},
            {"sees", &Stand::sees},
            {"places", &Stand::places},
            {"site", &Stand::site},
            {"tags", &Stand::tags},
            {"title", &Stand::title},
            {"messages", &Stand::messages},
            {"leads", &Stand::leads},
            {"stopped", &Stand::stopped},
            {"rehearse", &Stand::rehearse},
            {"shelve", &Stand::shelve},
            {"unshelve", &Stand::unshelve},
            {"out", &Stand::out},
            {"back", &Stand::back},
            {"shelves", &Stand::shelves},
            {"groups", &Stand::groups},
            {"virtual", &Stand::virtual_tag},
            {"editv", &Stand::edit_virtual},
            {"values", &Stand::values},
            {"states", &Stand::states},
            {"intervals", &Stand::intervals},
            {"preview", &Stand::preview},
            {"backfill", &Stand::backfill},
            {"alias", &Stand::alias},
        };
        const auto found = commands.find(word);
        if (found == commands.end()) return "no such command: " + word;
        return (this->*found->second)(rest);
    }

    std::string nothing(const std::string&) { return ""; }

    std::string put(std::string_view kind, const std::string& name, const std::string& json) {
        auto spec = registry::parse_json(json);
        if (!spec) return spec.error().text();
        const auto changed = registry_->put(actor(), kind, name, *spec);
        settle();
        return changed ? "" : changed.error().text();
    }

    std::string type(const std::string& rest) {
        std::istringstream in(rest);
        std::string name, properties;
        in >> name;
        for (std::string one; in >> one;) {
            std::istringstream parts(one);
            std::string property, value_type, unit;
            std::getline(parts, property, ':');
            std::getline(parts, value_type, ':');
            std::getline(parts, unit);
            properties += fmt::format("{}{{\"name\":\"{}\",\"type\":\"{}\",\"unit\":\"{}\"}}",
                                      properties.empty() ? "" : ",", property, value_type, unit);
        }
        return put("device_type", name, "{\"properties\":[" + properties + "]}");
    }

    // alias NAME TAG
    std::string alias(const std::string& rest) {
        const std::size_t blank = rest.find(' ');
        return put("tag_alias", rest.substr(0, blank), fmt::format(R"({{"target":"{}"}})", rest.substr(blank + 1)));
    }

    std::string site(const std::string& rest) {
        const auto space = rest.find(' ');
        return put("site", rest.substr(0, space), "{\"time_zone\":\"" + rest.substr(space + 1) + "\"}");
    }

    std::string device(const std::string& rest) {
        const auto space = rest.find(' ');
        return put("device", rest.substr(0, space), "{\"type\":\"" + rest.substr(space + 1) + "\"}");
    }

    std::string title(const std::string& rest) {
        std::istringstream in(rest);
        std::string name, zh, en;
        in >> name >> zh;
        std::getline(in >> std::ws, en);
        const auto changed =
            registry_->patch(actor(), "device", name,
                             *registry::parse_json(fmt::format("{{\"title_zh\":\"{}\",\"title_en\":\"{}\"}}", zh, en)));
        settle();
        return changed ? "" : changed.error().text();
    }

    std::string rule(const std::string& rest) {
        const auto space = rest.find(' ');
        return put("rule", rest.substr(0, space), rest.substr(space + 1));
    }

    std::string edit(const std::string& rest) {
        const auto space = rest.find(' ');
        const auto changed =
            registry_->patch(actor(), "rule", rest.substr(0, space), *registry::parse_json(rest.substr(space + 1)));
        settle();
        return changed ? "" : changed.error().text();
    }

    std::string virtual_tag(const std::string& rest) {
        const auto space = rest.find(' ');
        return put("virtual_tag", rest.substr(0, space), rest.substr(space + 1));
    }

    std::string edit_virtual(const std::string& rest) {
        const auto space = rest.find(' ');
        const auto changed = registry_->patch(actor(), "virtual_tag", rest.substr(0, space),
                                              *registry::parse_json(rest.substr(space + 1)));
        settle();
        return changed ? "" : changed.error().text();
    }

    std::string row(const Rows& rows, std::size_t i) const {
        Quality quality = rows.quality(i);
        quality.late = false;
        return fmt::format(" {}={}{}", at(rows.time(i)), quality.usable() ? to_string(rows.value(i)) : "null",
                           quality.good() ? "" : " " + to_string(quality));
    }

    std::string values(const std::string& rest) {
        std::istringstream in(rest);
        std::string glob, back;
        in >> glob >> back;
        const TimeNs from = back.empty() ? INT64_MIN : world_.clock().now() - length(back);
        for (const TagInfo& info : history_->match(tenant_, glob, 100)) {
            const auto deleted = info.path.find(".deleted-");
            said_ += info.path.substr(0, deleted) + (deleted == std::string::npos ? "" : ".deleted-UID") +
                     (info.unit.empty() ? "" : " " + info.unit) + ":";
            const auto series = history_->read({.tags = {info.id}, .window = {from, INT64_MAX}});
            if (!series) return series.error().text();
            for (const Series& one : *series)
                for (std::size_t i = 0; i < one.rows.size(); ++i) said_ += row(one.rows, i);
            said_ += "\n";
        }
        return "";
    }

    std::string intervals(const std::string&) {
        auto page = history_->find_intervals(tenant_, {.with_withdrawn = true, .intervals_max = 1000});
        if (!page) return page.error().text();
        std::ranges::reverse(page->intervals);
        for (const Interval& one : page->intervals) {
            said_ += fmt::format("{} {} {} to {} by {}", one.path, one.kind, at(one.from), one.to ? at(*one.to) : "…",
                                 to_string(one.source));
            for (const auto& [name, value] : one.attributes) said_ += fmt::format(" {}={}", name, to_string(value));
            said_ += fmt::format(" r{}{}{}\n", one.revision, one.reason.empty() ? "" : ": ", one.reason);
        }
        return page->intervals.empty() ? "none" : "";
    }

    std::string states(const std::string&) {
        bool any = false;
        for (const VirtualState& state : flow_->virtual_tags().states(tenant_)) {
            if (state.runs) continue;
            any = true;
            said_ += fmt::format("{} at {} {}: {}\n{}\n", state.name, state.path, state.waits ? "waits" : "is stopped",
                                 state.why_en, state.why_zh);
        }
        if (!any) said_ += "all run\n";
        return "";
    }

    std::string preview(const std::string& rest) {
        std::istringstream in(rest);
        std::string back, device, json;
        in >> back >> std::ws;
        if (in.peek() != '{') in >> device >> std::ws;
        std::getline(in, json);
        const auto spec = registry::parse_json(json);
        const auto normal = registry_->kind("virtual_tag")->normalize(*spec);
        if (!normal) return normal.error().text();
        registry::Resource tag{.tenant = tenant_, .kind = "virtual_tag", .name = "tried", .spec = *normal};
        const TimeNs now = world_.clock().now();
        VirtualPreviewQuestion question{
            .tag = tag, .device = device, .window = {now - length(back), now}, .rows_max = 5};
        if (!seen_.empty()) question.sees = [this](std::string_view path) { return path.starts_with(seen_); };
        const auto answer = flow_->virtual_tags().preview(question);
        if (!answer) return answer.error().text();
        if (!answer->problem_en.empty()) return answer->problem_en + "\n" + answer->problem_zh;
        said_ += fmt::format("{}{} of", answer->type ? to_string(*answer->type) : "unknown",
                             answer->unit.empty() ? "" : " in " + answer->unit);
        for (const auto& input : answer->inputs) said_ += " " + input.path + (input.there ? "" : "(none)");
        said_ += fmt::format("; {} values:", answer->count);
        for (std::size_t i = 0; i < answer->rows.size(); ++i) said_ += row(answer->rows, i);
        said_ += "\n";
        return "";
    }

    std::string backfill(const std::string& rest) {
        std::istringstream in(rest);
        std::string name, back;
        in >> name >> back;
        const TimeNs now = world_.clock().now();
        const auto begun = flow_->virtual_tags().backfill(tenant_, name, {now - length(back), now}, "li");
        if (!begun) return begun.error().text();
        const auto told = [&] { return flow_->virtual_tags().backfills(tenant_).front(); };
        world_.run_until([&] { return told().state != VirtualBackfill::State::running; }, kMinute);
        said_ += fmt::format("{} {:.0f}%: {} readings gave {} values at {} of {} places{}\n", to_string(told().state),
                             told().progress * 100, told().readings, told().rows, told().places_done, told().places,
                             told().error);
        return "";
    }

    std::string rename(const std::string& rest) {
        std::istringstream in(rest);
        std::string kind, name, to;
        in >> kind >> name >> to;
        const auto changed = registry_->rename(actor(), kind, name, to);
        settle();
        return changed ? "" : changed.error().text();
    }

    std::string remove(const std::string& rest) {
        const auto space = rest.find(' ');
        const auto changed = registry_->remove(actor(), rest.substr(0, space), rest.substr(space + 1));
        settle();
        return changed ? "" : changed.error().text();
    }

    std::string rehearse(const std::string& rest) {
        const auto space = rest.find(' ');
        const auto spec = registry::parse_json(rest.substr(space + 1));
        if (!spec) return spec.error().text();
        const auto change = registry_->put(actor(), "rule", "tried", *spec, {.dry_run = true});
        if (!change) return change.error().text();
        const TimeNs now = world_.clock().now();
        const auto answer =
            flow_->rehearse({.rule = change->resource, .window = {now - length(rest.substr(0, space)), now}});
        if (!answer) return answer.error().text();
        for (auto alarm = answer->alarms.rbegin(); alarm != answer->alarms.rend(); ++alarm) {
            tell(*alarm, "raised");
            if (alarm->cleared) tell(*alarm, "cleared");
        }
        return fmt::format("{}{} in {} readings of {} devices, {:.6g}s active{}", answer->count,
                           answer->suppressed ? fmt::format(" and {} suppressed", answer->suppressed) : "",
                           answer->readings, answer->devices, static_cast<double>(answer->active) / 1e9,
                           answer->complete ? "" : ", until " + at(answer->until));
    }

    Result<TagId> resolve(const std::string& path, ValueType value_type, const std::string& unit) {
        const auto dot = path.find('.');
        const std::string device = path.substr(0, dot);
        const auto resource = registry_->find(tenant_, "device", device);
        const std::string source = resource ? "d:" + resource->uid : "p:" + device;
        return history_->resolve({tenant_, source, path.substr(dot + 1)}, path, value_type, unit);
    }

    std::string tag(const std::string& rest) {
        std::istringstream in(rest);
        std::string path, value_type, unit;
        in >> path >> value_type >> unit;
        const auto made = resolve(path, *parse_value_type(value_type), unit);
        return made ? "" : made.error().text();
    }

    static DurationNs length(const std::string& text) {
        const auto duration = parse_duration(text);
        EXPECT_TRUE(duration) << text;
        return duration.value_or(0);
    }

    // Those of one time and shard together; nullopt if one of them would not come so: a text, what is no number, or
    // of another type than its tag.
    std::optional<gongshu::Columns> columns_of(const Rows& rows) {
        gongshu::Columns columns;
        ColumnBlock block;
        std::optional<ColumnBlock> last;
        std::vector<TagId> tags;
        std::vector<ValueType> types;
        const auto finish = [&] {
            if (tags.empty()) return;
            TupleShapePtr& shape = shapes_[tags];
            if (!shape) shape = std::make_shared<const TupleShape>(tags, types);
            block.shape = shape;
            // What goes on where the last block ended belongs to it.
            if (last && last->shape == shape && last->times.back() < block.times.front()) {
                block = joined(*last, block);
            } else if (last) {
                columns.add(*std::exchange(last, {}));
            }
            last = std::exchange(block, {});
            tags.clear();
            types.clear();
        };
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const TagId tag = rows.tag(i);
            const ValueType type = rows.type(i);
            const auto info = history_->info(tag);
            if (!info || info->type != type || type == ValueType::text) return std::nullopt;
            if (std::isnan(as_number(rows.value(i)).value_or(0))) return std::nullopt;
            if (tags.empty() || rows.time(i) != block.times.front() || shard_of(tag) != shard_of(tags.front()) ||
                std::ranges::find(tags, tag) != tags.end()) {
                finish();
                block.times = {rows.time(i)};
            }
            tags.push_back(tag);
            types.push_back(type);
            block.bits.push_back(rows.bits(i));
            block.qualities.push_back(rows.quality_bits(i));
        }
        finish();
        if (last) columns.add(std::move(*last));
        return columns;
    }
    // The rows of the one and then those of the other.
    static ColumnBlock joined(const ColumnBlock& a, const ColumnBlock& b) {
        ColumnBlock both{.shape = a.shape, .times = a.times, .bits = {}, .qualities = {}};
        both.times.insert(both.times.end(), b.times.begin(), b.times.end());
        for (std::size_t i = 0; i < a.width(); ++i)
            for (const ColumnBlock* part : {&a, &b})
                for (std::size_t row = 0; row < part->rows(); ++row) {
                    both.bits.push_back(part->column(i)[row]);
                    both.qualities.push_back(part->quality_bits(row, i));
                }
        return both;
    }

    std::string feed(const std::string& rest) {
        std::istringstream all(rest);
        Rows rows;
        std::string device;
        for (std::string one; std::getline(all, one, ';');) {
            std::istringstream in(one);
            std::string path, text, more;
            in >> path >> text;
            if (path.find('.') == std::string::npos) path = device + "." + path;
            device = path.substr(0, path.find('.'));
            TimeNs time = world_.clock().now();
            Quality quality;
            while (in >> more) {
                if (more.starts_with("@-"))
                    time -= length(more.substr(2));
                else if (more.starts_with("@+"))
                    time += length(more.substr(2));
                else
                    quality = parse_quality(more).value_or(bad(Reason::config));
            }
            const bool truth = text == "true" || text == "false";
            const bool number =
                !truth && (text == "nan" || text.find_first_not_of("0123456789.-e") == std::string::npos);
            const ValueType value_type = truth ? ValueType::boolean : number ? ValueType::number : ValueType::text;
            const auto id = resolve(path, value_type, "");
            if (!id) return id.error().text();
            if (truth)
                rows.add_boolean(*id, time, text == "true", quality);
            else if (number)
                rows.add_number(*id, time, std::strtod(text.c_str(), nullptr), quality);
            else
                rows.add_text(*id, time, text, quality);
        }
        std::optional<Result<Appended>> answer;
        const auto done = [&](Result<Appended> result) { answer = std::move(result); };
        if (auto columns = sends_columns_ ? columns_of(rows) : std::nullopt)
            history_->append_columns(std::move(*columns), Durability::sync, done);
        else
            history_->append(std::move(rows), Durability::sync, done);
        world_.run_until([&] { return answer.has_value(); }, kSecond);
        settle();
        return !answer ? "no answer" : *answer ? "" : answer->error().text();
    }

    // Simulated time steps that the store needs for itself are not counted.
    std::string pass(const std::string& text) {
        const TimeNs goal = world_.clock().monotonic() + length(text);
        const TimeNs rounded = start_mono_ + (goal - start_mono_ + kSecond / 2) / kSecond * kSecond;
        world_.run_for(
            std::max<DurationNs>(0, (length(text) >= kSecond ? rounded : goal) - world_.clock().monotonic()));
        settle_events();
        return "";
    }

    // Events raised at the very end of a step still have to be synced.
    void settle_events() { world_.run_for(5 * kMillisecond); }

    std::string restart(const std::string&) {
        history_->stop();
        down();
        up();
        settle_events();
        return "";
    }

    std::string crash(const std::string&) {
        files_.crash();
        down();
        up();
        settle_events();
        return "";
    }

    std::string stay_down(const std::string& text) {
        history_->stop();
        down();
        world_.run_for(length(text));
        up();
        settle_events();
        return "";
    }

    std::string clock(const std::string& text) {
        const DurationNs by = (text[0] == '-' ? -1 : 1) * length(text.substr(1));
        world_.clock().jump(by);
        base_ += by;
        return "";
    }

    // The store keeps rows that the rules do not see, as when the power fails between the two.
    std::string deaf(const std::string&) {
        history_->set_stage(nullptr);
        return "";
    }

    std::string fail(const std::string&) {
        files_.fail_nth(1);
        return "";
    }

    std::string tenant(const std::string& name) {
        if (!registry_->tenant_id(name)) {
            const TenantId before = std::exchange(tenant_, *registry_->tenant_id("default"));
            const std::string problem = put("tenant", name, "{\"title\":\"" + name + "\"}");
            if (!problem.empty()) {
                tenant_ = before;
                return problem;
            }
        }
        tenant_ = *registry_->tenant_id(name);
        return "";
    }

    std::string alarms(const std::string& state) {
        const auto list =
            flow_->alarms().list(tenant_, {.state = parse_state_filter(state).value_or(StateFilter::active)});
        if (list.empty()) said_ += "none\n";
        for (const Alarm& alarm : list)
            said_ += fmt::format("{}{}{} {} at {}{}{}\n", alarm.rule, alarm.device.empty() ? "" : "@", alarm.device,
                                 to_string(alarm.state()), at(alarm.raised),
                                 alarm.cleared ? " until " + at(*alarm.cleared) : "",
                                 alarm.acknowledged ? " acknowledged by " + alarm.acknowledged_by : "");
        return "";
    }

    // Counts by group, and what is active of the one that is named.
    std::string groups(const std::string& group) {
        for (const auto& [name, counts] : flow_->alarms().counts_by_group(tenant_))
            said_ += fmt::format("{}: {}\n", name.empty() ? "(none)" : name, fmt::join(counts, " "));
        if (group.empty()) return "";
        for (const Alarm& alarm : flow_->alarms().list(tenant_, {.group = group == "-" ? "" : group}))
            said_ += alarm.rule + "\n";
        return "";
    }

    std::string messages(const std::string&) {
        for (const Alarm& alarm : flow_->alarms().list(tenant_, {}))
            said_ += fmt::format("{} | {}\n", alarm.message_zh, alarm.message_en);
        return "";
    }

    std::string leads(const std::string& rule) {
        const auto alarm = flow_->alarms().get(tenant_, id_of(rule));
        if (!alarm) return alarm.error().text();
        const auto masked = [](const std::string& path) {
            const auto hash = path.find('~');
            return hash == std::string::npos ? path : path.substr(0, hash) + "~HASH";
        };
        said_ +=
            fmt::format("device {}, tag {}, values", alarm->device.empty() ? "-" : alarm->device, masked(alarm->tag));
        for (const WhyValue& value : alarm->why.values) said_ += " " + masked(value.tag);
        said_ += "\n";
        return "";
    }

    std::string id_of(const std::string& rule) const {
        for (const Alarm& alarm : flow_->alarms().list(tenant_, {.state = StateFilter::all}))
            if (alarm.rule == rule || alarm.rule + "@" + alarm.device == rule) return alarm.id;
        return "none";
    }

    std::string follow(const std::string& rest, bool acknowledge) {
        std::istringstream in(rest);
        std::string rule, who, text;
        in >> rule >> who;
        std::getline(in >> std::ws, text);
        std::optional<Result<Alarm>> answer;
        const auto done = [&](Result<Alarm> result) { answer = std::move(result); };
        if (acknowledge)
            flow_->alarms().acknowledge(tenant_, id_of(rule), who, text, done);
        else
            flow_->alarms().comment(tenant_, id_of(rule), who, text, done);
        world_.run_until([&] { return answer.has_value(); }, kSecond);
        if (!answer) return "no answer";
        if (*answer) return "";
        std::string error = answer->error().text();
        if (const auto at = error.find(id_of(rule)); at != std::string::npos && id_of(rule).size() == 16)
            error.replace(at, 16, "ID");
        return error;
    }
    std::string acknowledge(const std::string& rest) { return follow(rest, true); }
    std::string comment(const std::string& rest) { return follow(rest, false); }

    // "hot@site1/cnc1 li why", before "li" a length of time if there is one.
    std::string set_aside(const std::string& rest, ShelfKind kind, bool begins) {
        std::istringstream in(rest);
        std::string of, word, who, text;
        in >> of;
        if (begins && kind == ShelfKind::shelved) in >> word;
        in >> who;
        std::getline(in >> std::ws, text);
        const auto at = of.find('@');
        auto shelf = shelf_of(*registry_, tenant_, of.substr(0, at), at == std::string::npos ? "" : of.substr(at + 1));
        if (!shelf) return shelf.error().text();
        shelf->kind = kind;
        std::optional<Result<Shelf>> answer;
        const auto done = [&](Result<Shelf> result) { answer = std::move(result); };
        if (begins) {
            shelf->by = who;
            shelf->reason = text;
            if (!word.empty()) shelf->until = world_.clock().now() + length(word);
            flow_->alarms().shelve(*shelf, done);
        } else {
            flow_->alarms().unshelve(*shelf, who, text, done);
        }
        world_.run_until([&] { return answer.has_value(); }, kSecond);
        settle();
        settle_events();
        sort_said();
        return !answer ? "no answer" : *answer ? "" : answer->error().text();
    }
    // Devices of one rule are told in the order of their uids, another in each run.
    void sort_said() {
        std::istringstream in(said_);
        std::vector<std::string> lines;
        for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
        std::ranges::sort(lines);
        said_ = fmt::format("{}", fmt::join(lines, ""));
    }
    std::string shelve(const std::string& rest) { return set_aside(rest, ShelfKind::shelved, true); }
    std::string unshelve(const std::string& rest) { return set_aside(rest, ShelfKind::shelved, false); }
    std::string out(const std::string& rest) { return set_aside(rest, ShelfKind::out_of_service, true); }
    std::string back(const std::string& rest) { return set_aside(rest, ShelfKind::out_of_service, false); }

    std::string shelves(const std::string&) {
        const auto list = flow_->alarms().shelves(tenant_);
        if (list.empty()) said_ += "none\n";
        for (const Shelf& shelf : list)
            said_ += fmt::format("{}{}{} {} since {}{} by {}: {}\n", shelf.rule, shelf.device.empty() ? "" : "@",
                                 shelf.device, to_string(shelf.kind), at(shelf.since),
                                 shelf.until ? " until " + at(*shelf.until) : "", shelf.by, shelf.reason);
        return "";
    }

    std::string journal(const std::string& rule) {
        const auto alarm = flow_->alarms().get(tenant_, id_of(rule));
        if (!alarm) return alarm.error().text();
        for (const JournalEntry& entry : alarm->journal)
            said_ += fmt::format("{:.0f}s {}{}{}\n", static_cast<double>(entry.time - base_ - start_) / 1e9, entry.what,
                                 entry.who.empty() ? "" : " " + entry.who,
                                 entry.comment.empty() ? "" : ": " + entry.comment);
        return "";
    }

    std::string counts(const std::string&) {
        const AlarmCounts counts = flow_->alarms().counts(tenant_);
        for (std::size_t i = 0; i < kSeverityCount; ++i)
            said_ += fmt::format("{}{}={}", i ? " " : "", to_string(static_cast<Severity>(i)), counts[i]);
        said_ += "\n";
        return "";
    }

    std::string check(const std::string& rest) {
        const auto space = rest.find(' ');
        CheckQuestion question{.tenant = tenant_, .condition = rest.substr(space + 1), .device = rest.substr(0, space)};
        if (question.device == "-") question.device.clear();
        if (question.device.starts_with("type:")) question.device_type = std::exchange(question.device, "").substr(5);
        if (!seen_.empty()) question.sees = [this](std::string_view path) { return path.starts_with(seen_); };
        std::optional<CheckAnswer> answer;
        flow_->check(std::move(question), [&](CheckAnswer given) { answer = std::move(given); });
        world_.run_until([&] { return answer.has_value(); }, kSecond);
        if (!answer) return "no answer";
        if (answer->error) return answer->error->to_error().text();
        said_ += !answer->value ? "unknown" : *answer->value ? "true" : "false";
        for (const CheckTag& tag : answer->tags)
            said_ += " " + tag.path + "=" + (tag.last ? to_string(tag.last->value) : "none");
        for (const std::string& use : answer->uses) said_ += " " + use + "()";
        said_ += (answer->window.empty() ? "" : " window " + answer->window) + "\n";
        return "";
    }

    std::string stopped(const std::string&) {
        const auto list = flow_->stopped(tenant_);
        if (list.empty()) said_ += "none\n";
        for (const StoppedRule& rule : list)
            said_ += fmt::format("{}{}{} x{} since {}: {}\n{}\n", rule.waits ? "waits: " : "", rule.rule,
                                 rule.device.empty() ? "" : "@" + rule.device, rule.devices, at(rule.since),
                                 rule.why_en, rule.why_zh);
        return "";
    }

    // Those who check from now on see what begins with this.
    std::string sees(const std::string& rest) {
        seen_ = rest;
        return "";
    }

    std::string places(const std::string& rest) {
        auto spec = registry::parse_json(rest);
        if (!spec) return spec.error().text();
        const auto normal = registry_->kind("rule")->normalize(*spec);
        if (!normal) return normal.error().text();
        const auto found = places_of_rule(*registry_, *history_, tenant_, *normal);
        if (!found) return found.error().text();
        said_ += fmt::format("device {}, type {}, tags {}\n", found->device.empty() ? "-" : found->device,
                             found->device_type.empty() ? "-" : found->device_type, fmt::join(found->tags, " "));
        return "";
    }

    std::string tags(const std::string& glob) {
        for (const TagInfo& info : history_->match(tenant_, glob, 100)) {
            // The hash of a path that made room is of a uid, another in each run.
            const auto hash = info.path.find('~');
            const auto [before, fresh] = paths_.try_emplace(info.id, info.path);
            said_ += info.path.substr(0, hash) + (hash == std::string::npos ? "" : "~HASH");
            const auto last = history_->last(info.id);
            said_ += fmt::format("={}{}{}{}\n", last ? to_string(last->value) : "none", info.unit.empty() ? "" : " ",
                                 info.unit, before->second == info.path ? "" : " moved");
            before->second = info.path;
        }
        return "";
    }

    // Every value of the alarm's why that is a plain tag must be what the store gives for that time.
    std::string why(const std::string& rule) {
        const auto alarm = flow_->alarms().get(tenant_, id_of(rule));
        if (!alarm) return alarm.error().text();
        said_ += alarm->why.text_en + "\n" + alarm->why.text_zh + "\n";
        for (const WhyValue& value : alarm->why.values) {
            if (value.expression.find('(') != std::string::npos) continue;
            const auto info = history_->find(tenant_, value.tag);
            if (!info) return "no tag " + value.tag;
            const auto series = history_->read({.tags = {info->id}, .window = {value.ts, value.ts + 1}});
            if (!series || series->at(0).rows.size() != 1) return "nothing stored at the time of " + value.expression;
            const Rows& rows = series->at(0).rows;
            if (!(rows.quality(0) == value.quality) || (value.value && rows.value(0) != *value.value))
                return "another value is stored than of " + value.expression;
        }
        said_ += "as stored\n";
        return "";
    }

    const std::size_t lane_count_;
    io::SimFiles files_;
    io::SimWorld world_{1};
    const TimeNs start_;
    const TimeNs start_mono_ = world_.clock().monotonic();
    DurationNs base_ = 0;  // by how much the wall clock was set
    TenantId tenant_;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<io::Pool> pool_;
    std::vector<std::unique_ptr<io::Loop>> loops_;
    std::unique_ptr<registry::Registry> registry_;
    std::unique_ptr<history::History> history_;
    std::unique_ptr<Flow> flow_;
    std::map<TagId, std::string> paths_;  // as tags said them last
    bool sends_columns_ = false;
    std::map<std::vector<TagId>, TupleShapePtr> shapes_;  // that columns had: who remembers one knows it again
    std::string seen_;
    std::string said_;
    std::size_t compared_ = 0;
};

}  // namespace gongshu::flow::test
