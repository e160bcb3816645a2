#include "workbook/number_format.h"

namespace gongshu::workbook {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// What of a format's first section means something.
struct Parts {
    bool date = false, clock = false, months_or_minutes = false, elapsed = false, percent = false, digits = false;
};

// [h] [mm] [ss] count on; [Red], [$-804], [>100] mean nothing here.
void take_bracket(std::string_view inside, Parts& parts) {
    if (inside.empty()) return;
    const char first = lower(inside.front());
    if (first != 'h' && first != 'm' && first != 's') return;
    for (const char c : inside)
        if (lower(c) != first) return;
    parts.elapsed = true;
}

Parts parts_of(std::string_view code) {
    Parts parts;
    for (std::size_t i = 0; i < code.size(); ++i) {
        const char c = lower(code[i]);
        if (c == ';') break;
        if (c == '\\' || c == '_' || c == '*') {
            ++i;
        } else if (c == '"') {
            i = std::min(code.find('"', i + 1), code.size());
        } else if (c == '[') {
            const std::size_t end = std::min(code.find(']', i), code.size());
            take_bracket(code.substr(i + 1, end - i - 1), parts);
            i = end;
        } else if (c == 'g' && lower(code.substr(i, 7).back()) == 'l' && code.size() - i >= 7) {
            i += 6;  // General
        } else if (c == 'e' && i + 1 < code.size() && (code[i + 1] == '+' || code[i + 1] == '-')) {
            ++i;  // 0.00E+00
        } else if (c == 'y' || c == 'd' || c == 'e') {
            parts.date = true;
        } else if (c == 'h' || c == 's') {
            parts.clock = true;
        } else if (c == 'm') {
            parts.months_or_minutes = true;
        } else if (c == '%') {
            parts.percent = true;
        } else if (c == '0' || c == '#' || c == '?') {
            parts.digits = true;
        }
    }
    return parts;
}

}  // namespace

CellKind kind_of_format(std::string_view code) {
    const Parts parts = parts_of(code);
    if (parts.elapsed) return CellKind::duration;
    if (parts.date) return CellKind::date;
    if (parts.clock) return CellKind::time;
    if (parts.months_or_minutes && !parts.digits) return CellKind::date;
    return parts.percent ? CellKind::percent : CellKind::number;
}

CellKind kind_of_builtin_format(std::uint32_t id) {
    if (id == 9 || id == 10) return CellKind::percent;
    if (id == 46) return CellKind::duration;
    if ((id >= 18 && id <= 21) || id == 45 || id == 47 || (id >= 32 && id <= 35) || id == 55 || id == 56)
        return CellKind::time;
    const bool date = (id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 31) || id == 36 ||
                      (id >= 50 && id <= 54) || id == 57 || id == 58;
    return date ? CellKind::date : CellKind::number;
}

}  // namespace gongshu::workbook
