#include "api/proof_page.h"

#include <fmt/format.h>

#include "base/time_text.h"
#include "registry/json.h"

namespace gongshu::api {
namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

// Within <script type="application/json">: nothing there may look like a tag. '<' stands in texts only.
std::string as_data(std::string_view json) {
    std::string out;
    for (const char c : json) c == '<' ? out += "\\u003c" : out += c;
    return out;
}

// JSON is laid out for reading; anything else stands as it is.
std::string readable(std::string_view body) {
    const auto json = registry::parse_json(body);
    return escaped(json ? registry::to_pretty_text(*json) : std::string(body));
}

constexpr std::string_view kStyle =
    "body{font:13px/1.5 'Noto Sans SC','PingFang SC','Microsoft YaHei',system-ui,sans-serif;color:#1a1d21;margin:24px "
    "auto;"
    "max-width:720px;padding:0 16px}h1{font-size:20px;margin:0 0 4px}h2{font-size:14px;margin:20px 0 6px}"
    "table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:500;color:#5b636d;padding:3px 12px 3px 0;"
    "white-space:nowrap;vertical-align:top}td{padding:3px "
    "0;overflow-wrap:anywhere}.m{font-family:ui-monospace,Consolas,"
    "monospace;font-size:12px}pre{background:#f4f5f7;border-radius:6px;padding:10px;white-space:pre-wrap;overflow-wrap:"
    "anywhere;font-size:12px;margin:0}.top{display:flex;gap:24px;justify-content:space-between;align-items:flex-start}"
    ".qr svg{width:150px;height:150px;display:block}.g{color:#5b636d}@media "
    "print{body{margin:0}pre{background:none;border:"
    "1px solid #ccc}}";

}  // namespace

std::string proof_page(const ledger::Ledger& ledger, const ledger::Entry& entry, const ledger::TreeHead& head,
                       std::string_view proof, std::string (*qr)(std::string_view)) {
    std::string out;
    const auto add = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
    };
    const auto row = [&](std::string_view title, std::string_view value) {
        add("<tr><th>{}</th><td class=m>{}</td></tr>", title, escaped(value));
    };
    add("<!doctype html>\n<html lang=zh><head><meta charset=utf-8><meta name=viewport "
        "content=\"width=device-width,initial-scale=1\"><title>账本证明 Proof · {} · "
        "{}</title><style>{}</style></head><body>",
        escaped(ledger.name()), entry.number, kStyle);
    add("<div class=top><div><h1>账本证明 Proof of a ledger entry</h1><p class=g>第 {0} "
        "条在下述签名账本头之内，此后未被改动。<br>"
        "Entry {0} is within the signed head below and was not changed since.</p></div>",
        entry.number);
    const std::string head_text = ledger::head_text(ledger.name(), ledger.hash(), head) + to_hex(head.signature) + "\n";
    if (qr != nullptr) add("<div class=qr>{}</div>", qr(head_text));
    add("</div><h2>条目 Entry</h2>");
    if (entry.redacted_by) {
        add("<p>内容已依法删除，见第 {0} 条；只有其散列仍在账本内。<br>Its content was deleted, as entry {0} says; its "
            "hash alone is "
            "left.</p><table>",
            *entry.redacted_by);
        row("承诺 Commitment", to_hex(entry.commitment));
        add("</table>");
    } else {
        add("<table>");
        row("时间 Time", format_time(entry.time));
        row("种类 Kind", entry.kind);
        add("</table><pre>{}</pre>", readable(entry.body));
    }
    add("<h2>账本头 Head</h2><table>");
    row("账本 Ledger", ledger.name());
    row("条目数 Entries", std::to_string(head.size));
    row("时间 Time", format_time(head.time));
    row("根 Root", to_hex(head.root));
    row("签名 Signature", to_hex(head.signature));
    row("公钥 Public key", to_hex(ledger.public_key()));
    row("散列 Hash", to_string(ledger.hash()));
    add("</table><h2>核验 Check</h2><p>把本文件交给独立脚本（仅需 Python）：<code class=m>python3 verify_proof.py "
        "本文件.html --key "
        "公钥</code>。公钥须从别处得知；账本头可与任何人保存的一份比对（二维码即账本头）。<br>Give this file to the "
        "independent "
        "script, which needs nothing but Python. Know the public key from elsewhere; compare the head with one that "
        "anybody "
        "kept: the QR code is the head.</p>");
    add("<script type=\"application/json\" id=\"proof\">{}</script></body></html>\n", as_data(proof));
    return out;
}

}  // namespace gongshu::api
