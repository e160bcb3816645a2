#include "case/kind.h"

#include <gtest/gtest.h>

#include "case/kinds/kinds.h"
#include "case/testing/world_test.h"

namespace gongshu::cases {
namespace {

CaseKind small() {
    return {.name = "loan",
            .plural = "loans",
            .prefix = "LN",
            .start = "asked",
            .fields = {{.name = "amount", .title_zh = "数", .title_en = "Amount", .type = FieldType::number, .min = 0},
                       {.name = "days", .title_zh = "天", .title_en = "Days", .type = FieldType::integer, .min = 1},
                       {.name = "sort",
                        .title_zh = "类",
                        .title_en = "Sort",
                        .type = FieldType::choice,
                        .choices = {{"a", "甲", "A"}, {"b", "乙", "B"}}},
                       {.name = "text", .title_zh = "文", .title_en = "Text", .bytes_max = 5},
                       {.name = "at", .title_zh = "时", .title_en = "At", .type = FieldType::time},
                       {.name = "yes", .title_zh = "是", .title_en = "Yes", .type = FieldType::boolean}},
            .states = {{.name = "asked", .title_zh = "问", .title_en = "Asked"},
                       {.name = "done", .title_zh = "完", .title_en = "Done", .final = true}},
            .parties = {{.name = "all", .title_zh = "人", .title_en = "All"}},
            .actions = {{.name = "open",
                         .title_zh = "开",
                         .title_en = "Open",
                         .to = "asked",
                         .by = {"all"},
                         .takes = {"amount", "days", "sort", "text", "at", "yes"}},
                        {.name = "end",
                         .title_zh = "结",
                         .title_en = "End",
                         .from = {"asked"},
                         .to = "done",
                         .by = {"all"},
                         .takes = {"amount"},
                         .needs = {"amount"},
                         .guard = "amount < 10 or yes",
                         .guard_zh = "太多",
                         .guard_en = "too much"},
                        {.name = "lapse", .title_zh = "过", .title_en = "Lapse", .from = {"asked"}, .to = "done"}},
            .deadlines = {{.state = "asked", .after = kHour, .action = "lapse"}}};
}

TEST(CaseKind, ThoseOfThePlatformAreSound) {
    for (const CaseKind& kind : {change_approval_kind(), downtime_reason_kind(), small()}) {
        const auto checked = check_kind(kind);
        EXPECT_TRUE(checked) << checked.error().text();
    }
}

TEST(CaseKind, RefusesWhatCannotBe) {
    auto f = [](const std::function<void(CaseKind&)>& spoil, const char* want) {
        CaseKind kind = small();
        spoil(kind);
        const auto checked = check_kind(kind);
        ASSERT_FALSE(checked) << want;
        EXPECT_NE(checked.error().text().find(want), std::string::npos) << checked.error().text();
        EXPECT_EQ(checked.error().code(), Code::invalid);
    };
    f([](CaseKind& k) { k.name = "Loan"; }, "expected a name");
    f([](CaseKind& k) { k.prefix = "l"; }, "prefix: expected");
    f([](CaseKind& k) { k.start = "nowhere"; }, "start: there is no state \"nowhere\"");
    f([](CaseKind& k) { k.fields.push_back(k.fields[0]); }, "field amount is there twice");
    f([](CaseKind& k) { k.states[0].title_zh = ""; }, "state asked: expected a title in both languages");
    f([](CaseKind& k) { k.fields[2].choices[1].name = "a"; }, "field sort: choice a is there twice");
    f([](CaseKind& k) { k.actions[0].from = {"asked"}; }, "action open: from: open begins from no state");
    f([](CaseKind& k) { k.actions[1].from = {}; }, "action end: from: expected at least one state");
    f([](CaseKind& k) { k.actions[1].from = {"gone"}; }, "action end: it names the state gone, which is not there");
    f([](CaseKind& k) { k.actions[1].to = "gone"; }, "action end: it names the state gone, which is not there");
    f([](CaseKind& k) { k.actions[1].from = {"done"}; }, "action end: from: done is final");
    f([](CaseKind& k) { k.actions[1].by = {"nobody"}; }, "it names the party nobody, which is not there");
    f([](CaseKind& k) { k.actions[1].needs = {"price"}; }, "it names the field price, which is not there");
    f([](CaseKind& k) { k.actions[1].unlike = {"sign"}; }, "it names the action sign, which is not there");
    f([](CaseKind& k) { k.actions[1].guard = "amount < "; }, "action end: guard: column 10");
    f([](CaseKind& k) { k.actions[1].guard = "amount + 1"; }, "action end: guard: column");
    f([](CaseKind& k) { k.actions[1].guard = "price > 1"; }, "action end: guard: column 1");
    f([](CaseKind& k) { k.actions[1].guard_zh = ""; }, "guard: expected what it means");
    f([](CaseKind& k) { k.actions[0].to = "done"; }, "to: expected the start, asked");
    f([](CaseKind& k) { k.states.push_back({.name = "far", .title_zh = "远", .title_en = "Far"}); },
      "state far: nothing leads to it");
    f([](CaseKind& k) { k.states[1].final = false; }, "state done: nothing leads out of it");
    f([](CaseKind& k) { k.deadlines[0].action = "end"; }, "expected an action of the program");
    f([](CaseKind& k) { k.deadlines[0].state = "done"; }, "expected a state that is not final");
    f([](CaseKind& k) { k.deadlines[0].after = 0; }, "expected a time after 0");
    f([](CaseKind& k) { k.deadlines[0].after_field = "amount"; }, "expected an integer field");
    f([](CaseKind& k) { k.actions.erase(k.actions.begin()); }, "there is no action open");
}

TEST(CaseFields, AreCheckedAndMerged) {
    const CaseKind kind = small();
    auto f = [&](const char* before, const char* given, const char* want, const char* action = "open") {
        const auto merged = merge_fields(kind, *kind.action(action), test::fields(before), test::fields(given));
        const std::string text = merged ? registry::to_text(Json(*merged)) : merged.error().text();
        EXPECT_NE(text.find(want), std::string::npos) << text;
    };
    f("{}", R"({"amount":5,"text":"文"})", R"({"amount":5,"text":"文"})");
    f(R"({"amount":5,"text":"a"})", R"({"amount":null,"days":3})", R"({"text":"a","days":3})");
    f("{}", R"({"price":5})", "price: loan has no such field");
    f("{}", R"({"days":5})", "days: is not given with end", "end");
    f("{}", "{}", "amount: expected with end", "end");
    f("{}", R"({"amount":"5"})", "amount: expected a number, found \"5\"");
    f("{}", R"({"amount":-1})", "amount: expected a number within its limits");
    f("{}", R"({"days":1.5})", "days: expected a whole number");
    f("{}", R"({"days":0})", "days: expected a whole number within its limits");
    f("{}", R"({"sort":"c"})", "sort: expected one of a, b");
    f("{}", R"({"text":"abcdef"})", "text: 6 bytes, at most 5 are taken");
    f("{}", R"({"yes":1})", "yes: expected true or false");
    f("{}", R"({"at":"yesterday"})", "at: ");
    f("{}", R"({"at":"2026-01-02T03:04:05Z"})", R"({"at":"2026-01-02T03:04:05Z"})");
}

TEST(CaseGuard, UnknownIsNeverMet) {
    const CaseKind kind = small();
    auto f = [&](const char* fields, expr::Outcome want, std::string_view refused) {
        EXPECT_EQ(guard_of(kind, *kind.action("end"), test::fields(fields), 1).outcome, want) << fields;
        const auto met = check_guard(kind, *kind.action("end"), test::fields(fields), 1);
        EXPECT_EQ(met ? "" : std::string(met.error().text()), refused) << fields;
    };
    f(R"({"amount":9})", expr::Outcome::pass, "");
    f(R"({"amount":10})", expr::Outcome::unknown, "end: too much (it cannot be decided without yes)");
    f(R"({"amount":10,"yes":false})", expr::Outcome::fail, "end: too much");
    f(R"({"amount":10,"yes":true})", expr::Outcome::pass, "");
    f("{}", expr::Outcome::unknown, "end: too much (it cannot be decided without amount, yes)");
}

}  // namespace
}  // namespace gongshu::cases
